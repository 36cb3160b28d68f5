"""Names of files reserved before their bytes are put on a target."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Forward only: an older program refuses a newer table."""
    op.create_table(
        "file_names",
        sa.Column("folded", sa.LargeBinary(16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("folded", name="pk_file_names"),
        sqlite_with_rowid=False,
    )
