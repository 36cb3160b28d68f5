"""Finds in a sheet what its provider will make otherwise than asked, without a word."""

import json
from collections.abc import Iterable

from jobs.sheet.finding import Finding, excerpt
from runner.endpoints.dialects.tasks.changes import ColumnChange, changes_of
from runner.endpoints.fields import InputError
from runner.endpoints.registry import ENDPOINTS

TASKS = frozenset({"video", "music"})
"""The endpoints whose dialects know of silent changes."""


def silent_changes(first: Iterable[tuple[int, str, str]]) -> list[Finding]:
    """The changes in the first rows (number, endpoint, fields as JSON), each once."""
    rows: dict[ColumnChange, list[int]] = {}
    for row, name, fields in first:
        if name not in TASKS:
            continue
        try:
            found = changes_of(name, ENDPOINTS[name].inputs, json.loads(fields))
        except InputError:
            continue  # the row is bad, and told as such
        for change in found:
            rows.setdefault(change, []).append(row)
    return [_finding(change, numbers) for change, numbers in rows.items()]


def _finding(change: ColumnChange, numbers: list[int]) -> Finding:
    kind = "silently_changed" if change.made else "silently_ignored"
    return Finding(
        kind=kind,
        severity="warning",
        row=numbers[0],
        column=change.column,
        values=(
            ("asked", excerpt(change.asked, 60)),
            ("made", change.made),
            ("dialect", change.dialect),
            ("count", len(numbers)),
        ),
    )
