"""Records which results exports of new rows have written.

A row is new until such an export contains its latest result. An export first takes the new rows
and confirms them once its file is in place; rows that a dead export took are new again.
"""

from collections.abc import Collection

from sqlalchemy import Connection, and_, delete, literal, or_, select, update

from jobs.job import State
from jobs.store.schema import exported, jobs, rows
from jobs.store.statements import inserting

SETTLED = frozenset({State.DONE, State.FAILED, State.IN_DOUBT, State.SKIPPED})


def take_new(
    connection: Connection, sheet_id: int, *, export: int, only: Collection[str] | None
) -> None:
    """Mark the rows that settled since the last such export as being written by this one."""
    states = [state.value for state in SETTLED if only is None or state.value in only]
    connection.execute(
        update(exported)
        .where(exported.c.taken_by.is_not(None))
        .values(taken_by=None, taken_at=None)
    )
    fresh = (
        select(rows.c.id, jobs.c.updated_at, literal(export))
        .select_from(rows)
        .join(jobs, jobs.c.id == rows.c.job_id)
        .outerjoin(exported, exported.c.row_id == rows.c.id)
        .where(
            rows.c.batch_id == sheet_id,
            ~rows.c.parked,
            jobs.c.state.in_(states),
            or_(
                exported.c.settled_at.is_(None),
                exported.c.settled_at != jobs.c.updated_at,
            ),
        )
    )
    statement = inserting(connection.dialect, exported).from_select(
        ["row_id", "taken_at", "taken_by"], fresh
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["row_id"],
            set_={
                "taken_at": statement.excluded.taken_at,
                "taken_by": statement.excluded.taken_by,
            },
        )
    )


def confirm(connection: Connection, *, export: int) -> None:
    """Confirm the rows of an export whose file is in place."""
    connection.execute(
        update(exported)
        .where(exported.c.taken_by == export)
        .values(settled_at=exported.c.taken_at, taken_at=None, taken_by=None)
    )


def give_back(connection: Connection, *, export: int) -> None:
    """Release the rows of an export whose file was not written."""
    mine = exported.c.taken_by == export
    connection.execute(delete(exported).where(and_(mine, exported.c.settled_at.is_(None))))
    connection.execute(update(exported).where(mine).values(taken_at=None, taken_by=None))
