"""Reads vectors out of the stored answers of the calls that rows shared."""

from array import array
from collections.abc import Iterable, Iterator
from itertools import groupby

from jobs.sheet.write.vectors import Vector
from jobs.store import Transaction
from jobs.store.answers import PlacedRow, answer
from runner.endpoints.dialects.vectors import Vectors, read_vectors
from runner.workspace.answers import AnswerFolder


def vectors_of(
    tx: Transaction, rows: Iterable[PlacedRow], answers: AnswerFolder
) -> Iterator[Vector]:
    """The vectors of rows that lie together by their calls."""
    for call_id, shared in groupby(rows, key=lambda row: row.call_id):
        stored = answer(tx, call_id)
        if stored is None:
            continue
        together = list(shared)
        found = read_vectors(answers.load(stored).text, wanted=together[0].shared_by)
        if not isinstance(found, Vectors):
            continue
        for row in together:
            numbers = found.found[row.index]
            if isinstance(numbers, array):
                yield Vector(row=row.row, key=row.key, model=row.model, numbers=numbers)
