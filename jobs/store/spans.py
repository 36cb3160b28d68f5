"""Row numbers given as spans: their SQL condition, and those a sheet does not have."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    false,
    func,
    not_,
    or_,
    select,
)

from jobs.job import State, Step
from jobs.store.schema import jobs, rows

Span: TypeAlias = tuple[int, int]
"""The first and the last row number of a span."""

SHORT = 20  # rows; spans up to this length are checked number by number
DEEPEST = 500  # alternatives per expression; SQLite allows a depth of 1,000


def spans_text(numbers: Collection[int]) -> str:
    """Row numbers as people write them: `3,7-9`."""
    spans = _merged((number, number) for number in numbers)
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def spans_of(text: str) -> tuple[Span, ...]:
    """Parse the text that `spans_text` writes."""
    parts = (part.partition("-") for part in text.split(",") if part)
    return tuple((int(first), int(last or first)) for first, _, last in parts)


def spans_of_numbers(numbers: Iterable[int]) -> list[Span]:
    """3, 4, 5, 9 → (3, 5), (9, 9)."""
    spans: list[Span] = []
    for number in sorted(set(numbers)):
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return spans


def pending_within(
    connection: Connection,
    sheet_id: int,
    spans: Collection[Span],
    also: Collection[Span] | None = None,
) -> int:
    """How many unsent rows lie in these spans, and in the others if they are given."""
    wanted = within(jobs.c.position, spans)
    if also is not None:
        wanted = and_(wanted, within(jobs.c.position, also))
    ready = and_(jobs.c.state == State.READY.value, jobs.c.step == Step.SEND.value, jobs.c.listed)
    query = select(func.count()).where(jobs.c.batch_id == sheet_id, ready, wanted)
    return int(connection.execute(query).scalar_one())


def within(position: ColumnElement[int], spans: Collection[Span]) -> ColumnElement[bool]:
    """True for a row number in one of these spans, however many there are."""
    merged = list(_merged(spans))
    numbers = [
        number
        for first, last in merged
        if last - first < SHORT
        for number in range(first, last + 1)
    ]
    long = [position.between(*span) for span in merged if span[1] - span[0] >= SHORT]
    # Written into the text, since drivers limit the number of parameters.
    listed: BindParameter[list[int]] = bindparam(
        None, value=numbers, expanding=True, literal_execute=True
    )
    chunks = [or_(*long[at : at + DEEPEST]) for at in range(0, len(long), DEEPEST)]
    if len(chunks) > 1:  # as one list: a chain of ORs is as deep as it is long
        chunks = [case((chunk, 1), else_=0) == 1 for chunk in chunks]
    return or_(false(), *([position.in_(listed)] if numbers else []), *chunks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Requested row numbers that a sheet does not have; `first` and `last` are the sheet's.

    A sheet without rows has neither.
    """

    spans: tuple[Span, ...]
    entire: bool  # is none of the rows asked for there?
    first: int | None
    last: int | None

    @property
    def count(self) -> int:
        """How many row numbers these are."""
        return _size(self.spans)


def absence_from(connection: Connection, sheet_id: int, spans: Collection[Span]) -> Absence | None:
    """Which of these rows a loaded sheet lacks; None if it has them all."""
    mine = and_(rows.c.batch_id == sheet_id, not_(rows.c.parked))
    return absence_in(connection, rows.c.position, mine, spans)


def absence_in(
    connection: Connection,
    position: ColumnElement[int],
    mine: ColumnElement[bool],
    spans: Collection[Span],
) -> Absence | None:
    """The same for a column of row numbers of any table."""
    wanted = select(position).where(mine, within(position, spans))
    lacking = absent_among(spans, sorted(connection.execute(wanted).scalars()))
    if not lacking:
        return None
    ends = connection.execute(select(func.min(position), func.max(position)).where(mine)).one()
    entire = _size(lacking) == _size(list(_merged(spans)))
    return Absence(spans=tuple(lacking), entire=entire, first=ends[0], last=ends[1])


def absent_among(spans: Collection[Span], found: Sequence[int]) -> list[Span]:
    """The spans without any of the found numbers, and the ends of others that lie beyond them.

    A gap inside a span is a blank line, which was not meant.
    """
    merged = list(_merged(spans))
    lacking: list[Span] = []
    at = 0
    for place, (first, last) in enumerate(merged):
        begin = at
        while at < len(found) and found[at] <= last:
            at += 1
        if begin == at:
            lacking.append((first, last))
            continue
        if begin == 0 and place == 0 and first < found[0]:
            lacking.append((first, found[0] - 1))
        if at == len(found) and found[-1] < last:
            lacking.append((found[-1] + 1, last))
    return lacking


def _size(spans: Collection[Span]) -> int:
    return sum(last - first + 1 for first, last in spans)


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """The same numbers in as few spans as possible, in order."""
    current: Span | None = None
    for first, last in sorted(spans):
        if current is not None and first <= current[1] + 1:
            current = (current[0], max(current[1], last))
            continue
        if current is not None:
            yield current
        current = (first, last)
    if current is not None:
        yield current
