"""The saved files of a sheet, and those to download again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

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
    found = connection.execute(
        select(
            files.c.job_id,
            files.c.call_id,
            files.c.number,
            jobs.c.position,
            files.c.name,
            files.c.size,
            files.c.sha256,
        )
        .join(jobs, and_(jobs.c.id == files.c.job_id, jobs.c.call_id == files.c.call_id))
        .where(jobs.c.batch_id == sheet_id, jobs.c.listed, files.c.state == "done")
        .order_by(jobs.c.position, files.c.number)
    )
    for job_id, call_id, number, row, name, size, sha256 in found:
        yield AnswerFile(
            job_id=job_id,
            call_id=call_id,
            number=number,
            row=row,
            name=name,
            size=size,
            sha256=sha256,
        )


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
