"""Edits of cells beside the sheet, and which rows were exported as new."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Forward only: an older program refuses a newer table."""
    op.create_table(
        "edits",
        sa.Column("batch_id", ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "key", "header", name="pk_edits"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "exported",
        sa.Column("row_id", ID, autoincrement=False, nullable=False),
        sa.Column("settled_at", sa.Float()),
        sa.Column("taken_at", sa.Float()),
        sa.Column("taken_by", ID),
        sa.PrimaryKeyConstraint("row_id", name="pk_exported"),
        sqlite_with_rowid=False,
    )
