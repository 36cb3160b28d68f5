"""What failed in a sheet, grouped by cause, each group with its meaning and its remedy."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.export import cell_problem
from jobs.job import FailureClass, State
from jobs.store import Transaction
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.log import Run, last_run
from jobs.store.queries.few_rows import failed_rows
from jobs.store.queries.totals import FailedAlike, failures
from runner.catalogue import Explanation, explain, say
from runner.views.next_command import named, with_address
from runner.views.records import ErrorsRecord
from runner.workspace.workspace import SHEET_ID, Workspace

MAX_ROWS_SHOWN = 8
EDITABLE_CLASSES = frozenset({FailureClass.REFUSED, FailureClass.BAD_INPUT})
"""Failure classes that only an edited cell can cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Rows with the same cause. `kind` is a failure class or `in_doubt`."""

    kind: str
    cause: str
    count: int
    rows: tuple[int, ...]  # the first of them
    words: str  # the provider's words for one of them
    explanation: Explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """All failures of a sheet, the most frequent first."""

    sheet: str
    named: str  # what a person types for the sheet
    folder: Path
    groups: tuple[FailureGroup, ...]

    @property
    def editable(self) -> int:
        """The number of rows that only an edit can cure."""
        return sum(group.count for group in self.groups if group.kind in EDITABLE_CLASSES)


def failures_of(workspace: Workspace) -> Failures:
    """Read the failures of a workspace. Raises Refusal if no sheet was loaded there."""
    with workspace.place.look() as store, store.read() as tx:
        loaded = workspace.loaded_in(tx)
        typed, last = named(workspace, loaded), last_run(tx, SHEET_ID)
        groups = tuple(
            _group(tx, found, explanation(found.kind, found.cause, loaded, typed), last)
            for found in failures(tx, SHEET_ID)
        )
    return Failures(sheet=loaded.sheet, named=typed, folder=workspace.folder, groups=groups)


def _group(
    tx: Transaction, found: FailedAlike, told: Explanation, last: Run | None
) -> FailureGroup:
    return FailureGroup(
        kind=found.kind,
        cause=found.cause,
        count=found.count,
        rows=tuple(failed_rows(tx, SHEET_ID, found.kind, found.cause, most=MAX_ROWS_SHOWN)),
        words=cell_problem(found.words) or found.words,
        explanation=replace(told, command=with_address(told.command, last)),
    )


def explanation(kind: str, cause: str, loaded: LoadedSheet, typed: str) -> Explanation:
    """Meaning, remedy and command of one cause, for this sheet."""
    if kind == State.IN_DOUBT:
        command = f"rowmill retry {typed} --class in_doubt"
        meaning, remedy = say("status.meaning_in_doubt"), say("errors.remedy_in_doubt")
        return Explanation(meaning=meaning, remedy=remedy, command=command)
    provider = str(loaded.options.get("provider") or "wenwen")
    return explain(FailureClass(kind), cause, sheet=typed, provider=provider)


def failures_record(found: Failures) -> ErrorsRecord:
    """The failures as public data."""
    return {
        "schema": 1,
        "sheet": found.sheet,
        "workspace": str(found.folder),
        "failures": [
            {
                "class": group.kind,
                "cause": group.cause or None,
                "rows": group.count,
                "first_rows": list(group.rows),
                "meaning": group.explanation.meaning,
                "remedy": group.explanation.remedy,
                "command": group.explanation.command,
                "words": group.words or None,
            }
            for group in found.groups
        ],
    }


def as_json(found: Failures) -> str:
    """The failures as one JSON text."""
    return json.dumps(failures_record(found), ensure_ascii=False, indent=2)
