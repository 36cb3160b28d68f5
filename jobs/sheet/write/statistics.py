"""Statistics of results by model, for the summary tab of a workbook."""

from collections.abc import Sequence
from dataclasses import dataclass

Fact = tuple[str, str, float | None, float | None]
"""One row of the sheet: model, status, seconds, cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLine:
    """The results of one model. Seconds and cost are None if no row has them."""

    model: str
    rows: int
    done: int
    failed: int
    median_seconds: float | None
    p95_seconds: float | None
    cost: float | None


def by_model(facts: Sequence[Fact]) -> list[ModelLine]:
    """One line per model, the one with most rows first."""
    from pandas import DataFrame  # noqa: PLC0415 - half the start-up time, and only workbooks need it

    frame = DataFrame(facts, columns=["model", "status", "seconds", "cost"])
    frame = frame.astype({"seconds": "float64", "cost": "float64"})
    frame["done"] = frame["status"] == "done"
    frame["failed"] = frame["status"] == "failed"
    groups = frame.groupby("model", sort=True)
    table = groups.agg(
        rows=("status", "size"),
        done=("done", "sum"),
        failed=("failed", "sum"),
        median=("seconds", "median"),
        p95=("seconds", lambda seconds: seconds.quantile(0.95)),
    )
    table["cost"] = groups["cost"].sum(min_count=1)  # an unknown cost is not zero
    table = table.sort_values("rows", ascending=False, kind="stable")
    return [
        ModelLine(
            model=str(model),
            rows=int(rows),
            done=int(done),
            failed=int(failed),
            median_seconds=_known(median),
            p95_seconds=_known(p95),
            cost=_known(cost),
        )
        for model, (rows, done, failed, median, p95, cost) in zip(
            table.index, table.to_numpy(dtype="float64").tolist(), strict=True
        )
    ]


def _known(value: float) -> float | None:
    return None if value != value else round(float(value), 6)  # noqa: PLR0124 - only NaN differs from itself
