"""The interface between a load and the place that takes its rows."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, func, select

from jobs.store.edits import Edit
from jobs.store.staging.plan import Change, LoadPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """Some rows of a sheet as columns: a million rows pass, and objects would cost more."""

    positions: Sequence[int]
    keys: Sequence[str]
    digests: Sequence[bytes]
    endpoints: Sequence[str]
    models: Sequence[str]
    fields: Sequence[str]  # JSON
    cells: Sequence[str]  # JSON
    problems: Mapping[int, str] = field(default_factory=dict)  # JSON, by place among these rows
    skips: Mapping[int, str] = field(default_factory=dict)  # why a row is not sent, by place
    earlier: Sequence[bytes] | None = None  # digests of the requests that the last options made


class LoadTarget(Protocol):
    """Takes one sheet: add, number, match, plan, apply, in this order."""

    edits: list[Edit] | None  # to be kept with the sheet; None: there were none

    def add(self, some: Staged) -> None:
        """Take some rows, in sheet order."""

    def repeated_keys(self, *, most: int = 50) -> list[tuple[str, list[int]]]:
        """Keys that occur in several rows, with their row numbers."""

    def number(self) -> None:
        """Count true duplicates: the k-th row with the same request is its occurrence k, from 0."""

    def match(self) -> None:
        """Find the job of each row."""

    def plan(self) -> LoadPlan:
        """Count what `apply` would do."""

    def changes(self) -> Iterator[Change]:
        """The rows that would be bought again, with their fields before and after."""

    def answered_in(self, digests: Iterator[bytes]) -> int:
        """How many rows have a request with one of these digests of another table."""

    def problems(
        self, *, most: int = 200, keys: Collection[str] | None = None
    ) -> list[tuple[int, str]]:
        """Rows that cannot become a request, of these keys if given: number, reason (JSON)."""

    def models(self) -> list[tuple[str, int]]:
        """Models and how many rows ask for each."""

    def first(self, count: int) -> list[tuple[int, str, str]]:
        """The first requests: row number, endpoint, fields (JSON)."""

    def apply(self, *, now: float, sheet: dict[str, Any]) -> None:
        """Change the table to match the sheet, and record the sheet."""


def count_among(
    connection: Connection, digest: ColumnElement[bytes], digests: Iterator[bytes]
) -> int:
    """How many rows of a table have one of these digests."""
    found = 0
    chunk: list[bytes] = []
    for one in digests:
        chunk.append(one)
        if len(chunk) == 500:
            found += _count_of(connection, digest, chunk)
            chunk = []
    return found + (_count_of(connection, digest, chunk) if chunk else 0)


def _count_of(connection: Connection, digest: ColumnElement[bytes], chunk: list[bytes]) -> int:
    wanted = select(func.count(digest)).where(digest.in_(chunk))
    return connection.execute(wanted).scalar_one()


def repeated(
    connection: Connection,
    key: ColumnElement[str],
    position: ColumnElement[int],
    *,
    most: int,
) -> list[tuple[str, list[int]]]:
    """Keys that occur in several rows of a table, with their row numbers; the first `most`."""
    found = connection.execute(
        select(key).group_by(key).having(func.count() > 1).order_by(func.min(position)).limit(most)
    ).scalars()
    return [(one, _positions(connection, key == one, position)) for one in found.all()]


def _positions(
    connection: Connection, wanted: ColumnElement[bool], position: ColumnElement[int]
) -> list[int]:
    return list(connection.execute(select(position).where(wanted).order_by(position)).scalars())
