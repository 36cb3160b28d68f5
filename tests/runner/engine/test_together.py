"""A host goes by what the other hosts of its run found out."""

import dataclasses
from dataclasses import dataclass, field

import pytest

from jobs.job import JSON, Failure, FailureClass
from jobs.store.log import RunEvent
from jobs.store.queue.blocked_models import Block
from runner.engine.hosts_together import divided
from runner.engine.run_events import FOUND_OUT, apply
from runner.engine.stop import RUN_STOPS, STOP_CODES, Stop, StopReason, exit_code
from runner.exits import Exit
from runner.pacing.rate_window import Limits

NOW = 1000.0


@dataclass
class Elsewhere:
    """Remembers what it heard."""

    heard: list[object] = field(default_factory=list)

    def away(self, failure: Failure, *, at: float) -> None:
        self.heard.append(("away", failure.kind, at))

    def good(self) -> None:
        self.heard.append("good")

    def key_refused(self, mark: str) -> None:
        self.heard.append(("key", mark))


@dataclass
class Run:
    """A run that is only told."""

    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    stopped: list[Stop] = field(default_factory=list)

    def stop_model(self, block: Block, failure: Failure, *, told: bool) -> None:
        self.elsewhere.heard.append((block, failure.kind, told))

    def stopped_elsewhere(self, stop: Stop) -> None:
        self.stopped.append(stop)


def heard(kind: str, data: dict[str, JSON], *, at: float = NOW) -> Run:
    run = Run()
    event = RunEvent(id=1, run_id=1, at=at, kind=kind, data=data)
    apply(event, run, run, now=NOW)  # type: ignore[arg-type]  # it remembers what it is told
    return run


def test_a_model_that_another_host_stopped_is_stopped_here() -> None:
    told: dict[str, JSON] = {"model": "m", "endpoint": None, "kind": "model", "cause": "gone"}
    run = heard("model_stopped", told)
    assert run.elsewhere.heard == [(Block("m"), FailureClass.MODEL, True)]


def test_a_stop_of_the_run_keeps_its_reason_and_its_words() -> None:
    stop = Stop(reason=StopReason.BUDGET, detail="row 7", needs=0.5)
    assert heard("run_stopped", stop.told()).stopped == [stop]


@pytest.mark.parametrize("reason", set(StopReason) - RUN_STOPS)
def test_what_stops_one_host_stops_no_other(reason: StopReason) -> None:
    assert heard("run_stopped", Stop(reason=reason).told()).stopped == []


def test_an_old_outage_of_another_host_says_nothing() -> None:
    data: dict[str, JSON] = {"kind": "network", "cause": "refused"}
    assert heard("outage", data).elsewhere.heard == [("away", FailureClass.NETWORK, NOW)]
    assert heard("outage", data, at=NOW - 60).elsewhere.heard == []


def test_a_key_is_told_by_its_mark() -> None:
    assert heard("key_dropped", {"mark": "ab12"}).elsewhere.heard == [("key", "ab12")]


@pytest.mark.parametrize("kind", FOUND_OUT)
def test_words_that_are_none_change_nothing_that_matters(kind: str) -> None:
    run = heard(kind, {"reason": "rm -rf", "kind": 7, "model": None, "mark": ["x"], "needs": "y"})
    assert run.stopped == []
    assert all("rm" not in str(one) for one in run.elsewhere.heard)


@pytest.mark.parametrize(("hosts", "part"), [(1, 8), (2, 8), (4, 5), (40, 1), (0, 8)])
def test_hosts_share_what_an_account_allows_at_once(hosts: int, part: int) -> None:
    limits = Limits(in_flight=8, rpm=5)
    assert divided(limits, 20, hosts=hosts) == dataclasses.replace(limits, in_flight=part)
    assert divided(limits, None, hosts=hosts) == limits


@pytest.mark.parametrize(
    ("stop", "blocked", "bad", "code"),
    [
        (None, False, False, Exit.DONE),
        (None, False, True, Exit.SOME_FAILED),
        (None, True, True, Exit.PROVIDER),
        (StopReason.BUDGET, True, True, Exit.STOPPED),
        (StopReason.CREDIT, False, False, Exit.PROVIDER),
    ],
)
def test_hosts_that_stay_to_the_end_share_one_exit_code(
    stop: StopReason | None, blocked: bool, bad: bool, code: Exit
) -> None:
    reason = None if stop is None else Stop(reason=stop)
    assert exit_code(reason, blocked=blocked, bad=bad) is code
    assert stop is None or STOP_CODES[stop] is code
