"""What a person thinks of results: stars, rejections, which file or version is the one."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, func, not_, or_, select, update

from jobs.job import State
from jobs.store.queue.choices import RowChoice, chosen
from jobs.store.schema import attempts, calls, files, jobs, picks, rows
from jobs.store.statements import inserting

REJECTED = "rejected"
IDS_AT_ONCE = 500  # jobs in one statement
GOOD_OUTCOMES = ("finished", "answered")


class Pick(NamedTuple):
    """What a person thinks of one answer; `number` is the one file of it that is meant."""

    call_id: int
    stars: int | None = None
    rejected: bool = False
    number: int | None = None

    @property
    def is_blank(self) -> bool:
        """True for a mark that was taken back."""
        return self.stars is None and self.number is None and not self.rejected

    @property
    def is_picked(self) -> bool:
        """True if the answer was chosen: it has stars, or one of its files was named."""
        return not self.rejected and not self.is_blank

    def __str__(self) -> str:
        """As `result_pick` tells it: `5`, `file 2`, `5 file 2`, `rejected`; empty if blank."""
        if self.rejected:
            return REJECTED
        file = "" if self.number is None else f"file {self.number}"
        return f"{self.stars or ''} {file}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A person's wish for some rows.

    `file` is the number of a file in the row's result, or the name of any file that the row ever
    got. None of all: the mark is taken back.
    """

    stars: int | None = None
    rejected: bool = False
    file: int | str | None = None

    @property
    def clears(self) -> bool:
        """True if it takes back what was marked before."""
        return self.stars is None and self.file is None and not self.rejected


class MarkedRow(NamedTuple):
    """A row and its new mark; None if it has no result, or not the file that was named."""

    row: int
    key: str
    pick: Pick | None


def picks_of(connection: Connection, sheet_id: int) -> dict[int, Pick]:
    """The marks of a sheet's results, by job. One whose answer is not the result is left out."""
    return _read(connection, jobs.c.batch_id == sheet_id)


def picks_of_jobs(connection: Connection, ids: Collection[int]) -> dict[int, Pick]:
    """The same of a few jobs."""
    return _read(connection, jobs.c.id.in_(ids))


def rejected_rows(connection: Connection, sheet_id: int) -> list[int]:
    """The numbers of the rows whose result is rejected, in sheet order."""
    found = connection.scalars(
        select(rows.c.position)
        .join(jobs, jobs.c.id == rows.c.job_id)
        .join(picks, and_(picks.c.job_id == jobs.c.id, picks.c.call_id == jobs.c.call_id))
        .where(jobs.c.batch_id == sheet_id, picks.c.rejected, not_(rows.c.parked))
        .order_by(rows.c.position)
    )
    return list(found)


def _read(connection: Connection, wanted: ColumnElement[bool]) -> dict[int, Pick]:
    found = connection.execute(
        select(picks.c.job_id, *_OF_PICK)
        .join(jobs, and_(jobs.c.id == picks.c.job_id, jobs.c.call_id == picks.c.call_id))
        .where(wanted)
    )
    read = ((job_id, _pick(of)) for job_id, *of in found)
    return {job_id: pick for job_id, pick in read if not pick.is_blank}


def mark_rows(
    connection: Connection, sheet_id: int, choice: RowChoice, mark: Mark, *, now: float
) -> list[MarkedRow]:
    """Mark the results of the rows of a choice.

    A mark belongs to the answer that is the result now. A file of an older version makes that
    version the result; taking the mark back makes the newest good version the result.
    """
    found = connection.execute(
        select(jobs.c.id, jobs.c.call_id, jobs.c.state, rows.c.position, rows.c.key)
        .join(rows, rows.c.job_id == jobs.c.id)
        .where(chosen(sheet_id, choice), not_(rows.c.parked))
        .order_by(rows.c.position)
    ).all()
    marked: list[MarkedRow] = []
    for some in _some(found):
        marked += _mark(connection, some, mark, now=now)
    return marked


def _mark(
    connection: Connection, some: Sequence[Any], mark: Mark, *, now: float
) -> list[MarkedRow]:
    ids = [row.id for row in some]
    before = _before(connection, ids)
    good = _good_calls(connection, ids)
    named = {} if mark.file is None else _named_files(connection, ids, mark.file)
    kept: dict[int, Pick] = {}
    told = []
    for row in some:
        pick = _new_pick(row, mark, before.get(row.id), good[row.id], named)
        if pick is not None:
            kept[row.id] = pick
        told.append(MarkedRow(row.position, row.key, pick))
    _keep(connection, kept, now=now)
    for row in some:
        if row.id in kept and kept[row.id].call_id != row.call_id:
            _make_result(connection, row, kept[row.id].call_id, now=now)
    return told


def _new_pick(
    row: Row[Any],
    mark: Mark,
    before: Pick | None,
    good: Sequence[int],
    named: dict[tuple[int, int | None], Pick],
) -> Pick | None:
    """The mark that the row gets; None where it has no such result."""
    if mark.clears:
        return None if before is None else Pick(good[-1] if good else row.call_id)
    if mark.file is not None:
        found = named.get((row.id, row.call_id)) or named.get((row.id, None))
        if found is None:
            return None
        kept = before if before is not None and before.call_id == found.call_id else None
        stars = mark.stars or (kept.stars if kept is not None else None)
        return Pick(found.call_id, stars=stars, number=found.number)
    if row.call_id not in good:
        return None
    if mark.rejected:
        return Pick(row.call_id, rejected=True)
    same = before is not None and before.call_id == row.call_id and before.is_picked
    number = before.number if same and before is not None else None
    return Pick(row.call_id, stars=mark.stars, number=number)


def _before(connection: Connection, ids: Collection[int]) -> dict[int, Pick]:
    found = connection.execute(select(picks.c.job_id, *_OF_PICK).where(picks.c.job_id.in_(ids)))
    return {job_id: _pick(of) for job_id, *of in found}


def _good_calls(connection: Connection, ids: Collection[int]) -> dict[int, list[int]]:
    """The calls that brought a result, by job, oldest first: a text, or a saved file."""
    has_file = (
        select(files.c.job_id)
        .where(
            files.c.job_id == attempts.c.job_id,
            files.c.call_id == attempts.c.call_id,
            files.c.state == "done",
        )
        .exists()
    )
    found = connection.execute(
        select(attempts.c.job_id, attempts.c.call_id)
        .where(
            attempts.c.job_id.in_(ids),
            or_(
                attempts.c.outcome == GOOD_OUTCOMES[0],
                and_(attempts.c.outcome == GOOD_OUTCOMES[1], has_file),
            ),
        )
        .order_by(attempts.c.version, attempts.c.call_id)
    )
    good: dict[int, list[int]] = {job_id: [] for job_id in ids}
    for job_id, call_id in found:
        good[job_id].append(call_id)
    return good


def _named_files(
    connection: Connection, ids: Collection[int], file: int | str
) -> dict[tuple[int, int | None], Pick]:
    """The file that a mark names, by job and call; for a name, by job alone."""
    by_number = isinstance(file, int)
    named = files.c.number == file if by_number else files.c.name == file
    found = connection.execute(
        select(files.c.job_id, files.c.call_id, files.c.number)
        .where(files.c.job_id.in_(ids), named, files.c.state == "done")
        .order_by(files.c.call_id)
    )
    return {
        (job_id, call_id if by_number else None): Pick(call_id, number=number)
        for job_id, call_id, number in found
    }


def _keep(connection: Connection, kept: dict[int, Pick], *, now: float) -> None:
    if not kept:
        return
    values = [
        {"job_id": job_id, "marked_at": now, **pick._asdict()} for job_id, pick in kept.items()
    ]
    insert = inserting(connection.dialect, picks)
    fresh = {name: insert.excluded[name] for name in (*Pick._fields, "marked_at")}
    connection.execute(insert.on_conflict_do_update(index_elements=["job_id"], set_=fresh), values)


def _make_result(connection: Connection, row: Row[Any], call_id: int, *, now: float) -> None:
    """Make an older answer the result, unless a newer one is on its way."""
    ended = jobs.c.state.in_(
        [State.DONE.value, State.FAILED.value, State.IN_DOUBT.value, State.SKIPPED.value]
    )
    connection.execute(
        update(jobs)
        .where(jobs.c.id == row.id, ended)
        .values(
            state=State.DONE.value,
            call_id=call_id,
            ticket=select(calls.c.ticket).where(calls.c.id == call_id).scalar_subquery(),
            kind=None,
            cause=None,
            detail=None,
            updated_at=now,
        )
    )


_OF_PICK = (picks.c.call_id, picks.c.stars, picks.c.rejected, picks.c.number)


def _pick(of: Sequence[Any]) -> Pick:
    call_id, stars, rejected, number = of
    return Pick(call_id, stars, bool(rejected), number)


def _some(found: Iterable[Any]) -> Iterator[Sequence[Any]]:
    rest = iter(found)
    while some := list(islice(rest, IDS_AT_ONCE)):
        yield some


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedFile:
    """One file that a person picked; `at` is its row."""

    row: int
    key: str
    pick: Pick
    name: str
    size: int
    sha256: bytes


def picked_files(connection: Connection, sheet_id: int) -> list[PickedFile]:
    """The files of all picked results in sheet order: the one that is meant, else all."""
    found = connection.execute(
        select(
            *(rows.c.position, rows.c.key, *_OF_PICK),
            *(files.c.name, files.c.size, files.c.sha256),
        )
        .join(jobs, jobs.c.id == rows.c.job_id)
        .join(picks, and_(picks.c.job_id == jobs.c.id, picks.c.call_id == jobs.c.call_id))
        .join(files, and_(files.c.job_id == jobs.c.id, files.c.call_id == jobs.c.call_id))
        .where(
            rows.c.batch_id == sheet_id,
            not_(rows.c.parked),
            not_(picks.c.rejected),
            or_(picks.c.number.is_(None), picks.c.number == files.c.number),
            func.coalesce(picks.c.stars, picks.c.number).is_not(None),
            files.c.state == "done",
        )
        .order_by(rows.c.position, files.c.number)
    )
    return [
        PickedFile(row=row, key=key, pick=_pick(of), name=name, size=size, sha256=bytes(sha256))
        for row, key, *of, name, size, sha256 in found
    ]
