"""What a call may cost at most, and whether its cost is an estimate."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Earlier calls have no ceiling: those in doubt have no known price."""
    op.add_column("calls", sa.Column("ceiling", sa.Float()))
    op.add_column("calls", sa.Column("estimated", sa.Boolean()))
