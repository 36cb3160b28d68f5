"""Make keys and requests unique by an index, which a first load can create at its end."""

from collections.abc import Sequence

from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

UNIQUE = {
    "rows": ("uq_rows_batch_id_key", ["batch_id", "key"]),
    "jobs": ("uq_jobs_batch_id_digest_occurrence", ["batch_id", "digest", "occurrence"]),
}


def upgrade() -> None:
    """Forward only: an older program refuses a newer table."""
    for table, (name, columns) in UNIQUE.items():
        with op.batch_alter_table(table) as batch:  # SQLite cannot drop one: the table is copied
            batch.drop_constraint(name, type_="unique")
        op.create_index(name, table, columns, unique=True)
