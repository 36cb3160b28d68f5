"""Hosts, a run's shared terms, and values of any size that a provider may send."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Forward only: an older program refuses a newer table."""
    _add_columns()
    _add_hosts()
    if op.get_bind().dialect.name != "sqlite":  # SQLite looks at no widths
        _widen()
        _make_indexes_partial()


def _add_columns() -> None:
    zero = sa.text("0")
    op.add_column("attempts", sa.Column("epoch", sa.Integer()))
    for column in (
        sa.Column("terms", sa.Text()),
        sa.Column("cap", sa.Float()),
        sa.Column("spent", sa.Float(), nullable=False, server_default=zero),
        sa.Column("held", sa.Float(), nullable=False, server_default=zero),
        sa.Column("repeats_left", sa.Integer()),
        sa.Column("passed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("announced_at", sa.Float()),
    ):
        op.add_column("runs", column)


def _add_hosts() -> None:
    zero = sa.text("0")
    op.create_table(
        "hosts",
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run_id", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("state", sa.String(7), nullable=False),
        sa.Column("joined_at", sa.Float(), nullable=False),
        sa.Column("heard_at", sa.Float(), nullable=False),
        sa.Column("heard_since", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float()),
        sa.Column("in_flight", sa.Integer(), nullable=False, server_default=zero),
        sa.Column("doubts_held", sa.Integer(), nullable=False, server_default=zero),
        sa.Column("obeyed", BIG),
        sa.Column("told", sa.Text(), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("exit_code", sa.Integer()),
        sa.PrimaryKeyConstraint("owner", name="pk_hosts"),
    )
    at_work = sa.column("state", sa.String).in_(("live", "leaving"))
    op.create_index("ix_hosts_run_id", "hosts", ["run_id"])
    op.create_index(
        "uq_hosts_number",
        "hosts",
        ["number"],
        unique=True,
        sqlite_where=at_work,
        postgresql_where=at_work,
    )


def _widen() -> None:
    """PostgreSQL changes no column that a view shows, so the views are made again."""
    views = _views()
    for name in views:
        op.execute(f"DROP VIEW {name}")
    op.alter_column("calls", "currency", type_=sa.Text())
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        op.alter_column("attempts", name, type_=sa.BigInteger())
    op.alter_column("answers", "size", type_=sa.BigInteger())
    for name in ("size", "width", "height"):
        op.alter_column("files", name, type_=sa.BigInteger())
    for name, query in views.items():
        op.execute(f"CREATE VIEW {name} AS{query}")


def _views() -> dict[str, str]:
    """The views as revision 0005 made them."""
    environment = op.get_context().environment_context
    assert environment is not None
    views: dict[str, str] = environment.script.get_revision("0005").module.VIEWS
    return views


def _make_indexes_partial() -> None:
    for name, table, column, condition in (
        ("ix_jobs_unlisted", "jobs", "batch_id", "NOT listed"),
        ("ix_calls_open", "calls", "started_at", "wire IS NULL"),
    ):
        op.drop_index(name, table)
        op.create_index(name, table, [column], postgresql_where=sa.text(condition))
