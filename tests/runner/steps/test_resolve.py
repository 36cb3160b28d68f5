"""What each delivery means for its job, case by case."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jobs.claimed import Claimed
from jobs.job import JSON, FailureClass, Step
from jobs.outcome import Answered, Finished, GiveUp, Held, Outcome, Released, Repeat, TryAgain
from runner.endpoints import chat, chat_image, image
from runner.endpoints.inputs import parse
from runner.pacing.backoff import Wait
from runner.protocol.call import Delivery, Lost, NotSent, Reply
from runner.steps.resolution import JobContext, Resolution, Rules, Signal
from runner.steps.resolve import MAX_CHANNEL_TRIES, after_death, resolve

FIELDS: dict[str, JSON] = {"model": "m", "prompt": "a cat"}
JOB = Claimed(
    id=1,
    row=2,
    endpoint="chat",
    model="m",
    fields=FIELDS,
    step=Step.SEND,
    version=1,
    epoch=1,
    attempts=0,
    repeats=0,
    rank=0,
)
RULES = Rules(chance=1.0)
MESSAGE = {"role": "assistant", "content": "here"}
GOOD = {"choices": [{"index": 0, "finish_reason": "stop", "message": MESSAGE}]}
LINK = {"role": "assistant", "content": "![a](https://e.x/a.png)"}
PICTURE = {"choices": [{"index": 0, "finish_reason": "stop", "message": LINK}]}


def reply(status: int, body: object = b"", **headers: str) -> Reply:
    """A complete answer."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=names, body=text, seconds=1.0)


def error(code: str, message: str = "words") -> dict[str, object]:
    """An error body."""
    return {"error": {"message": message, "type": "new_api_error", "code": code}}


def resolved(
    delivery: Delivery, rules: Rules = RULES, *, pictures: bool = False, **job: Any
) -> Resolution:
    """The decision on one delivery."""
    endpoint = chat_image.ENDPOINT if pictures else chat.ENDPOINT
    inputs = parse(endpoint.inputs, FIELDS, {})
    changed = replace(JOB, endpoint=endpoint.name, **job)
    context = JobContext(job=changed, endpoint=endpoint, rules=rules, inputs=inputs)
    return resolve([context], delivery)[0]


def lost(*, by_time: bool = False) -> Lost:
    """Some bytes arrived, but no complete answer."""
    return Lost(cause="reset", by_time=by_time)


@pytest.mark.parametrize(
    ("delivery", "wire", "outcome", "signal"),
    [
        (NotSent(cause="refused"), "A", Released, Signal.OFFLINE),
        (reply(400, error("")), "B", GiveUp, Signal.NONE),
        (reply(401, error("")), "B", Released, Signal.KEY),
        (reply(402, error("")), "B", Released, Signal.CREDIT),
        (reply(403, error("insufficient_user_quota")), "B", Released, Signal.CREDIT),
        (reply(404, error("model_not_found")), "B", GiveUp, Signal.MODEL),
        (reply(413, error("")), "B", GiveUp, Signal.NONE),
        (reply(429), "B", Released, Signal.SLOW_DOWN),
        (reply(503), "B", Released, Signal.SLOW_DOWN),
        (reply(529), "B", Released, Signal.SLOW_DOWN),
        (reply(500, error("")), "B", TryAgain, Signal.NONE),
        (reply(500, error("do_request_failed")), "D", Repeat, Signal.NONE),
        (reply(502), "D", Repeat, Signal.NONE),
        (reply(504), "D", Repeat, Signal.NONE),
        (reply(524), "D", Repeat, Signal.NONE),
        (lost(), "D", Repeat, Signal.NONE),
        (reply(200, GOOD), "C", Finished, Signal.GOOD),
        (reply(200, b"<!doctype html><p>"), "E", TryAgain, Signal.USELESS),
        (reply(200, b"{}"), "E", TryAgain, Signal.USELESS),
        (reply(200, {"choices": []}), "E", TryAgain, Signal.USELESS),
    ],
)
def test_every_delivery_has_its_class_and_outcome(
    delivery: Delivery, wire: str, outcome: type[Outcome], signal: Signal
) -> None:
    found = resolved(delivery)
    assert (found.wire, type(found.outcome), found.signal) == (wire, outcome, signal)


def test_a_picture_in_the_answer_is_fetched_next() -> None:
    found = resolved(reply(200, PICTURE), pictures=True)
    assert isinstance(found.outcome, Answered)
    assert [one.url for one in found.outcome.result.pictures] == ["https://e.x/a.png"]


@pytest.mark.parametrize(("attempts", "outcome"), [(0, TryAgain), (3, TryAgain), (4, GiveUp)])
def test_the_fifth_attempt_is_the_last(attempts: int, outcome: type[Outcome]) -> None:
    assert type(resolved(reply(500, error("")), attempts=attempts).outcome) is outcome


def test_a_backoff_grows_with_the_attempts() -> None:
    waits = []
    for attempts in range(4):
        outcome = resolved(reply(500, error("")), attempts=attempts).outcome
        assert isinstance(outcome, TryAgain)
        waits.append(outcome.delay)
    assert waits == [1, 2, 4, 8]


@pytest.mark.parametrize("attempts", [0, 4, 40])
def test_waiting_costs_no_attempt_however_often(attempts: int) -> None:
    for delivery in (reply(429), reply(503), NotSent(cause="refused")):
        assert isinstance(resolved(delivery, attempts=attempts).outcome, Released)


def test_a_server_that_says_how_long_is_believed() -> None:
    found = resolved(reply(429, retry_after="7"))
    assert isinstance(found.outcome, Released)
    assert (found.outcome.delay, found.wait) == (7.0, Wait(seconds=7.0, asked=True))


def test_a_wait_of_our_own_is_told_from_one_that_was_asked_for() -> None:
    assert resolved(reply(429)).wait == Wait(seconds=2.0, asked=False)
    assert resolved(reply(429, retry_after="soon")).wait == Wait(seconds=2.0, asked=False)
    assert resolved(reply(429, retry_after="0")).wait == Wait(seconds=0.0, asked=True)
    assert resolved(reply(429, retry_after_ms="500")).wait == Wait(seconds=0.5, asked=True)


def test_a_fault_that_names_its_wait_is_not_asked_again_before() -> None:
    found = resolved(reply(500, retry_after="7")).outcome
    assert isinstance(found, TryAgain)
    assert found.delay == 7.0
    soon = resolved(reply(500, retry_after="0.1")).outcome
    assert isinstance(soon, TryAgain)
    assert soon.delay == 1.0


def test_a_useless_answer_is_bought_once_more_only() -> None:
    assert isinstance(resolved(reply(200, b"{}"), attempts=1).outcome, GiveUp)
    assert isinstance(resolved(reply(200, b"{}"), replace(RULES, attempts=1)).outcome, GiveUp)


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_what_a_repeat_cannot_help_is_final_and_keeps_its_text(finish: str) -> None:
    choice = {"index": 0, "finish_reason": finish, "message": MESSAGE}
    found = resolved(reply(200, {"choices": [choice]}))
    assert isinstance(found.outcome, GiveUp)
    assert found.wire == "E"
    assert found.outcome.result is not None
    assert found.outcome.result.text == "here"


def test_a_channels_key_is_not_ours_once_ours_was_probed() -> None:
    rules = replace(RULES, key_good=True)
    found = resolved(reply(401, error("")), rules)
    assert (type(found.outcome), found.signal) == (TryAgain, Signal.NONE)
    assert isinstance(resolved(reply(401, error("")), rules, attempts=4).outcome, GiveUp)


def test_no_channel_is_believed_after_some_patience() -> None:
    delivery = reply(503, error("model_not_found"))
    for attempts in range(MAX_CHANNEL_TRIES):
        found = resolved(delivery, attempts=attempts)
        last = attempts == MAX_CHANNEL_TRIES - 1
        assert type(found.outcome) is (GiveUp if last else TryAgain)
        assert found.signal is (Signal.MODEL if last else Signal.NONE)
        assert found.wire == "B"


# --- in doubt -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "job"),
    [
        (replace(RULES, hold_in_doubt=True), {}),
        (replace(RULES, repeat_left=False), {}),
        (RULES, {"repeats": 1}),
    ],
)
def test_what_may_not_be_repeated_is_held(rules: Rules, job: dict[str, Any]) -> None:
    for delivery in (lost(), reply(502), reply(504), reply(500, error("empty_response"))):
        found = resolved(delivery, rules, **job)
        assert isinstance(found.outcome, Held)
        assert found.wire == "D"


def test_only_what_a_time_limit_cut_is_streamed() -> None:
    for delivery, stream in ((lost(by_time=True), True), (reply(524), True), (lost(), False)):
        outcome = resolved(delivery).outcome
        assert isinstance(outcome, Repeat)
        assert outcome.stream is stream


def test_a_stream_that_a_time_limit_cut_is_held() -> None:
    assert isinstance(resolved(lost(by_time=True), stream=True).outcome, Held)
    streamed: dict[str, JSON] = {**FIELDS, "stream": True}
    assert isinstance(resolved(lost(by_time=True), fields=streamed).outcome, Held)
    assert isinstance(resolved(lost(), stream=True).outcome, Repeat)


def test_half_a_stream_is_in_doubt_whatever_it_ends_with() -> None:
    chunk = {"id": "1", "choices": [{"index": 0, "delta": {"content": "he"}}]}
    for end in (b"", b"data: [DONE]\n\n"):
        body = b"data: " + json.dumps(chunk).encode() + b"\n\n" + end
        found = resolved(reply(200, body, content_type="text/event-stream"))
        assert (found.wire, type(found.outcome)) == ("D", Repeat)


def test_a_call_cut_by_our_own_death_is_asked_again_without_using_up_the_repeat() -> None:
    again = after_death(JOB, chat.ENDPOINT, RULES)
    assert (again.wire, type(again.outcome)) == ("D", Released)
    held = after_death(JOB, chat.ENDPOINT, replace(RULES, hold_in_doubt=True))
    assert isinstance(held.outcome, Held)
    used_up = after_death(JOB, chat.ENDPOINT, replace(RULES, repeat_left=False))
    assert isinstance(used_up.outcome, Held), "such calls count against the run's repeats"


def test_a_failure_names_its_class_and_keeps_the_providers_words() -> None:
    outcome = resolved(reply(400, error("", "Invalid size"))).outcome
    assert isinstance(outcome, GiveUp)
    assert outcome.failure.kind is FailureClass.BAD_INPUT
    assert "Invalid size" in outcome.failure.detail
    assert outcome.failure.status == 400


def test_an_error_under_a_200_is_bought_once_more_only() -> None:
    told = reply(200, error("", "upstream error, try again later"))
    assert resolved(told).wire == "E"
    assert isinstance(resolved(told).outcome, TryAgain)
    assert isinstance(resolved(told, attempts=1).outcome, GiveUp)


@pytest.mark.parametrize(("model", "outcome"), [("dall-e-3", Held), ("gpt-image-2", Repeat)])
def test_a_call_that_cannot_be_streamed_is_held_when_a_time_limit_cut_it(
    model: str, outcome: type[Outcome]
) -> None:
    fields: dict[str, JSON] = {"model": model, "prompt": "a cat"}
    job = replace(JOB, endpoint="image", model=model, fields=fields)
    inputs = parse(image.ENDPOINT.inputs, fields, {})
    for delivery in (lost(by_time=True), reply(504)):
        context = JobContext(job=job, endpoint=image.ENDPOINT, rules=RULES, inputs=inputs)
        (found,) = resolve([context], delivery)
        assert isinstance(found.outcome, outcome)


def test_an_address_relative_to_the_gateway_is_completed() -> None:
    rules = replace(RULES, base_url="https://gateway.example/api/v1")
    body = {"data": [{"url": "/files/a.png"}, {"url": "https://cdn.example/b.png"}]}
    fields: dict[str, JSON] = {"model": "m", "prompt": "a cat", "n": 2}
    context = JobContext(
        job=JOB,
        endpoint=image.ENDPOINT,
        rules=rules,
        inputs=parse(image.ENDPOINT.inputs, fields, {}),
    )
    outcome = resolve([context], reply(200, body))[0].outcome
    assert isinstance(outcome, Answered)
    addresses = [picture.url for picture in outcome.result.pictures]
    assert addresses == ["https://gateway.example/files/a.png", "https://cdn.example/b.png"]


def test_a_slow_call_cut_by_our_own_death_is_held() -> None:
    slow = replace(JOB, fields={**JOB.fields, "lane": "flex"})
    assert isinstance(after_death(slow, chat.ENDPOINT, RULES).outcome, Held)
