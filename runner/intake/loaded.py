"""The outcome of loading a sheet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.job import JSON
from jobs.sheet.finding import excerpt
from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.exits import Refusal
from runner.files.naming import FileNameError, check_template

if TYPE_CHECKING:  # an unchanged sheet imports nothing that reads sheets
    from jobs.loading.columns import ColumnMap
    from jobs.loading.load import SkippedRows
    from jobs.sheet.finding import Finding
    from jobs.store.spans import Absence
    from jobs.store.staging import LoadPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """A sheet as it was understood, and what loading it does (or did)."""

    sheet: Path
    unread: bool = False  # same bytes, same options: not read again
    headers: tuple[str, ...] = ()
    layout: Mapping[str, JSON] = field(default_factory=dict)
    columns: "ColumnMap | None" = None
    identity: str | None = None
    plan: "LoadPlan | None" = None
    skipped: "SkippedRows | None" = None
    findings: "tuple[Finding, ...]" = ()
    problems: "tuple[Finding, ...]" = ()
    first: tuple[tuple[int, str, str], ...] = ()  # row, endpoint, fields (JSON)
    models: Mapping[str, int] = field(default_factory=dict)
    absence: "Absence | None" = None  # rows of --rows that the sheet does not have
    elsewhere: str = ""  # a sentence about another workspace that has its answers


def guess_words(headers: Sequence[str], columns: "ColumnMap | None") -> str:
    """The columns whose header only resembles a field's name, in a sentence; "" for none."""
    if columns is None or not columns.guessed:
        return ""
    sent = [
        f"{excerpt(headers[index], 40)} → {name}"
        for index, name in columns.fields
        if index in columns.guessed
    ]
    return say("run.guessed", columns=", ".join(sent))


def skipped_words(skipped: "SkippedRows") -> list[str]:
    """Sentences about the rows that are not sent."""
    words = []
    if skipped.empty:
        rows = ", ".join(map(str, skipped.first_empty))
        rows += ", …" if skipped.empty > len(skipped.first_empty) else ""
        words.append(say("rows.empty_skipped", count=f"{skipped.empty:,}", rows=rows))
    if skipped.hidden:
        words.append(say("rows.hidden_skipped", count=f"{skipped.hidden:,}"))
    return words


def how_read(layout: Mapping[str, JSON]) -> list[str]:
    """Format, encoding, delimiter and tab of a sheet in words, those that it has."""
    words = [str(layout["format"])]
    if layout["encoding"]:
        words.append(str(layout["encoding"]))
    if layout["delimiter"]:
        words.append(say("check.delimiter", delimiter=f'"{layout["delimiter"]}"'))
    if layout["tab"]:
        words.append(say("check.tab", tab=str(layout["tab"])))
    return words


def require_name(template: str, headers: Sequence[str]) -> None:
    """Raises Refusal if files cannot be named by this template."""
    try:
        check_template(template, headers)
    except FileNameError as error:
        raise Refusal(say("name.template", reason=reason(error))) from error
