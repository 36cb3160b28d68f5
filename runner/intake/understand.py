"""Reads a sheet as requests: its columns, the identity of its rows, its problems."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.job import JSON
from jobs.loading.columns import ColumnMap, nearest
from jobs.loading.load import Identity, LoadInto, is_running_number, stage
from jobs.loading.request import BAD_ROW, UnsuitedColumnError
from jobs.sheet.finding import Finding, SheetError, excerpt
from jobs.sheet.reader import Sheet
from jobs.store import Transaction
from jobs.store.edits import Edit
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.spans import spans_text
from jobs.store.staging import LoadPlan, LoadTarget
from runner.catalogue import say, translated
from runner.endpoints.registry import ENDPOINTS, known_fields, needed_fields
from runner.exits import Refusal
from runner.intake.column_choice import (
    GUESSES,
    Guesses,
    choose_columns,
    has_pictures,
    last_maker,
    options_for,
)
from runner.intake.excel_ratios import repair_findings
from runner.intake.loaded import Intake, require_name
from runner.intake.opening import open_with_settings
from runner.intake.recipes import BODY
from runner.intake.requests import RequestMaker
from runner.settings.settings import Settings
from runner.workspace.workspace import SHEET_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """A staged sheet."""

    intake: Intake
    staging: LoadTarget
    sheet: Sheet
    identity: Identity
    maker: RequestMaker


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """What the table has of this sheet.

    `first_load_at`: the time (Unix seconds) of a first load into an empty table; None otherwise.
    """

    known: LoadedSheet | None = None
    edits: Sequence[Edit] = ()
    first_load_at: float | None = None
    same_file: bool = False  # neither the sheet's bytes, nor its pictures, nor edits changed


def understand(
    tx: Transaction, path: Path, settings: Settings, before: Previous, *, count: int = 3
) -> Understood:
    """Stage a sheet and describe it. Raises Refusal or SheetError for what cannot be used."""
    known = before.known
    sheet = open_with_settings(path, settings)
    headers = sheet.layout.headers
    require_name(settings.name, headers)
    into = LoadInto(
        sheet_id=SHEET_ID,
        edits=before.edits,
        first_load_at=before.first_load_at,
        left_out=_left_out(sheet, settings),
        last_options=last_maker(path, headers, settings, known),
    )
    guesses = Guesses.of_last_load(known)
    while True:  # once, and once more for each column that was recognised wrongly
        columns = _columns(path, headers, settings, known, guesses)
        maker = RequestMaker(options_for(path, headers, columns, settings, guesses))
        sheet.needed = _needed(columns, maker)
        _require_choice(columns, settings)
        identity = _identity(columns, headers, settings, known)
        try:
            staged = stage(tx, sheet, maker, identity, into=into)
        except UnsuitedColumnError as error:
            guesses = _without_guess(sheet, columns, guesses, error)
            continue
        break
    staging, identity = staged.target, staged.identity
    plan = staging.plan()
    if before.same_file:  # the cells are the same, so it is the options that change requests
        plan = replace(plan, by_options=plan.bought_again)
    repairs = list(repair_findings(sheet, maker.ratios.repairs))
    findings = [
        *_without_repaired(_of_use(sheet.findings, settings), repairs),
        *columns.findings,
        *_about_identity(sheet, columns, identity, known),
        *_shifted(plan, identity),
        *repairs,
    ]
    at_rows = {one.row: one for one in findings if one.severity == "error" and one.row}
    problems = tuple(at_rows.get(row) or problem_of(row, text) for row, text in staging.problems())
    intake = Intake(
        sheet=path,
        headers=headers,
        layout={
            **plain_layout(sheet),
            GUESSES: guesses.record(headers, columns),
            **({"hidden_rows": hidden} if (hidden := spans_text(sheet.hidden_rows)) else {}),
        },
        columns=columns,
        skipped=staged.skipped,
        identity=identity.header,
        plan=plan,
        findings=tuple(one for one in findings if one not in problems),
        problems=problems,
        first=tuple(staging.first(count)),
        models=dict(staging.models()),
    )
    return Understood(intake=intake, staging=staging, sheet=sheet, identity=identity, maker=maker)


def _columns(
    path: Path,
    headers: tuple[str, ...],
    settings: Settings,
    known: LoadedSheet | None,
    guesses: Guesses,
) -> ColumnMap:
    """The columns that give fields. Raises Refusal or SheetError for options that do not fit."""
    known_by = _id_header(settings, known)
    columns = choose_columns(headers, settings, guesses, id_column=known_by)
    errors = [finding for finding in columns.findings if finding.severity == "error"]
    if settings.id is None and known_by is not None and any(map(_is_about_id, errors)):
        raise Refusal(say("sheet.identity_gone", sheet=path.name, column=known_by))
    if errors:
        raise SheetError(path, errors)
    _refuse_foreign_results(path, columns)
    return columns


def _is_about_id(finding: Finding) -> bool:
    """True if the finding is about the column of --id, and not of --column."""
    return ("option", "--id") in finding.values


def _without_guess(
    sheet: Sheet, columns: ColumnMap, guesses: Guesses, error: UnsuitedColumnError
) -> Guesses:
    """The column is not sent; unless it holds pictures, and only this one is missing."""
    header = sheet.layout.headers[error.column]
    field = dict(columns.fields)[error.column]
    if field in ("image", "mask") and has_pictures(sheet, error.column):
        return guesses.with_accepted(header)
    return guesses.with_unsuited(header, error.finding)


def _left_out(sheet: Sheet, settings: Settings) -> frozenset[int]:
    """The hidden rows, if they are not to be sent. Raises Refusal if they cannot be seen."""
    if not settings.visible_only:
        return frozenset()
    if any(one.kind == "unscanned" for one in sheet.findings):
        raise Refusal(say("sheet.hidden_unseen", format=sheet.layout.format))
    return sheet.hidden_rows


def _of_use(findings: Iterable[Finding], settings: Settings) -> Iterator[Finding]:
    """The findings without the hidden rows, if these are left out: that is said elsewhere."""
    return (one for one in findings if one.kind != "hidden_rows" or not settings.visible_only)


def _without_repaired(findings: Iterable[Finding], repairs: Sequence[Finding]) -> Iterator[Finding]:
    """The findings without those about the display of a cell that was repaired."""
    repaired = {(one.row, one.column) for one in repairs}
    for one in findings:
        if one.kind != "shown_otherwise" or (one.row, one.column) not in repaired:
            yield one


def _needed(columns: ColumnMap, maker: RequestMaker) -> frozenset[int]:
    """The columns that requests and row identity depend on."""
    template = maker.options.template
    mapped = [index for index, _ in columns.fields]
    known_by = [] if columns.id_column is None else [columns.id_column]
    return frozenset({*mapped, *known_by, *(template.columns if template is not None else ())})


def _about_identity(
    sheet: Sheet, columns: ColumnMap, identity: Identity, known: LoadedSheet | None
) -> list[Finding]:
    """Why a column that looks like an id is not used as one."""
    if known is not None or identity.column is not None or columns.id_column is None:
        return []
    column = columns.id_column
    running = is_running_number(sheet, column)
    return [
        Finding(
            kind="running_number" if running else "id_not_unique",
            severity="note" if running else "warning",
            column=sheet.layout.headers[column],
        )
    ]


def _shifted(plan: LoadPlan, identity: Identity) -> list[Finding]:
    """A warning if more than a fifth of the rows look renumbered: their requests have other ids."""
    matched = plan.unchanged + plan.refreshed + plan.changed
    if identity.column is None or plan.changed * 5 <= matched:
        return []
    if plan.answered_already * 2 < plan.changed:
        return []
    values = (("count", plan.changed), ("total", matched))
    return [Finding(kind="shifted_ids", severity="warning", column=identity.header, values=values)]


def _id_header(settings: Settings, known: LoadedSheet | None) -> str | None:
    """The id column named now, or the one that was chosen at the first load."""
    return settings.id or (known.id_column if known is not None else None)


def _identity(
    columns: ColumnMap, headers: tuple[str, ...], settings: Settings, known: LoadedSheet | None
) -> Identity:
    if known is not None and known.id_column is None:
        if settings.id is not None:
            raise Refusal(say("sheet.identity_fixed", column=settings.id))
        return Identity()
    if columns.id_column is None:
        return Identity()
    chosen = settings.id is not None or known is not None
    return Identity(column=columns.id_column, header=headers[columns.id_column], chosen=chosen)


def _require_choice(columns: ColumnMap, settings: Settings) -> None:
    _require_endpoint(settings.endpoint)
    for name in settings.set:
        if name not in known_fields() and not name.startswith(BODY):
            near = nearest(name, sorted(known_fields()))
            if near:
                raise Refusal(say("run.unknown_field_near", field=name, near=near))
            raise Refusal(say("run.unknown_field", field=name))
    given = {name for _, name in columns.fields} | set(settings.set)
    if settings.endpoint is None and "endpoint" not in given:
        lines = "\n".join(
            f"  {one.name:<12} {translated(one.summary)}" for one in ENDPOINTS.values()
        )
        raise Refusal(f"{say('run.no_endpoint')}\n{lines}")
    if "endpoint" in given:
        return  # each row says what it lacks
    missing = needed_fields(settings.endpoint) - given
    if settings.model is None and "model" in missing:
        raise Refusal(say("run.no_model"))
    if settings.prompt is None and "prompt" in missing:
        raise Refusal(say("run.no_prompt"))


def _require_endpoint(name: str | None) -> None:
    """Raises Refusal once for an unknown endpoint in an option, instead of for every row."""
    if name is None or name in ENDPOINTS:
        return
    near = nearest(name, sorted(ENDPOINTS))
    if near:
        raise Refusal(say("endpoints.near", name=name, near=near))
    raise Refusal(say("endpoints.unknown", name=name, known=", ".join(ENDPOINTS)))


def _refuse_foreign_results(path: Path, columns: ColumnMap) -> None:
    """Raises Refusal for a results file outside its workspace: it would be bought again."""
    if len(columns.result_columns) >= 5:
        raise Refusal(say("sheet.is_results", sheet=str(path)))


def problem_of(row: int, text: str) -> Finding:
    """The finding for a bad row; `text` is its problem as JSON."""
    found = json.loads(text)
    values = (("field", found.get("field", "")), ("header", excerpt(found["column"], 40)))
    return Finding(
        kind=found.get("kind", BAD_ROW),
        severity="error",
        row=row,
        column=found["column"] or None,
        expected=found["expected"],
        found=found["found"],
        values=values if "kind" in found else (),
    )


def plain_layout(sheet: Sheet) -> dict[str, JSON]:
    """How the sheet was read, as the table keeps it."""
    layout = sheet.layout
    return {
        "format": layout.format,
        "encoding": layout.encoding,
        "delimiter": layout.delimiter,
        "tab": layout.tab,
        "header_row": layout.header_row,
        **({"types": list(layout.types)} if layout.types else {}),
        **({"hidden_columns": list(layout.hidden_columns)} if layout.hidden_columns else {}),
        "typed": layout.typed,
    }
