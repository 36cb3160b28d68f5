"""Cells that a person corrected beside the sheet, kept with the cell they replace."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from jobs.job import JSON, State
from jobs.store.schema import edits, jobs, rows


class Edit(NamedTuple):
    """One corrected cell. It applies as long as the sheet's own cell is still `before`."""

    key: str
    header: str  # as `unique_headers` names it
    before: JSON
    after: JSON


def edits_of(connection: Connection, sheet_id: int) -> list[Edit]:
    """All edits of a sheet, in a stable order."""
    found = connection.execute(
        select(edits.c.key, edits.c.header, edits.c.before, edits.c.after)
        .where(edits.c.batch_id == sheet_id)
        .order_by(edits.c.key, edits.c.header)
    )
    return [
        Edit(key, header, json.loads(before), json.loads(after))
        for key, header, before, after in found
    ]


def edited_cells(connection: Connection, sheet_id: int) -> Mapping[str, dict[str, JSON]]:
    """The corrected cells by row key: header → new value."""
    cells: dict[str, dict[str, JSON]] = defaultdict(dict)
    for edit in edits_of(connection, sheet_id):
        cells[edit.key][edit.header] = edit.after
    return cells


def ask_for_changed_words(connection: Connection, sheet_id: int, key: str) -> None:
    """A done row with an edit is to be generated again: a load takes that for no accident.

    Without an edit it is not, as before.
    """
    edited = select(edits.c.key).where(edits.c.batch_id == sheet_id, edits.c.key == key).exists()
    mine = select(rows.c.job_id).where(rows.c.batch_id == sheet_id, rows.c.key == key)
    connection.execute(
        update(jobs)
        .where(jobs.c.id.in_(mine), jobs.c.state == State.DONE.value)
        .values(requeued=edited)
    )


def replace_edits(connection: Connection, sheet_id: int, kept: Iterable[Edit]) -> None:
    """Replace all edits of the sheet by these."""
    connection.execute(delete(edits).where(edits.c.batch_id == sheet_id))
    values = [
        {
            "batch_id": sheet_id,
            "key": edit.key,
            "header": edit.header,
            "before": json.dumps(edit.before, ensure_ascii=False),
            "after": json.dumps(edit.after, ensure_ascii=False),
        }
        for edit in kept
    ]
    if values:
        connection.execute(insert(edits), values)
