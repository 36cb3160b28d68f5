"""Tickets belong to calls: a task that failed is asked after by later runs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KEPT_SECONDS = 86_400  # for which providers keep tasks, as far as they say


def upgrade() -> None:
    """Forward only: an older program refuses a newer table."""
    op.add_column("calls", sa.Column("ticket", sa.Text()))
    op.add_column("calls", sa.Column("asked_until", sa.Float()))
    asked = sa.column("asked_until", sa.Float).is_not(None)
    op.create_index(
        "ix_calls_tickets",
        "calls",
        ["asked_until"],
        sqlite_where=asked,
        postgresql_where=asked,
    )
    op.execute(
        f"""
        UPDATE calls SET
            ticket = (SELECT max(jobs.ticket) FROM jobs WHERE jobs.call_id = calls.id),
            asked_until = started_at + {KEPT_SECONDS}
        WHERE id IN (
            SELECT call_id FROM jobs
            WHERE state IN ('failed', 'ready') AND step = 'poll' AND ticket IS NOT NULL
        )
        """  # noqa: S608 - a number of this file
    )
