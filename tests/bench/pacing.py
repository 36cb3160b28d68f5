"""What `-c auto` achieves at simulated gateways: its share of the limit, and refused calls."""

import argparse
import itertools
import math
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from runner.pacing.backoff import Wait
from runner.pacing.pace import MAX_AUTO_CALLS, Pace
from runner.pacing.rate_window import Limits
from tests.support.pacing import (
    NO_LIMIT,
    AtOnce,
    Bucket,
    Calendar,
    Changing,
    Clock,
    Fickle,
    Gateway,
    Sliding,
    Tally,
    asked,
    ours,
    play,
)

HOUR = 3600.0
CALLS = 60_000  # the most in one simulated run
SEEDS = (7101, 7102, 7103)  # not used to choose any constant of the pacing

LATENCIES: dict[str, tuple[float, float]] = {"fast": (0.5, 2.0), "slow": (5.0, 20.0)}
PAUSES: dict[str, Callable[[random.Random, float], Wait]] = {
    "no Retry-After": lambda luck, opens_in: ours(luck),
    "Retry-After": lambda luck, opens_in: asked(max(math.ceil(opens_in), 1)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Simulate one gateway for an hour, or for a maximum number of calls."""

    kind: str
    name: str
    gateway: Gateway
    allowed: float  # calls a minute that the gateway itself allows
    then: float | None = None  # the limit in the second half


def cases(seed: int) -> Iterator[Case]:
    """The grid, without latencies and pauses."""
    for limit in (10, 60, 300, 600, 3000):
        yield Case(kind="fixed window", name=f"{limit}", gateway=Calendar(limit), allowed=limit)
        yield Case(kind="sliding window", name=f"{limit}", gateway=Sliding(limit), allowed=limit)
        yield Case(
            kind="sliding, counts refused",
            name=f"{limit}",
            gateway=Sliding(limit, counts_refused=True),
            allowed=limit,
        )
        for most in (1, 5, limit):
            bucket = Bucket(limit, most=most, credit=most)
            kind = "bucket of R" if most == limit else f"bucket of {most}"
            yield Case(kind=kind, name=f"{limit}", gateway=bucket, allowed=limit)
    for limit in (5, 20, 100):
        yield Case(kind="at once", name=f"{limit}", gateway=AtOnce(limit), allowed=limit)
    for limit, share in itertools.product((60, 600, NO_LIMIT), (0.02, 0.05)):
        name = f"{'no limit' if limit == NO_LIMIT else limit}, {share:.0%}"
        chance = Fickle(Sliding(limit), share, random.Random(seed))
        yield Case(kind="refuses by chance", name=name, gateway=chance, allowed=limit)
    for limit, then in ((60, 30), (60, 120), (600, 300), (600, 1200)):
        yield Case(
            kind="changes half-way",
            name=f"{limit} to {then}",
            gateway=Changing(Sliding(limit), Sliding(then), at=Clock().now + HOUR / 2),
            allowed=limit,
            then=then,
        )


def score(case: Case, latency: tuple[float, float], pause: str, seed: int) -> tuple[float, float]:
    """Served calls as a share of the limit, and refused ones as a share of the served."""
    luck, clock = random.Random(seed), Clock()
    mean = sum(latency) / 2
    most = MAX_AUTO_CALLS * 60 / mean
    at_once = isinstance(case.gateway, AtOnce)
    allowed = min(case.allowed * 60 / mean if at_once else case.allowed, most)
    then = allowed if case.then is None else min(case.then, most)
    seconds = HOUR if case.then is not None else min(HOUR, max(CALLS / allowed * 60, 600.0))
    tally: Tally = play(
        Pace(Limits(in_flight=MAX_AUTO_CALLS, auto=True), clock=clock),
        clock,
        case.gateway,
        seconds=seconds,
        latency=lambda now: luck.uniform(*latency),
        told=lambda opens_in: PAUSES[pause](luck, opens_in),
    )
    served, refused = len(tally.served), len(tally.refused)
    if isinstance(case.gateway, Fickle):
        refused -= case.gateway.by_chance
    return served / ((allowed + then) * seconds / 120), refused / max(served, 1)


def main() -> None:
    """The grid as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", help="only this kind of gateway")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="of chance")
    options = parser.parse_args()
    print("| gateway | limit | pause | share: worst, median | refused: worst, median |")
    print("| --- | --- | --- | --- | --- |")
    for number, case in enumerate(cases(0)):
        if options.kind in (None, case.kind):
            for pause in PAUSES:
                found = line(number, pause, options.seeds)
                print(f"| {case.kind} | {case.name} | {pause} | {found} |", flush=True)


def line(number: int, pause: str, seeds: Sequence[int]) -> str:
    """The outcome at one gateway over all seeds and latencies."""
    found = []
    for seed, latency in itertools.product(seeds, LATENCIES):
        case = next(itertools.islice(cases(seed), number, None))  # a fresh gateway
        found.append(score(case, LATENCIES[latency], pause, seed))
    shares, refused = zip(*found, strict=True)
    share = f"{min(shares):.0%}, {statistics.median(shares):.0%}"
    return f"{share} | {max(refused):.1%}, {statistics.median(refused):.1%}"


if __name__ == "__main__":
    main()
