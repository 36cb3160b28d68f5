"""Network faults and clock jumps lose nothing over whole runs of the real command."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.exits import Exit
from tests.support.toxic_proxy import ToxicProxy

from .audit import audit
from .harness import Scene, scene
from .prefork import Prefork

COUNT_IN_DOUBT = "SELECT count(*) FROM calls WHERE wire = 'D'"


@pytest.fixture
def small(tmp_path: Path, prefork: Prefork) -> Iterator[Scene]:
    """Twenty rows of text."""
    with scene(tmp_path, rows=20, latency=0.05, prefork=prefork) as one:
        yield one


def balanced(scene: Scene) -> None:
    problems = [text for text in audit(scene, []).problems if not text.startswith("I4")]
    assert not problems


# --- the line -------------------------------------------------------------------------------------

LINES = {
    "thin": {"rate": 20_000.0},
    "far": {"latency": 0.4},
    "sliced": {"slices": 3},
    "all": {"rate": 50_000.0, "latency": 0.1, "slices": 17},
}


@pytest.mark.parametrize("line", LINES)
def test_a_bad_line_is_slow_and_nothing_else(line: str, small: Scene) -> None:
    with ToxicProxy(small.port, **LINES[line]) as proxy:  # type: ignore[arg-type]  # as named
        run = small.start("--base-url", proxy.url)
        assert run.wait() == Exit.DONE, run.stderr
    assert small.calls() == 20
    assert small.query(COUNT_IN_DOUBT) == [(0,)]
    balanced(small)


def test_a_network_that_is_away_for_a_while_fails_no_row(small: Scene) -> None:
    with ToxicProxy(small.port) as proxy:
        run = small.start("--base-url", proxy.url, concurrency=2)
        assert small.until_calls(4, run)
        proxy.cut()
        time.sleep(2.0)
        proxy.mend()
        assert run.wait() == Exit.DONE, run.stderr
    assert small.query("SELECT state, count(*) FROM jobs GROUP BY state") == [("done", 20)]
    assert small.calls() <= 20 + 2, "only what was on the line can be in doubt"
    balanced(small)


def test_a_server_that_closes_connections_costs_at_most_a_doubt_for_each(small: Scene) -> None:
    with ToxicProxy(small.port, per_connection=3) as proxy:
        run = small.start("--base-url", proxy.url, concurrency=2)
        assert run.wait() in (Exit.DONE, Exit.SOME_FAILED), run.stderr
        doubts = small.query(COUNT_IN_DOUBT)[0][0]
        assert doubts <= proxy.connections
    balanced(small)


# --- names ----------------------------------------------------------------------------------------


def test_a_name_that_is_not_found_is_waited_for_and_free(small: Scene) -> None:
    """The resolver fails until a call has failed because of it, then resolves the gateway."""
    names, known = small.folder / "names.json", small.folder / "known.json"
    names.write_text('{"gateway.test": {"addresses": []}}')
    known.write_text('{"gateway.test": {}}')
    run = small.start("--base-url", f"http://gateway.test:{small.port}", SHIM_NAMES=str(names))
    assert small.until(lambda: bool(small.query("SELECT 1 FROM calls WHERE wire = 'A'")), run)
    known.replace(names)
    assert run.wait() == Exit.DONE, run.stderr
    assert small.calls() == 20
    balanced(small)


def test_an_address_that_leads_nowhere_is_passed_by(small: Scene) -> None:
    """The first address of a host name is dead, the second works."""
    names = small.folder / "names.json"
    names.write_text('{"gateway.test": {"addresses": ["127.0.0.9", "127.0.0.1"]}}')
    run = small.start("--base-url", f"http://gateway.test:{small.port}", SHIM_NAMES=str(names))
    assert run.wait() == Exit.DONE, run.stderr
    assert small.calls() == 20
    assert small.query(COUNT_IN_DOUBT) == [(0,)]


# --- the clock ------------------------------------------------------------------------------------

JUMPS = {"a day on": 86400.0, "a day back": -86400.0, "to 1970": None, "to 2038": 4e8}


@pytest.mark.parametrize("jump", JUMPS)
def test_a_clock_that_jumps_expires_nothing_and_loses_nothing(jump: str, small: Scene) -> None:
    clock = small.folder / "clock.txt"
    clock.write_text("0")
    run = small.start(concurrency=2, SHIM_CLOCK=str(clock))
    assert small.until_calls(4, run)
    size = JUMPS[jump]
    clock.write_text(str(-time.time() + 5 if size is None else size))
    assert run.wait() == Exit.DONE, run.stderr
    assert small.calls() == 20
    assert small.query("SELECT count(*) FROM calls WHERE seconds < 0 OR seconds > 60") == [(0,)]
    balanced(small)


def test_after_a_sleep_calls_that_never_end_are_given_up(tmp_path: Path, prefork: Prefork) -> None:
    """The machine slept for an hour: calls that were in flight get a short grace period."""
    with scene(tmp_path, rows=4, latency=600.0, prefork=prefork) as one:
        clock = one.folder / "clock.txt"
        clock.write_text("0")
        run = one.start("--in-doubt", "hold", SHIM_SLEPT=str(clock), SHIM_AFTER_SLEEP_SECONDS="1.0")
        assert one.until_calls(4, run)
        clock.write_text("3600")
        assert run.wait() == Exit.SOME_FAILED, run.stderr
        assert one.query("SELECT state, count(*) FROM jobs GROUP BY state") == [("in_doubt", 4)]
        balanced(one)
