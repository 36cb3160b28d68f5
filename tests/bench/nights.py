"""How often the forecast for `--until` is right: over nights that were made up, not run.

A night has a rate of its own, which wanders, drifts, is slowed down and falls out. After 10 minutes
to 4 hours the forecast for the next 20 minutes to 4 hours is compared with what came.
"""

import argparse
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from runner.views.finished_minutes import MINUTE_SECONDS
from runner.views.until_forecast import LIKELIHOOD, rows_within

MINUTES = 480
LOOKS = (10, 30, 60, 120, 240)  # minutes after the begin
HORIZONS = (20, 80, 240)
WANDER_MINUTES, WANDER = 40, 0.25


@dataclass(slots=True)
class Weather:
    """What befalls the rate of one night, minute by minute, as a factor."""

    rng: random.Random
    wanders: bool = False
    drifts: bool = False
    slows: bool = False
    falls_out: bool = False
    _level: float = 0.0
    _outage: float = 0.0
    _slow: float = 0.0
    _drift: float = field(init=False)

    def __post_init__(self) -> None:
        self._drift = self.rng.gauss(0, WANDER) if self.drifts else 0.0

    def factor(self, minute: int) -> float:
        """The rate in this minute, as a share of the night's own."""
        chance = self.rng
        if self.wanders:
            step = chance.gauss(0, WANDER * math.sqrt(2 / WANDER_MINUTES))
            self._level += step - self._level / WANDER_MINUTES
        if self.falls_out and self._outage <= 0 and chance.random() < 1 / 360:
            self._outage = math.exp(chance.gauss(math.log(8), 1.0))
        if self.slows and self._slow <= 0 and chance.random() < 1 / 90:
            self._slow = chance.expovariate(1 / 4)
        share = max(1 - max(self._outage, 0.0), 0.0)
        share *= max(1 - max(self._slow, 0.0) * chance.random(), 0.0)
        self._outage, self._slow = self._outage - 1, self._slow - 1
        return share * math.exp(self._level + self._drift * minute / MINUTES)


KINDS: dict[str, Callable[[random.Random], Weather]] = {
    "steady": Weather,
    "drifting": lambda rng: Weather(rng, wanders=True, drifts=True),
    "slowed down": lambda rng: Weather(rng, wanders=True, slows=True),
    "with outages": lambda rng: Weather(rng, wanders=True, falls_out=True),
    "all of it": lambda rng: Weather(rng, wanders=True, drifts=True, slows=True, falls_out=True),
}


@dataclass(slots=True)
class Tally:
    """How forecasts went."""

    right: int = 0
    fewer: int = 0  # came than the range says
    more: int = 0
    width: float = 0.0  # half of it, as a share of its middle

    @property
    def asked(self) -> int:
        """All forecasts."""
        return self.right + self.fewer + self.more

    def add(self, low: float, high: float, came: int) -> None:
        """One forecast and what came; whole rows are shown, so their rounding counts."""
        self.right += round(low) <= came <= round(high)
        self.fewer += came < round(low)
        self.more += came > round(high)
        self.width += (high - low) / max(high + low, 1.0)

    def line(self) -> str:
        """The shares, for people."""
        return (
            f"{self.right / self.asked:6.0%} within   {self.fewer / self.asked:4.0%} fewer"
            f"   {self.more / self.asked:4.0%} more   ± {self.width / self.asked:4.0%}"
        )


def night(rng: random.Random, weather: Weather) -> list[int]:
    """The rows that were finished in each minute of a night."""
    rate = math.exp(rng.uniform(math.log(0.3), math.log(60)))
    return [_poisson(rng, rate * weather.factor(minute)) for minute in range(MINUTES)]


def forecasts(kind: str, nights: int, seed: int) -> Iterator[tuple[int, int, float, float, int]]:
    """Minutes since the begin, minutes ahead, range, and the rows that came."""
    for number in range(nights):
        rng = random.Random(f"{kind} {seed} {number}")
        counts = night(rng, KINDS[kind](rng))
        for look in LOOKS:
            for horizon in HORIZONS:
                found = rows_within(counts[:look], horizon * MINUTE_SECONDS)
                if found is not None:
                    yield look, horizon, *found, sum(counts[look : look + horizon])


def _poisson(rng: random.Random, mean: float) -> int:
    if mean > 30:
        return max(round(rng.gauss(mean, math.sqrt(mean))), 0)
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count, product = count + 1, product * rng.random()
    return count


def main() -> None:
    """Print the calibration by kind of night, by how early it was said and by how far ahead."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=200, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    by_kind = {kind: Tally() for kind in KINDS}
    by_look = {look: Tally() for look in LOOKS}
    by_horizon = {horizon: Tally() for horizon in HORIZONS}
    for kind in KINDS:
        for look, horizon, low, high, came in forecasts(kind, given.nights, given.seed):
            for tally in (by_kind[kind], by_look[look], by_horizon[horizon]):
                tally.add(low, high, came)
    print(f"{given.nights} nights of each kind; the range claims {LIKELIHOOD:.0%}")
    for kind, tally in by_kind.items():
        print(f"  {kind:<14}{tally.line()}")
    for look, tally in by_look.items():
        print(f"  after {look:>3} min {tally.line()}")
    for horizon, tally in by_horizon.items():
        print(f"  {horizon:>3} min ahead {tally.line()}")


if __name__ == "__main__":
    main()
