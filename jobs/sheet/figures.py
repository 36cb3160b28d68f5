"""Figures for the charts of a report: rows over time, waits, failures by class, cost by model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # imported where it is used
    from pandas import DataFrame, Series

MOST_BINS = 48
WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
NIGHT = 12 * 3600.0  # a pause this long begins a new night
BARS = 24  # of a histogram, at most
STATES = ("done", "failed", "in_doubt")
LEAST = 10  # ended rows; fewer are better read one by one, and pandas costs seconds to import


class Fact(NamedTuple):
    """One row of the sheet, as the charts count it."""

    status: str
    kind: str | None
    model: str
    seconds: float | None
    cost: float | None
    finished_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBin:
    """Rows that ended in one stretch of time, by state."""

    at: float
    done: int
    failed: int
    in_doubt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long answers took: counts by equal steps of `width` seconds, the last one open."""

    width: float
    counts: tuple[int, ...]
    p50: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """What one model cost; None where no price is known. `unpriced` rows are not in it."""

    model: str
    done: int
    cost: float | None
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All that the charts show. `finished` covers the last night only, in steps of `width`."""

    width: float
    finished: tuple[TimeBin, ...]
    waits: Waits | None
    classes: tuple[tuple[str, int], ...]  # the most frequent first
    models: tuple[ModelCost, ...]  # the dearest first
    slow: tuple[tuple[float, float], ...]  # from, to: answers took twice as long as usual


NOTHING = Figures(width=1.0, finished=(), waits=None, classes=(), models=(), slow=())


def figures(facts: Sequence[Fact]) -> Figures:
    """Count everything; nothing where too few rows have ended to make a chart of them."""
    if sum(fact.status in STATES for fact in facts) < LEAST:
        return NOTHING
    from pandas import DataFrame  # noqa: PLC0415 - half the start-up time, and only reports need it

    frame = DataFrame(facts, columns=list(Fact._fields))
    frame = frame.astype({"seconds": "float64", "cost": "float64", "finished_at": "float64"})
    night = _last_night(frame[frame["status"].isin(STATES)].dropna(subset=["finished_at"]))
    width = _width(night["finished_at"])
    return Figures(
        width=width,
        finished=_finished(night, width),
        waits=_waits(frame.loc[frame["status"] == "done", "seconds"].dropna()),
        classes=_classes(frame),
        models=_models(frame[frame["status"] == "done"]),
        slow=_slow(night),
    )


def _last_night(ended: "DataFrame") -> "DataFrame":
    """The rows since the last long pause."""
    ordered = ended.sort_values("finished_at")
    begins = ordered["finished_at"].diff() > NIGHT
    return ordered[begins.cumsum() == begins.sum()]


def _width(times: "Series[float]") -> float:
    """Seconds a bin, so that there are few enough and each begins at a round time."""
    span = float(times.max() - times.min()) if len(times) else 0.0
    return float(next((one for one in WIDTHS if span / one < MOST_BINS), WIDTHS[-1]))


def _finished(night: "DataFrame", width: float) -> tuple[TimeBin, ...]:
    if night.empty:
        return ()
    place = (night["finished_at"] // width).astype("int64")
    table = night.groupby([place, "status"]).size().unstack(fill_value=0)
    table = table.reindex(index=range(place.min(), place.max() + 1), columns=STATES, fill_value=0)
    return tuple(
        TimeBin(at=float(at * width), done=int(done), failed=int(failed), in_doubt=int(doubt))
        for at, done, failed, doubt in table.itertuples()
    )


def _waits(seconds: "Series[float]") -> Waits | None:
    if seconds.empty:
        return None
    most = float(seconds.quantile(0.99))
    width = _step(most / BARS)
    last = int(most // width)
    counts = (seconds // width).clip(upper=last).astype("int64").value_counts()
    return Waits(
        width=width,
        counts=tuple(int(counts.get(place, 0)) for place in range(last + 1)),
        p50=float(seconds.quantile(0.5)),
        p95=float(seconds.quantile(0.95)),
    )


def _step(least: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    size = 0.001
    while True:
        for factor in (1, 2, 5):
            if size * factor >= least:
                return size * factor
        size *= 10


def _classes(frame: "DataFrame") -> tuple[tuple[str, int], ...]:
    failed = frame.loc[frame["status"] == "failed", "kind"].fillna("crashed")
    doubtful = int((frame["status"] == "in_doubt").sum())
    counts = [(str(kind), int(count)) for kind, count in failed.value_counts().items()]
    counts += [("in_doubt", doubtful)] if doubtful else []
    return tuple(sorted(counts, key=lambda one: (-one[1], one[0])))


def _models(done: "DataFrame") -> tuple[ModelCost, ...]:
    groups = done.groupby("model")["cost"]
    table = groups.agg(["size", "count"])
    table["cost"] = groups.sum(min_count=1)  # no known cost is no cost of zero
    table = table.sort_values(["cost", "size"], ascending=False, na_position="last")
    return tuple(
        ModelCost(
            model=str(model),
            done=int(size),
            cost=float(cost) if priced else None,
            unpriced=int(size - priced),
        )
        for model, size, priced, cost in table.itertuples()
    )


def _slow(night: "DataFrame") -> tuple[tuple[float, float], ...]:
    """Stretches of ten minutes and more in which the median wait was twice that of the night."""
    answered = night.dropna(subset=["seconds"])
    usual = answered["seconds"].median()
    groups = answered.groupby(answered["finished_at"] // 600)["seconds"].agg(["median", "size"])
    places = groups.index[(groups["median"] > 2 * usual) & (groups["size"] >= 5)]
    stretches: list[tuple[float, float]] = []
    for place in (float(one) for one in places):
        if stretches and stretches[-1][1] == 600 * place:
            stretches[-1] = (stretches[-1][0], 600 * (place + 1))
        else:
            stretches.append((600 * place, 600 * (place + 1)))
    return tuple(stretches)
