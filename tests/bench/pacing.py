"""What `-c auto` gets out of simulated gateways: its share of the limit, and refused calls."""

import argparse
import itertools
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pacing import AtOnce, Bucket, Calendar, Changing, Clock, Fickle, Gateway, Sliding, Tally, play

from runner.pacing.minute import Limits
from runner.pacing.pace import CEILING, Pace

HOUR = 3600.0
CALLS = 60_000  # at most in one simulated run, however long it would be
NO_LIMIT = 10**9

LATENCIES: dict[str, tuple[float, float]] = {"fast": (0.5, 2.0), "slow": (5.0, 20.0)}
PAUSES: dict[str, Callable[[random.Random, float], float]] = {
    "no Retry-After": lambda luck, opens_in: luck.uniform(0.0, 2.0),
    "Retry-After": lambda luck, opens_in: max(opens_in, 0.05),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One gateway for an hour, or for as many calls as are worth simulating."""

    kind: str
    name: str
    gateway: Gateway
    allowed: float  # calls a minute, as far as the gateway alone goes
    then: float | None = None  # what is allowed from half-way on


def cases() -> Iterator[Case]:
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
        chance = Fickle(Sliding(limit), share)
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
    """Served calls as a share of what was allowed, and refused ones as a share of the served."""
    luck, clock = random.Random(seed), Clock()
    mean = sum(latency) / 2
    most = CEILING * 60 / mean
    at_once = isinstance(case.gateway, AtOnce)
    allowed = min(case.allowed * 60 / mean if at_once else case.allowed, most)
    then = allowed if case.then is None else min(case.then, most)
    seconds = HOUR if case.then is not None else min(HOUR, max(CALLS / allowed * 60, 600.0))
    tally: Tally = play(
        Pace(Limits(in_flight=CEILING, auto=True), clock=clock),
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
    """The grid as a Markdown table; a line for each gateway, worst of its latencies and pauses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", help="only this kind of gateway")
    parser.add_argument("--all", action="store_true", help="a line for each latency and pause")
    options = parser.parse_args()
    print("| gateway | limit | share of it | refused |\n| --- | --- | --- | --- |")
    for number, _ in enumerate(cases()):
        worst: list[tuple[float, float, str]] = []
        for latency, pause in itertools.product(LATENCIES, PAUSES):
            case = next(itertools.islice(cases(), number, None))  # a gateway that is new
            if options.kind not in (None, case.kind):
                break
            share, refused = score(case, LATENCIES[latency], pause, number)
            worst.append((share, refused, f"{latency}, {pause}"))
            if options.all:
                print(f"| {case.kind} | {case.name} | {share:.0%} | {refused:.1%} | {worst[-1][2]}")
        if worst and not options.all:
            lowest, highest = min(one[0] for one in worst), max(one[1] for one in worst)
            print(f"| {case.kind} | {case.name} | {lowest:.0%} | {highest:.1%} |", flush=True)


if __name__ == "__main__":
    main()
