"""The vectors of a sheet, read from its stored answers one call at a time."""

from array import array
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from jobs.export.vectors import put_vectors
from jobs.sheet.write.vectors import Vector
from jobs.store import Transaction
from jobs.store.answers import PlacedRow, answer, placed_rows
from runner.endpoints.dialects.vectors import Vectors, read_vectors
from runner.endpoints.registry import SHARED
from runner.workspace.answers import AnswerFolder


def write_vectors(
    tx: Transaction, batch_id: int, folder: Path, *, answers: AnswerFolder, workspace: Path
) -> Path | None:
    """Put them into the folder; None where the sheet asked for none, or none is here yet."""
    rows = placed_rows(tx, batch_id, SHARED)
    first = next(rows, None)
    if first is None:
        return None
    return put_vectors(_vectors(tx, first, rows, answers), folder, workspace=workspace)


def _vectors(
    tx: Transaction, first: PlacedRow, rest: Iterator[PlacedRow], answers: AnswerFolder
) -> Iterator[Vector]:
    def everyone() -> Iterator[PlacedRow]:
        yield first
        yield from rest

    for call_id, rows in groupby(everyone(), key=lambda row: row.call_id):
        stored = answer(tx, call_id)
        if stored is None:
            continue
        together = list(rows)
        found = read_vectors(answers.load(stored).body, wanted=together[0].shared_by)
        if not isinstance(found, Vectors):
            continue
        for row in together:
            numbers = found.found[row.index]
            if isinstance(numbers, array):
                yield Vector(row=row.row, key=row.key, model=row.model, numbers=numbers)
