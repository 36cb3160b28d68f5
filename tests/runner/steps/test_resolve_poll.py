"""What each poll answer means for its task, depending on the time since the submit."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jobs.claimed import Claimed
from jobs.job import FailureClass, Step
from jobs.outcome import Answered, GiveUp, Held, Released, Submitted, TryAgain
from runner.endpoints import mj_imagine
from runner.endpoints.inputs import parse
from runner.protocol.call import Delivery, Lost, NotSent, Reply
from runner.steps.resolution import JobContext, Resolution, Rules, Signal
from runner.steps.resolve import resolve
from runner.steps.resolve_poll import (
    MAX_TASK_SECONDS,
    MIN_POLL_SECONDS,
    POLL_SECONDS,
    UNKNOWN_TASK_SECONDS,
    resolve_poll,
)

SENT_AT = 1_000_000.0
JOB = Claimed(
    id=1,
    row=2,
    endpoint="mj-imagine",
    model="mj_imagine",
    fields={"prompt": "a heron"},
    step=Step.POLL,
    version=1,
    epoch=1,
    attempts=0,
    repeats=0,
    rank=0,
    ticket="77",
    deadline=SENT_AT + MAX_TASK_SECONDS,
)
YOUNG_SECONDS, OLD_SECONDS, OVERDUE_SECONDS = 60.0, UNKNOWN_TASK_SECONDS + 1, MAX_TASK_SECONDS + 1
UNKNOWN = {"description": "task_no_found ", "type": "upstream_error", "code": 4}


def reply(body: object, status: int = 200, **headers: str) -> Reply:
    """A complete answer."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=names, body=text)


def polled(delivery: Delivery, *, after: float = YOUNG_SECONDS, **job: Any) -> Resolution:
    """What an answer means so many seconds after the submit."""
    rules = Rules(chance=0.0, now=SENT_AT + after, key_good=bool(job.pop("key_good", False)))
    inputs = mj_imagine.Inputs(prompt="a heron")
    context = JobContext(
        job=replace(JOB, **job), endpoint=mj_imagine.ENDPOINT, rules=rules, inputs=inputs
    )
    return resolve_poll(context, delivery)


def record(status: str, **more: object) -> Reply:
    """A task's record."""
    return reply({"id": "77", "status": status, **more})


TEMPORARY_FAULTS = [
    NotSent(cause="refused"),
    Lost(cause="timeout", by_time=True),
    Lost(cause="cut"),
    reply(b"<html><title>502</title></html>", 502),
    reply(b"", 503),
    reply(b"", 429),
    reply(b"", 524),
    reply({"error": {"message": "x", "code": "do_request_failed"}}, 500),
    reply({"description": "do_request_failed ", "code": 5}, 400),
    reply({"error": {"message": "无效的令牌"}}, 401),
    reply(b"<html><body>console</body></html>"),
]
UNKNOWN_TASKS = [
    reply(UNKNOWN, 400),
    reply(b"", 204),
    reply(b"null"),
    reply(b"[]"),
    reply({"error": {"message": "Invalid URL (GET /mj/task/77/fetch)"}}, 404),
]


@pytest.mark.parametrize("delivery", TEMPORARY_FAULTS, ids=range(len(TEMPORARY_FAULTS)))
def test_trouble_is_waited_out_until_the_deadline_and_costs_nothing(delivery: Delivery) -> None:
    for after in (YOUNG_SECONDS, OLD_SECONDS):
        outcome = polled(delivery, after=after).outcome
        assert isinstance(outcome, Released)
        assert outcome.delay >= POLL_SECONDS
    stuck = polled(delivery, after=OVERDUE_SECONDS).outcome
    assert isinstance(stuck, GiveUp)
    assert (stuck.failure.kind, stuck.failure.cause) == (FailureClass.STUCK, "deadline")


@pytest.mark.parametrize("delivery", UNKNOWN_TASKS, ids=range(len(UNKNOWN_TASKS)))
def test_an_unknown_task_may_become_known_for_two_minutes(delivery: Delivery) -> None:
    assert isinstance(polled(delivery, after=YOUNG_SECONDS).outcome, Released)
    stuck = polled(delivery, after=OLD_SECONDS).outcome
    assert isinstance(stuck, GiveUp)
    assert (stuck.failure.kind, stuck.failure.cause) == (FailureClass.STUCK, "task_unknown")


def test_only_the_tasks_own_record_ends_it() -> None:
    ends = [
        (record("FAILURE", failReason="Banned prompt"), FailureClass.REFUSED),
        (record("FAILURE", failReason="Internal"), FailureClass.SERVER),
        (record("CANCEL"), FailureClass.SERVER),
    ]
    for delivery, kind in ends:
        outcome = polled(delivery).outcome
        assert isinstance(outcome, GiveUp)
        assert outcome.failure.kind is kind
    done = polled(record("SUCCESS", imageUrl="https://e.x/a.png"), after=OVERDUE_SECONDS)
    assert isinstance(done.outcome, Answered), "late, and still the picture"
    assert done.signal is Signal.GOOD


def test_progress_that_goes_backwards_is_progress() -> None:
    for progress in ("80%", "30%", "100%", ""):
        assert isinstance(polled(record("IN_PROGRESS", progress=progress)).outcome, Submitted)


def test_a_server_sets_the_rhythm_where_it_names_one() -> None:
    def delay(**headers: str) -> float:
        found = polled(reply({"status": "NOT_START"}, 200, **headers)).outcome
        assert isinstance(found, Submitted)
        return found.delay

    assert delay() == POLL_SECONDS
    assert delay(retry_after="1") == 1.0
    assert delay(retry_after="40") == 40.0
    assert delay(retry_after="0") == MIN_POLL_SECONDS
    slowed = polled(reply(b"", 429, retry_after="1")).outcome
    assert isinstance(slowed, Released)
    assert slowed.delay == POLL_SECONDS, "a rate limit is no invitation"


def test_a_success_without_an_address_is_asked_after_some_more_times() -> None:
    for attempts in range(4):
        assert isinstance(polled(record("SUCCESS"), attempts=attempts).outcome, TryAgain)
    gone = polled(record("SUCCESS"), attempts=4).outcome
    assert isinstance(gone, GiveUp)
    assert (gone.failure.kind, gone.failure.cause) == (FailureClass.FILE, "no_address")


def test_a_refused_key_is_told_to_the_run_unless_it_was_probed() -> None:
    refused = reply({"error": {"message": "无效的令牌"}}, 401)
    assert polled(refused).signal is Signal.KEY
    assert polled(refused, key_good=True).signal is Signal.NONE


# --- the submit -----------------------------------------------------------------------------------


def submitted(delivery: Delivery) -> Resolution:
    endpoint = mj_imagine.ENDPOINT
    inputs = parse(endpoint.inputs, JOB.fields, {})
    job = replace(JOB, step=Step.SEND, ticket=None, deadline=None)
    rules = Rules(chance=0.0, now=SENT_AT)
    context = JobContext(job=job, endpoint=endpoint, rules=rules, inputs=inputs)
    return resolve([context], delivery)[0]


def test_a_ticket_has_its_deadline_from_the_submit() -> None:
    outcome = submitted(reply({"code": 22, "description": "x", "result": 77})).outcome
    assert isinstance(outcome, Submitted)
    assert (outcome.ticket, outcome.delay, outcome.deadline) == ("77", POLL_SECONDS, JOB.deadline)
    assert outcome.asked_until == 1_000_000.0 + 86_400, "a provider keeps tasks for a day"
    soon = submitted(reply({"code": 1, "result": "77"}, retry_after="0.5")).outcome
    assert isinstance(soon, Submitted)
    assert soon.delay == 0.5


@pytest.mark.parametrize(
    "delivery",
    [
        Lost(cause="reset"),
        Lost(cause="timeout", by_time=True),
        reply(b""),
        reply({}),
        reply(b"ok"),
        reply({"code": 1, "description": "提交成功", "result": None}),
        reply({"description": "do_request_failed ", "code": 5}, 400),
        reply(b"", 504),
    ],
)
def test_a_submit_without_a_ticket_is_held(delivery: Delivery) -> None:
    found = submitted(delivery)
    assert isinstance(found.outcome, Held)
    assert found.wire == "D"
