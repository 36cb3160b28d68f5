"""The public SQL views; they stay stable while the tables change.

Columns are named as in the results. Times are Unix seconds.
"""

from collections.abc import Mapping
from types import MappingProxyType

from jobs.wire_class import PAID_CLASSES, WireClass

_PAID = "({})".format(", ".join(f"'{one}'" for one in sorted(PAID_CLASSES)))

VIEWS: Mapping[str, str] = MappingProxyType(
    {
        "results": f"""
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
         WHERE tried.job_id = j.id AND paid.wire IN {_PAID}) AS result_cost,
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
  LEFT JOIN picks p ON p.job_id = j.id AND p.call_id = j.call_id""",  # noqa: S608 - an enum's letters
        "failures": """
SELECT j.batch_id AS batch, j.model AS model,
       CASE WHEN j.state = 'in_doubt' THEN 'in_doubt' ELSE j.kind END AS error_class,
       j.cause AS error_cause, count(*) AS failed
  FROM rows r
  JOIN jobs j ON j.id = r.job_id
 WHERE NOT r.parked AND j.state IN ('failed', 'in_doubt')
 GROUP BY 1, 2, 3, 4""",
        "spending": f"""
SELECT u.batch_id AS batch, c.model AS model, c.endpoint AS endpoint, c.currency AS currency,
       count(*) AS calls, sum(c.cost) AS cost,
       sum(CASE WHEN c.wire IN {_PAID} AND c.cost IS NULL THEN 1 ELSE 0 END) AS unpriced,
       sum(CASE WHEN c.wire = '{WireClass.IN_DOUBT}' THEN 1 ELSE 0 END) AS in_doubt
  FROM calls c
  JOIN runs u ON u.id = c.run_id
 WHERE c.wire IS NOT NULL AND c.wire <> '{WireClass.NOT_SENT}'
 GROUP BY 1, 2, 3, 4""",  # noqa: S608 - an enum's letters
    }
)
"""By name: the query of each."""
