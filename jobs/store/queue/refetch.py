"""The saved files of a sheet, and those to download again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, func, or_, select, update

from jobs.job import FailureClass, State, Step
from jobs.store.queue.choices import fresh_start
from jobs.store.schema import files, jobs

IDS_AT_ONCE = 10_000  # ids in one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFile:
    """One file of a row's answer."""

    job_id: int
    call_id: int
    number: int
    row: int
    name: str
    size: int
    sha256: bytes


def kept_files(connection: Connection, sheet_id: int) -> Iterator[AnswerFile]:
    """Every saved file, in sheet order."""
    found = _kept(sheet_id).order_by(jobs.c.position, files.c.number)
    yield from map(_as_file, connection.execute(found))


def kept_file(connection: Connection, sheet_id: int, name: str) -> AnswerFile | None:
    """The saved file of this name, also of an older version; None if no listed row has one."""
    listed = and_(jobs.c.id == files.c.job_id, jobs.c.listed)
    found = connection.execute(
        select(*_OF_FILE)
        .join(jobs, listed)
        .where(jobs.c.batch_id == sheet_id, files.c.state == "done", files.c.name == name)
        .limit(1)
    ).first()
    return _as_file(found) if found is not None else None


_OF_FILE = (
    *(files.c.job_id, files.c.call_id, files.c.number, jobs.c.position),
    *(files.c.name, files.c.size, files.c.sha256),
)


def _kept(sheet_id: int) -> Select[Any]:
    return (
        select(*_OF_FILE)
        .join(jobs, and_(jobs.c.id == files.c.job_id, jobs.c.call_id == files.c.call_id))
        .where(jobs.c.batch_id == sheet_id, jobs.c.listed, files.c.state == "done")
    )


def _as_file(found: Any) -> AnswerFile:
    return AnswerFile(
        job_id=found.job_id,
        call_id=found.call_id,
        number=found.number,
        row=found.position,
        name=found.name,
        size=found.size,
        sha256=found.sha256,
    )


def has_files(connection: Connection) -> bool:
    """True if any file was ever saved, also of an answer that is no longer in use."""
    saved = select(files.c.name).where(files.c.state == "done").limit(1)
    return connection.execute(saved).first() is not None


def want_again(connection: Connection, gone: Sequence[AnswerFile]) -> None:
    """Mark these files as not downloaded: they are missing or damaged."""
    if not gone:
        return
    one = (
        update(files)
        .where(
            files.c.job_id == bindparam("b_job"),
            files.c.call_id == bindparam("b_call"),
            files.c.number == bindparam("b_number"),
        )
        .values(state="pending", name=None, size=None, sha256=None, cause=None)
    )
    connection.execute(
        one,
        [{"b_job": file.job_id, "b_call": file.call_id, "b_number": file.number} for file in gone],
    )


def refetch(connection: Connection, sheet_id: int, *, now: float) -> list[int]:
    """Put every row with an unsaved file back to downloading; returns the ids of its jobs.

    Rows without an answer are left alone.
    """
    open_file = (
        select(files.c.job_id)
        .where(
            files.c.job_id == jobs.c.id,
            files.c.call_id == jobs.c.call_id,
            files.c.state != "done",
        )
        .exists()
    )
    at_files = and_(
        jobs.c.step == Step.FETCH.value,
        or_(
            jobs.c.state == State.READY.value,
            and_(
                jobs.c.state == State.FAILED.value,
                jobs.c.kind.in_([FailureClass.FILE.value, FailureClass.CRASHED.value]),
            ),
        ),
    )
    wanted = and_(
        jobs.c.batch_id == sheet_id,
        jobs.c.listed,
        open_file,
        or_(jobs.c.state == State.DONE.value, at_files),
    )
    values = fresh_start(now) | {"step": Step.FETCH.value, "turn": now}
    taken = connection.execute(update(jobs).where(wanted).values(values).returning(jobs.c.id))
    return list(taken.scalars())


def still_open(connection: Connection, ids: Iterable[int]) -> int:
    """How many of these jobs are not done."""
    wanted = list(ids)
    count = 0
    for start in range(0, len(wanted), IDS_AT_ONCE):
        some = wanted[start : start + IDS_AT_ONCE]
        query = select(func.count()).where(jobs.c.id.in_(some), jobs.c.state != State.DONE.value)
        count += connection.execute(query).scalar_one()
    return count


def wants_file_of(connection: Connection, root: str) -> bool:
    """True if a file is to be downloaded whose address begins with this one."""
    address = files.c.url.startswith(f"{root}/", autoescape=True)
    wanted = select(files.c.job_id).where(files.c.state == "pending", address).limit(1)
    return connection.execute(wanted).one_or_none() is not None
