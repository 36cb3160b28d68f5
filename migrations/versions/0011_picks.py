"""Picks: what a person thinks of results, and which of several is meant."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

RESULTS = """
SELECT r.batch_id AS batch, r.position AS result_row, r.key AS result_key,
       CASE WHEN r.parked THEN 'parked'
            WHEN j.state IN ('ready', 'running') THEN 'pending'
            ELSE j.state END AS result_status,
       j.endpoint AS endpoint, j.model AS model, j.fields AS fields,
       a.text AS result_text,
       coalesce(nullif(j.detail, ''), j.cause) AS result_error, j.kind AS result_error_class,
       j.cause AS error_cause, a.finish AS result_finish,
       a.prompt_tokens AS result_prompt_tokens,
       a.completion_tokens AS result_completion_tokens,
       a.total_tokens AS result_total_tokens,
       (SELECT CASE WHEN count(*) = count(paid.cost) THEN
               sum(paid.cost / (SELECT count(*) FROM attempts served
                                 WHERE served.call_id = paid.id)) END
          FROM attempts tried JOIN calls paid ON paid.id = tried.call_id
         WHERE tried.job_id = j.id AND paid.wire IN ('C', 'E')) AS result_cost,
       c.currency AS currency, c.seconds AS result_seconds,
       (SELECT count(*) FROM attempts tried
         WHERE tried.job_id = j.id AND tried.outcome IS NOT NULL) AS result_attempts,
       coalesce(a.answered_model, j.model) AS result_model,
       c.request_id AS result_request_id,
       CASE WHEN NOT r.parked AND j.state NOT IN ('ready', 'running', 'parked')
            THEN j.updated_at END AS finished_at,
       CASE WHEN p.rejected THEN 'rejected'
            WHEN p.stars IS NULL THEN 'file ' || p.number
            WHEN p.number IS NULL THEN '' || p.stars
            ELSE p.stars || ' file ' || p.number END AS result_pick
  FROM rows r
  JOIN jobs j ON j.id = r.job_id
  LEFT JOIN attempts a ON a.job_id = j.id AND a.call_id = j.call_id
  LEFT JOIN calls c ON c.id = j.call_id
  LEFT JOIN picks p ON p.job_id = j.id AND p.call_id = j.call_id"""

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Forward only: an older program refuses a newer table."""
    op.create_table(
        "picks",
        sa.Column("job_id", ID, autoincrement=False, nullable=False),
        sa.Column("call_id", ID, nullable=False),
        sa.Column("number", sa.Integer()),
        sa.Column("stars", sa.SmallInteger()),
        sa.Column("rejected", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("marked_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_picks"),
        sqlite_with_rowid=False,
    )
    op.execute("DROP VIEW results")  # it holds no data
    op.execute(f"CREATE VIEW results AS{RESULTS}")
