"""How many rows will be finished by a time: a range, from how many were finished in each minute.

The rate of a night is a level that stays, and a part that comes and goes (a busier provider, an
outage), seen through the chance of single minutes. How large and how lasting these parts are is
not known: each pair of assumptions is a Kalman filter of two numbers over the past, and counts as
much as it explains that past. `tests/bench/nights.py` prints how often the range is right.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.views.finished_minutes import MINUTE_SECONDS, WINDOW_MINUTES

MAX_BLOCKS = 24  # that these minutes are read in
MIN_MINUTES = 5
MIN_ROWS = 10
LIKELIHOOD = 0.8  # how often the number is to be in the range
LASTING_MINUTES = (30, 120)  # after which a change is forgotten
SWINGS = (0.05, 0.15, 0.3, 0.45)  # of the rate, as shares of it
SCATTERS = (1, 4, 16)  # of single minutes, in variances of pure chance
LEVEL_SPREAD = 0.5  # of the level around the mean so far, before anything is seen
BISECTIONS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsUntil:
    """The rows that will be finished at a moment (Unix seconds): a range, of `total`."""

    at: float
    low: int
    high: int
    total: int


def rows_within(minutes: Sequence[int], seconds: float) -> tuple[float, float] | None:
    """The range of rows that will be finished in the next `seconds`; None if too early to say.

    `minutes` are the rows finished in each minute so far, the oldest first.
    """
    recent = minutes[-WINDOW_MINUTES:]
    if len(recent) < MIN_MINUTES or sum(recent) < MIN_ROWS or seconds < 1.0:
        return None
    size = math.ceil(len(recent) / MAX_BLOCKS)
    ends = range(len(recent), size - 1, -size)
    blocks = [sum(recent[end - size : end]) for end in ends][::-1]
    ahead = seconds / MINUTE_SECONDS / size
    found = list(_predictions(blocks, size, ahead))
    best = max(one.log_weight for one in found)
    weighed = [(math.exp(one.log_weight - best), one) for one in found]
    rest = (1 - LIKELIHOOD) / 2
    return max(_quantile(weighed, rest), 0.0), max(_quantile(weighed, 1 - rest), 0.0)


def rows_until(
    minutes: Sequence[int], *, finished: int, total: int, at: float, now: float
) -> RowsUntil | None:
    """The range at a moment; None if it is too early to say, or if all rows will be finished."""
    found = rows_within(minutes, at - now)
    if found is None:
        return None
    low, high = (min(finished + round(rows), total) for rows in found)
    return RowsUntil(at=at, low=low, high=high, total=total) if low < total else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prediction:
    """What one pair of assumptions expects, and how well it explains the past."""

    log_weight: float
    mean: float
    spread: float

    def share_below(self, value: float) -> float:
        """How much of what is expected lies below a value."""
        return 0.5 * (1 + math.erf((value - self.mean) / (self.spread * math.sqrt(2))))


def _predictions(blocks: Sequence[int], size: int, ahead: float) -> Iterator[_Prediction]:
    for minutes in LASTING_MINUTES:
        for swing in SWINGS:
            for scatter in SCATTERS:
                kept = math.exp(-size / minutes)
                yield _predicted(blocks, kept, swing, scatter, ahead)


def _predicted(
    blocks: Sequence[int], kept: float, swing: float, scatter: int, ahead: float
) -> _Prediction:
    """Filter the past, then sum the next `ahead` blocks.

    The state is the level and the part that comes and goes, of which a share `kept` is left after
    a block; a, b and c are their variances and covariance.
    """
    mean = sum(blocks) / len(blocks)
    level, part = mean, 0.0
    swings = (swing * mean) ** 2
    noise, news = scatter * max(mean, 0.5), swings * (1 - kept * kept)
    a, b, c = (LEVEL_SPREAD * mean) ** 2, 0.0, swings
    log_weight = 0.0
    for number, count in enumerate(blocks):
        if number:
            part, b, c = part * kept, b * kept, c * kept * kept + news
        seen = a + 2 * b + c + noise
        surprise = count - level - part
        log_weight -= 0.5 * (math.log(seen) + surprise * surprise / seen)
        by_level, by_part = (a + b) / seen, (b + c) / seen
        level, part = level + by_level * surprise, part + by_part * surprise
        a, b, c = a - by_level * (a + b), b - by_level * (b + c), c - by_part * (b + c)
    lost = 1 - kept
    still = kept * (1 - kept**ahead) / lost
    to_come = ahead - 2 * still + kept * kept * (1 - kept ** (2 * ahead)) / (1 - kept * kept)
    variance = ahead * ahead * a + 2 * ahead * still * b + still * still * c
    variance += news / lost**2 * max(to_come, 0.0) + noise * ahead
    return _Prediction(
        log_weight=log_weight, mean=ahead * level + still * part, spread=math.sqrt(variance)
    )


def _quantile(weighed: Sequence[tuple[float, _Prediction]], share: float) -> float:
    """Below which value so large a share of the expectations lies."""
    low = min(one.mean - 8 * one.spread for _, one in weighed)
    high = max(one.mean + 8 * one.spread for _, one in weighed)
    total = sum(weight for weight, _ in weighed)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        below = sum(weight * one.share_below(middle) for weight, one in weighed)
        low, high = (middle, high) if below < share * total else (low, middle)
    return (low + high) / 2
