"""Applies what other hosts of a run found out: stopped models, dropped keys, outages, stops."""

from collections.abc import Mapping
from typing import Protocol

from jobs.job import JSON, Failure, FailureClass
from jobs.store.log import RunEvent
from jobs.store.queue.blocked_models import Block
from runner.engine.found_elsewhere import FoundElsewhere
from runner.engine.key_check import KEY_DROPPED
from runner.engine.outage import OUTAGE
from runner.engine.run_control import RUN_STOPPED
from runner.engine.stop import Stop
from runner.engine.supervisor import MODEL_STOPPED

FOUND_OUT = (MODEL_STOPPED, KEY_DROPPED, OUTAGE, RUN_STOPPED)
"""The kinds of events that every host of a run obeys."""
FRESH_SECONDS = 10.0  # after which another host's outage says nothing any more


class Findings(Protocol):
    """Who hears of what other hosts found out: the supervisor."""

    @property
    def elsewhere(self) -> FoundElsewhere: ...
    def stop_model(self, block: Block, failure: Failure, *, told: bool) -> None: ...


class Stoppable(Protocol):
    """What another host can stop: the run."""

    def stopped_elsewhere(self, stop: Stop) -> None: ...


def apply(event: RunEvent, findings: Findings, run: Stoppable, *, now: float) -> None:
    """Do what an event says; one of this host's own changes nothing. `now` is the table's time."""
    data = event.data
    match event.kind:
        case "model_stopped":
            findings.stop_model(_block(data), failure_told(data), told=True)
        case "key_dropped":
            findings.elsewhere.key_refused(str(data.get("mark", "")))
        case "outage" if now - event.at < FRESH_SECONDS:
            findings.elsewhere.away(failure_told(data), at=event.at)
        case "run_stopped":
            if (stop := Stop.heard(data)) is not None:
                run.stopped_elsewhere(stop)
        case _:
            pass


def _block(data: Mapping[str, JSON]) -> Block:
    endpoint = data.get("endpoint")
    return Block(str(data.get("model", "")), endpoint if isinstance(endpoint, str) else None)


def failure_told(data: Mapping[str, JSON]) -> Failure:
    """The failure in an event; words that are none of ours are a failure of the server."""
    kind = str(data.get("kind", ""))
    known = {one.value for one in FailureClass}
    return Failure(
        kind=FailureClass(kind) if kind in known else FailureClass.SERVER,
        cause=str(data.get("cause", "")),
        detail=str(data.get("detail", "")),
    )
