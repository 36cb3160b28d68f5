"""Pure decisions of a run: when it ends, and what counts as an outage."""

import contextlib
import os
import stat
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.job import Failure, FailureClass
from jobs.outcome import Finished, GiveUp, Released, Repeat, TryAgain
from jobs.store.log import RunEvent
from runner.engine import keep_awake
from runner.engine.outage import FailureStreak, is_trouble, wait_of
from runner.engine.stop import FailedShare
from runner.settings.schema import SCHEMA, Until
from runner.settings.values import InvalidValueError, read_value
from runner.steps.resolution import Signal
from runner.views.status import pauses_in
from tests.support.world import TEXT, World

UNTIL = next(one for one in SCHEMA if one.name == "until")


# --- until ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("07:00", Until(hour=7, minute=0)),
        ("7:05", Until(hour=7, minute=5)),
        ("07：00", Until(hour=7, minute=0)),
        ("8h", Until(seconds=28_800.0)),
        ("90m", Until(seconds=5_400.0)),
        ("1.5h", Until(seconds=5_400.0)),
    ],
)
def test_until_is_a_time_of_day_or_a_time_from_now(text: str, expected: Until) -> None:
    assert read_value(UNTIL, text) == expected


@pytest.mark.parametrize("text", ["", "7", "25:00", "07:60", "soon", "0h", "-1h", "07:00:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        read_value(UNTIL, text)


@settings(deadline=None)
@given(st.integers(0, 23), st.integers(0, 59), st.floats(1.6e9, 2e9))
def test_a_time_of_day_is_the_next_one(hour: int, minute: int, now: float) -> None:
    moment = Until(hour=hour, minute=minute).moment(now)
    assert now < moment <= now + 25 * 3600
    local = datetime.fromtimestamp(moment).astimezone()
    assert (local.hour, local.minute) == (hour, minute) or os.environ.get("TZ")


# --- outages and rules ----------------------------------------------------------------------------


def failure(kind: FailureClass, cause: str) -> Failure:
    return Failure(kind=kind, cause=cause)


def test_what_the_next_row_would_meet_too_is_trouble() -> None:
    server = failure(FailureClass.SERVER, "bad_gateway")
    assert is_trouble(Repeat(failure=server), Signal.NONE)
    assert is_trouble(TryAgain(failure=server, delay=1.0), Signal.NONE)
    assert is_trouble(Released(delay=1.0, failure=server), Signal.OFFLINE)
    html = failure(FailureClass.NO_RESULT, "html")
    assert is_trouble(TryAgain(failure=html, delay=1.0), Signal.USELESS)
    assert not is_trouble(Finished(), Signal.GOOD)
    assert not is_trouble(GiveUp(failure=failure(FailureClass.REFUSED, "x")), Signal.NONE)
    assert not is_trouble(Released(delay=1.0, failure=server), Signal.SLOW_DOWN)


def test_five_in_a_row_are_an_outage_and_of_many_calls_half() -> None:
    trouble = FailureStreak()
    assert [trouble.failed(8) for _ in range(5)] == [False] * 4 + [True]
    trouble.over()
    assert [trouble.failed(64) for _ in range(32)].index(True) == 31
    assert trouble.again() == 1.0
    assert trouble.failed(64), "after an outage the first failure is one again"
    assert [trouble.again() for _ in range(9)][-3:] == [256.0 / 2, 256.0, 300.0]
    assert [wait_of(look) for look in (0, 1, 5, 6, 99)] == [1, 2, 32, 60, 60]


def test_the_share_of_failed_rows_counts_over_the_last_ones_only() -> None:
    rule = FailedShare(20, 10)
    assert not any(rule.ended(failed=False) for _ in range(50))
    assert [rule.ended(failed=True) for _ in range(3)] == [False, False, True]
    early = FailedShare(20, 10)
    assert [early.ended(failed=True) for _ in range(10)] == [False] * 9 + [True]


def test_a_pause_is_on_until_it_is_over() -> None:
    def event(at: float, kind: str, **data: object) -> RunEvent:
        return RunEvent(id=int(at), run_id=1, at=at, kind=kind, data=data)  # type: ignore[arg-type]  # JSON

    happened = [
        event(1, "outage", cause="refused"),
        event(2, "outage_over"),
        event(3, "slow_down", cause="rate_limit", seconds=5),
        event(4, "steered", pause=True),
    ]
    assert [one.kind for one in pauses_in(happened, now=5)] == ["slow_down", "person"]
    assert [one.kind for one in pauses_in(happened, now=9)] == ["person"]
    assert pauses_in([*happened, event(10, "steered", resume=True)], now=11) == ()


# --- staying awake --------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="systemd-inhibit is Linux's")
def test_a_long_run_keeps_the_machine_awake_and_lets_go_at_its_end(world: World) -> None:
    tools = world.folder.parent / "bin"
    tools.mkdir()
    traces = world.folder.parent / "traces"
    script = tools / "systemd-inhibit"
    script.write_text(f'#!/bin/sh\necho "$@" >> {traces}\ncat > /dev/null\n', encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    world.monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    world.monkeypatch.setattr(keep_awake, "AFTER_SECONDS", 0.0)
    world.mock(latency=0.4)
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *TEXT).code == 0
    assert "--what=sleep:idle" in traces.read_text()
    log = world.workspace(sheet).log.read_text()
    assert log.count("kept awake") == 1
    deadline = time.monotonic() + 30
    while any(str(script) in one for one in _processes()):
        assert time.monotonic() < deadline, "it still keeps the machine awake"
        time.sleep(0.02)


def _processes() -> list[str]:
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with contextlib.suppress(OSError):
                found.append((place / "cmdline").read_bytes().decode(errors="replace"))
    return found


def test_where_nothing_keeps_it_awake_the_run_goes_on(world: World) -> None:
    world.monkeypatch.setattr(keep_awake, "AFTER_SECONDS", 0.0)
    world.monkeypatch.setenv("PATH", "")
    world.mock(latency=0.3)
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *TEXT).code == 0
    assert "nobody" in world.workspace(sheet).log.read_text()
