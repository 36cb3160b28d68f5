"""Counts what applying a staged sheet would do, without changing anything."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, not_, or_, select

from jobs.job import State
from jobs.store.schema import jobs, rows
from jobs.store.staging.incoming import StagingTarget, any_jobs, incoming


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """What applying the staged sheet would do, in rows. `bought_again`: rows that are done now."""

    staged: int
    bad: int
    first: bool  # no sheet was loaded here before
    skipped: int = 0  # rows that are not sent: empty, or hidden
    unchanged: int = 0
    refreshed: int = 0  # only columns that are not sent changed
    changed: int = 0
    new: int = 0
    returned: int = 0
    removed: int = 0
    done_before: int = 0
    bought_again: int = 0
    by_options: int = 0  # of these, rows that the last options would not have changed
    answered_already: int = 0  # new or changed rows whose request is answered in the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row whose request would change: the fields before and after (JSON)."""

    position: int
    before: str
    after: str


def plan(beside: StagingTarget) -> LoadPlan:
    """Count what applying the sheet would do."""
    connection = beside.connection
    staged, bad, skipped = connection.execute(
        select(
            func.count(), func.count(incoming.c.problem), func.count(incoming.c.skip)
        ).select_from(incoming)
    ).one()
    if not any_jobs(beside):
        return LoadPlan(staged=staged, bad=bad, skipped=skipped, first=True, new=staged)
    again, by_options = _bought_again(beside)
    return LoadPlan(
        staged=staged,
        bad=bad,
        skipped=skipped,
        first=False,
        **_standing(beside),
        removed=connection.execute(
            select(func.count()).select_from(rows).where(*gone(beside))
        ).scalar_one(),
        done_before=_done_before(beside),
        bought_again=again,
        by_options=by_options,
        answered_already=_answered_already(beside),
    )


def _standing(beside: StagingTarget) -> dict[str, int]:
    """How many staged rows are unchanged, changed, new, or returned."""
    old = rows.alias("old")
    known = incoming.outerjoin(
        old, and_(old.c.batch_id == beside.sheet_id, old.c.key == incoming.c.key)
    )
    same_job = old.c.job_id == incoming.c.job_id
    here = and_(old.c.id.is_not(None), not_(old.c.parked))
    wanted = {
        "unchanged": and_(here, same_job, old.c.cells == incoming.c.cells),
        "refreshed": and_(here, same_job, old.c.cells != incoming.c.cells),
        "changed": and_(here, or_(incoming.c.job_id.is_(None), not_(same_job))),
        "new": old.c.id.is_(None),
        "returned": and_(old.c.id.is_not(None), old.c.parked),
    }
    counted = select(*(_count(one).label(name) for name, one in wanted.items()))
    return dict(beside.connection.execute(counted.select_from(known)).mappings().one())


def _count(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def gone(beside: StagingTarget) -> tuple[Any, ...]:
    """The conditions for rows that are not in the staged sheet."""
    return (
        rows.c.batch_id == beside.sheet_id,
        not_(rows.c.parked),
        not_(exists(select(literal(1)).where(incoming.c.key == rows.c.key))),
    )


def _done_before(beside: StagingTarget) -> int:
    return beside.connection.execute(
        select(func.count())
        .select_from(rows.join(jobs, jobs.c.id == rows.c.job_id))
        .where(
            rows.c.batch_id == beside.sheet_id,
            not_(rows.c.parked),
            jobs.c.state == State.DONE.value,
        )
    ).scalar_one()


_kept = incoming.alias("kept")


def _replaced(beside: StagingTarget) -> Any:
    """Rows that are done now and whose successor in the staged sheet was never sent.

    A row's successor has its key. If rows are identified by their request, a changed request has
    another key, so the successor is the row with the same cells, or else at the same position. Two
    lookups, since an OR of both would compare every row with every other.
    """
    lost = [
        rows.c.batch_id == beside.sheet_id,
        not_(rows.c.parked),
        jobs.c.state == State.DONE.value,
        not_(jobs.c.requeued),  # a person changed the words of this very row
        incoming.c.job_id.is_(None),
    ]
    done = rows.join(jobs, jobs.c.id == rows.c.job_id)
    if not beside.by_request:
        return done.join(incoming, incoming.c.key == rows.c.key), lost
    lost.append(not_(exists(select(literal(1)).where(_kept.c.job_id == rows.c.job_id))))
    found = [
        select(rows.c.id, incoming.c.position)
        .select_from(done.join(incoming, successor))
        .where(*lost)
        for successor in (
            incoming.c.position == rows.c.position,
            incoming.c.cells == rows.c.cells,
            incoming.c.earlier == jobs.c.digest,
        )
    ]
    both = found[0].union(*found[1:]).subquery()
    joined = (
        rows.join(jobs, jobs.c.id == rows.c.job_id)
        .join(both, both.c.id == rows.c.id)
        .join(incoming, incoming.c.position == both.c.position)
    )
    return joined, ()


def _as_before() -> ColumnElement[bool]:
    """True if the last options would make the done request from this row."""
    return or_(incoming.c.cells == rows.c.cells, incoming.c.earlier == jobs.c.digest)


def _bought_again(beside: StagingTarget) -> tuple[int, int]:
    joined, wanted = _replaced(beside)
    by_options = case((_as_before(), incoming.c.position))
    found = beside.connection.execute(
        select(func.count(incoming.c.position.distinct()), func.count(by_options.distinct()))
        .select_from(joined)
        .where(*wanted)
    ).one()
    return int(found[0]), int(found[1])


def changes(beside: StagingTarget) -> Iterator[Change]:
    """The rows that would be bought again, with their fields before and after."""
    joined, wanted = _replaced(beside)
    found = beside.connection.execute(
        select(incoming.c.position, jobs.c.fields, incoming.c.fields.label("after"))
        .select_from(joined)
        .where(*wanted)
        .order_by(incoming.c.position, case((_as_before(), 0), else_=1))
    )
    last = None
    for row in found:
        if row.position != last:  # of several candidates, the surest first
            yield Change(position=row.position, before=row.fields, after=row.after)
        last = row.position


def _answered_already(beside: StagingTarget) -> int:
    own = rows.alias("own")
    return beside.connection.execute(
        select(func.count())
        .select_from(incoming.join(jobs, jobs.c.id == incoming.c.job_id))
        .where(
            jobs.c.state == State.DONE.value,
            not_(
                exists(
                    select(literal(1)).where(
                        own.c.batch_id == beside.sheet_id,
                        own.c.key == incoming.c.key,
                        own.c.job_id == incoming.c.job_id,
                        not_(own.c.parked),
                    )
                )
            ),
        )
    ).scalar_one()
