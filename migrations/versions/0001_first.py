"""The first tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Forward only: an older program refuses a newer table."""
    _batches()
    _rows()
    _jobs()
    _calls()
    _attempts()
    _answers()
    _files()
    _runs()
    _events()


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("sheet", sa.Text(), nullable=False),
        sa.Column("sheet_digest", sa.LargeBinary(), nullable=False),
        sa.Column("options_digest", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("id_column", sa.Text()),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("attached", sa.Text(), nullable=False),
        sa.Column("loaded_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
    )


def _rows() -> None:
    op.create_table(
        "rows",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("batch_id", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("cells", sa.Text(), nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("parked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rows"),
        sa.UniqueConstraint("batch_id", "key", name="uq_rows_batch_id_key"),
    )
    op.create_index("ix_rows_batch_id_position", "rows", ["batch_id", "position"])
    op.create_index("ix_rows_job_id", "rows", ["job_id"])


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("batch_id", ID, nullable=False),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("digest_version", sa.SmallInteger(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("endpoint", sa.String(40), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("step", sa.String(5), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("turn", sa.Float(), nullable=False),
        sa.Column("not_before", sa.Float(), nullable=False),
        sa.Column("selection", ID),
        sa.Column("owner", sa.String(36)),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.SmallInteger(), nullable=False),
        sa.Column("stream", sa.Boolean(), nullable=False),
        sa.Column("ticket", sa.Text()),
        sa.Column("deadline", sa.Float()),
        sa.Column("call_id", ID),
        sa.Column("call_key", sa.String(40)),
        sa.Column("kind", sa.String(10)),
        sa.Column("cause", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("updated_at", sa.Float()),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint(
            "batch_id", "digest", "occurrence", name="uq_jobs_batch_id_digest_occurrence"
        ),
    )
    op.create_index(
        "ix_jobs_unlisted",
        "jobs",
        ["batch_id"],
        sqlite_where=sa.text("listed = 0"),
    )
    op.create_index(
        "ix_jobs_batch_id_state_step_turn", "jobs", ["batch_id", "state", "step", "turn"]
    )


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("run_id", ID, nullable=False),
        sa.Column("endpoint", sa.String(40), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("call_key", sa.String(40), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float()),
        sa.Column("wire", sa.String(1)),
        sa.Column("status", sa.Integer()),
        sa.Column("seconds", sa.Float()),
        sa.Column("request_id", sa.Text()),
        sa.Column("cost", sa.Float()),
        sa.Column("currency", sa.String(8)),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
    )
    op.create_index(
        "ix_calls_open",
        "calls",
        ["started_at"],
        sqlite_where=sa.text("wire IS NULL"),
    )
    op.create_index("ix_calls_run_id", "calls", ["run_id"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("job_id", ID, autoincrement=False, nullable=False),
        sa.Column("call_id", ID, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(12)),
        sa.Column("kind", sa.String(10)),
        sa.Column("cause", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("text", sa.Text()),
        sa.Column("finish", sa.Text()),
        sa.Column("answered_model", sa.Text()),
        sa.Column("prompt_tokens", sa.Integer()),
        sa.Column("completion_tokens", sa.Integer()),
        sa.Column("total_tokens", sa.Integer()),
        sa.Column("usage", sa.Text()),
        sa.Column("data", sa.Text()),
        sa.PrimaryKeyConstraint("job_id", "call_id", name="pk_attempts"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_attempts_call_id", "attempts", ["call_id"])


def _answers() -> None:
    op.create_table(
        "answers",
        sa.Column("call_id", ID, autoincrement=False, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("coding", sa.String(5), nullable=False),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_answers"),
    )


def _files() -> None:
    op.create_table(
        "files",
        sa.Column("job_id", ID, autoincrement=False, nullable=False),
        sa.Column("call_id", ID, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text()),
        sa.Column("expires_at", sa.Float()),
        sa.Column("state", sa.String(7), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("size", sa.Integer()),
        sa.Column("sha256", sa.LargeBinary(32)),
        sa.Column("media_type", sa.Text()),
        sa.Column("width", sa.Integer()),
        sa.Column("height", sa.Integer()),
        sa.Column("cause", sa.Text()),
        sa.Column("saved_at", sa.Float()),
        sa.PrimaryKeyConstraint("job_id", "call_id", "number", name="pk_files"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_files_name", "files", ["name"])


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("batch_id", ID, nullable=False),
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float()),
        sa.Column("exit_code", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("run_id", ID, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_run_id_at", "events", ["run_id", "at"])
