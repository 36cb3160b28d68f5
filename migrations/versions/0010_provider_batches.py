"""Provider batches, and the calls that are lines of them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

MOMENTS = (
    *("creating_at", "created_at", "due_at", "asked_at", "ask_at"),
    *("ended_at", "taken_in_at", "cancel_at", "removed_at"),
)


def upgrade() -> None:
    """Forward only: an older program refuses a newer table."""
    op.add_column("calls", sa.Column("provider_batch_id", BIG))
    of_a_batch = sa.column("provider_batch_id").is_not(None)
    op.create_index(
        "ix_calls_provider_batch_id",
        "calls",
        ["provider_batch_id"],
        sqlite_where=of_a_batch,
        postgresql_where=of_a_batch,
    )
    op.create_table(
        "provider_batches",
        sa.Column("id", BIG, nullable=False, autoincrement=False),
        sa.Column("sheet_id", BIG, nullable=False),
        sa.Column("run_id", BIG, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("owner", sa.String(36)),
        sa.Column("epoch", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("form", "base_url", "url", "account")
        ),
        sa.Column("endpoint", sa.String(40), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("rows", BIG, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("tokens", BIG),
        sa.Column("input_file", sa.Text()),
        sa.Column("remote_id", sa.Text()),
        *(
            sa.Column(name, sa.Text(), nullable=False, server_default=sa.text(empty))
            for name, empty in (("files", "'[]'"), ("places", "'{}'"), ("told", "'{}'"))
        ),
        sa.Column("problem", sa.Text()),
        sa.Column("opened_at", sa.Float(), nullable=False),
        *(sa.Column(name, sa.Float()) for name in MOMENTS),
        sa.PrimaryKeyConstraint("id", name="pk_provider_batches"),
    )
    op.create_index("ix_provider_batches_sheet_id_state", "provider_batches", ["sheet_id", "state"])
