"""Columns for refused rows, rows that a retry put back, and the run that settled a row."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Forward only: an older program refuses a newer table."""
    columns: tuple[sa.Column[int] | sa.Column[bool], ...] = (
        sa.Column("refusals", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("requeued", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("settled_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
    )
    for column in columns:
        op.add_column("jobs", column)
