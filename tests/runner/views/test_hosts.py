"""What status says of each machine at work, and of those that are gone."""

from dataclasses import replace

import pytest

from jobs.store.hosts import HostLine
from runner.commands.status import MAX_GONE_SHOWN, host_lines
from runner.views.hosts import HostStatus, are_live, host_status, hosts_record

NOW = 1_790_000_000.0
LINE = HostLine(
    owner="o",
    number=3,
    name="laptop",
    pid=4711,
    program="0.1.0",
    state="live",
    since=NOW - 600,
    heard_at=NOW - 2,
    silent=2.0,
    in_flight=31,
    exit_code=None,
    told={},
)


def seen(line: HostLine, ended: int = 0) -> HostStatus:
    return host_status(line, {3: ended}, lost_after=30.0, now=NOW)


def told(*lines: HostLine, ended: int = 0) -> list[str]:
    hosts = [seen(line, ended) for line in lines]
    return [" ".join(" ".join(cells).split()) for cells in host_lines(hosts, now=NOW)]


def test_a_live_machine_shows_its_calls_and_its_pace_of_five_minutes() -> None:
    (line,) = told(LINE, ended=500)
    assert line.startswith("● laptop 4711 0.1.0 since ")
    assert line.endswith("2s ago 31 in flight · 100/min")


def test_a_machine_that_joined_just_now_shows_no_pace_yet() -> None:
    assert seen(replace(LINE, since=NOW - 2), 5).rows_a_minute is None
    assert seen(replace(LINE, since=NOW - 60), 30).rows_a_minute == 30.0


@pytest.mark.parametrize(
    ("pause", "words"),
    [
        ({"pause": "person"}, "paused"),
        ({"pause": "outage", "cause": "no route"}, "waiting for the provider: no route"),
        ({"pause": "slow_down", "until": NOW + 60}, "slowed down by the provider until"),
        ({"pause": "database"}, "waiting for the database"),
    ],
)
def test_a_machine_that_sends_nothing_says_why(pause: dict[str, object], words: str) -> None:
    (line,) = told(replace(LINE, told=pause))  # type: ignore[arg-type]  # JSON
    assert words in line


def test_words_of_a_pause_that_nobody_knows_break_nothing() -> None:
    (line,) = told(replace(LINE, told={"pause": "lunch", "until": "noon"}))
    assert line.endswith("31 in flight · 0/min")


def test_a_machine_that_is_not_heard_of_is_silent_before_it_is_lost() -> None:
    silent = replace(LINE, silent=31.0)
    assert seen(silent).state == "silent"
    assert not are_live([seen(silent)])
    assert "not heard of" in told(silent)[0]
    assert "others took over" in told(replace(LINE, state="lost"))[0]


def test_a_machine_that_left_says_how(english: None) -> None:
    assert "everything done" in told(replace(LINE, state="left", exit_code=0))[0]
    assert "Ctrl-C" in told(replace(LINE, state="left", exit_code=130))[0]


def test_many_that_are_gone_are_counted() -> None:
    gone = [replace(LINE, state="left", exit_code=0) for _ in range(MAX_GONE_SHOWN + 4)]
    lines = told(LINE, *gone)
    assert len(lines) == 1 + MAX_GONE_SHOWN + 1
    assert "4 more" in lines[-1]


def test_the_record_is_plain_data_with_english_words() -> None:
    (record,) = hosts_record([seen(replace(LINE, told={"pause": "outage", "cause": "x"}), 50)])
    assert record == {
        "number": 3,
        "name": "laptop",
        "pid": 4711,
        "program": "0.1.0",
        "state": "live",
        "since": NOW - 600,
        "heard_at": NOW - 2,
        "silent_seconds": 2.0,
        "in_flight": 31,
        "rows_a_minute": 10.0,
        "pause": "outage",
        "cause": "x",
        "until": None,
        "exit_code": None,
    }
