"""SQL expressions for a row's status, its last call, and its share of the cost."""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, case, func, not_, or_, select

from jobs.job import State
from jobs.store.schema import attempts, calls, files, jobs, picks, rows
from jobs.wire_class import FREE_CLASSES, PAID_CLASSES

IS_FREE = calls.c.wire.in_(sorted(one.value for one in FREE_CLASSES))
IS_PAID = calls.c.wire.in_(sorted(one.value for one in PAID_CLASSES))
BOUGHT_BY = case((IS_PAID, case((calls.c.provider_batch_id.is_not(None), "batch"), else_="online")))
"""The lane of a paid call, unless its answer names another; NULL for other calls."""
TOLD_LANES = ("online", "flex")
"""What a result's data may say of the lane that was billed, under `lane`."""
STATUS = case(
    (jobs.c.state.in_([State.READY.value, State.RUNNING.value]), "pending"), else_=jobs.c.state
)
_tried = attempts.alias("tried")
TRIES = (
    select(func.count())
    .where(_tried.c.job_id == jobs.c.id, _tried.c.outcome.is_not(None))
    .correlate(jobs)
    .scalar_subquery()
)
_shared = attempts.alias("shared")
SHARES = (
    select(func.count())
    .where(_shared.c.call_id == jobs.c.call_id)
    .correlate(jobs)
    .scalar_subquery()
)
# Rows that shared a call share its price. A row without a call has no share: NULL, not an error.
COST = calls.c.cost / func.nullif(SHARES, 0, type_=Integer)
_each = attempts.alias("each")
TRIED_AGAIN = jobs.c.id.in_(
    select(_each.c.job_id).group_by(_each.c.job_id).having(func.count() > 1)
)
"""True for jobs with several calls; computed for all jobs, so use it only to read most rows."""
_is_shared = jobs.c.call_id.in_(
    select(_each.c.call_id).group_by(_each.c.call_id).having(func.count() > 1)
)
COST_OF_EACH = case((or_(attempts.c.call_id.is_(None), _is_shared), COST), else_=calls.c.cost)
"""The same as COST, for queries that read most rows: counts only shared calls."""
TRIES_AT_ONCE = case(
    (attempts.c.call_id.is_(None), TRIES), (attempts.c.outcome.is_not(None), 1), else_=0
)
"""The same as TRIES, for jobs that were tried once."""
TRIES_OF_EACH = case((TRIED_AGAIN, TRIES), else_=TRIES_AT_ONCE)
"""The same as TRIES, for queries that read most rows."""
WITH_LAST_CALL = (
    rows.join(jobs, jobs.c.id == rows.c.job_id)
    .outerjoin(attempts, and_(attempts.c.job_id == jobs.c.id, attempts.c.call_id == jobs.c.call_id))
    .outerjoin(calls, calls.c.id == jobs.c.call_id)
)
"""The rows, each with its job, and with its last attempt and call if it has any."""
ANSWERED_FILES = and_(files.c.job_id == jobs.c.id, files.c.call_id == jobs.c.call_id)
"""The files of a job's accepted answer."""

PICKED = (
    select(picks.c.call_id)
    .where(
        picks.c.job_id == jobs.c.id,
        not_(picks.c.rejected),
        or_(picks.c.stars.is_not(None), picks.c.number.is_not(None)),
    )
    .correlate(jobs)
    .scalar_subquery()
)
"""The call whose answer a person picked; it stays the result when a newer one comes."""


def rows_with_files(*columns: ColumnElement[Any]) -> Select[Any]:
    """Rows in sheet order, once per file: row id, columns, and the file's url, state, name."""
    return (
        select(rows.c.id.label("row_id"), *columns, files.c.url, files.c.state, files.c.name)
        .select_from(WITH_LAST_CALL.outerjoin(files, ANSWERED_FILES))
        .order_by(rows.c.position, rows.c.id, files.c.number)
    )
