"""Hosts are killed, and others take their place."""

import json
from collections import defaultdict
from functools import partial

import pytest

from tests.hosts.conftest import Make
from tests.support.hosts import Host, HostScene

ROWS = 6_000
CONCURRENCY = 32
LIMIT_SECONDS = 5.0


def is_done(here: HostScene, rows: int) -> bool:
    return here.done() >= rows


def run_with_kills(here: HostScene, policy: str) -> list[Host]:
    """Four hosts, of which three are killed and replaced; returns those that end by themselves."""
    options = ("--in-doubt", policy)
    hosts = [here.start(*options, machine="m0", concurrency=CONCURRENCY)]
    here.until(lambda: here.done() > 0)
    hosts += [
        here.start(machine=f"m{number}", joins=True, concurrency=CONCURRENCY)
        for number in (1, 2, 3)
    ]
    for number, share in enumerate((0.2, 0.4, 0.6)):
        here.until(partial(is_done, here, int(share * len(here.prompts))))
        hosts.pop(0).kill()
        another = here.start(machine=f"new{number}", joins=True, concurrency=CONCURRENCY)
        hosts.append(another)
    return hosts


@pytest.mark.timeout(400)
def test_under_hold_nothing_is_paid_twice_and_a_person_decides_about_what_was_in_flight(
    scene: Make,
) -> None:
    here = scene(ROWS, latency=0.3)
    here.timeout = LIMIT_SECONDS
    hosts = run_with_kills(here, "hold")
    codes = here.wait(hosts)
    books = here.books()
    books.assert_whole(twice=0)
    held = books.rows.pop("in_doubt", 0)
    assert books.rows == {"done": ROWS - held}
    assert held <= 3 * CONCURRENCY
    assert set(codes) == {4 if held else 0}
    assert books.hosts["lost"] == 3


@pytest.mark.timeout(400)
def test_under_retry_a_call_in_doubt_is_repeated_when_its_own_limit_has_passed(
    scene: Make,
) -> None:
    here = scene(ROWS, latency=0.3)
    here.timeout = LIMIT_SECONDS
    hosts = run_with_kills(here, "retry")
    codes = here.wait(hosts)
    books = here.books()
    books.assert_whole(twice=3 * CONCURRENCY)
    assert books.rows.get("done", 0) + books.rows.get("in_doubt", 0) == ROWS
    assert set(codes) <= {0, 4}
    moments = defaultdict(list)
    for one in map(json.loads, here.bill.read_text(encoding="utf-8").splitlines()):
        if one["billed"]:
            moments[one["prompt_sha"]].append(one["time"])
    waits = [times[1] - times[0] for times in moments.values() if len(times) > 1]
    assert all(wait >= LIMIT_SECONDS for wait in waits), waits
