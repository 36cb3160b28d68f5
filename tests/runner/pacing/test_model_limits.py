"""A limit of one model is distinguished from one of the account, and slows that model only."""

import math

from runner.pacing.model_limits import MAX_HOLD_SECONDS, PROBE_MARGIN_SECONDS, ModelLimits


def refused(limits: ModelLimits, model: str, now: float, pause: float = 0.0) -> bool:
    """One call of a model starts, and is refused at once."""
    limits.began(model)
    own = limits.refused(model, now + 0.1, now, pause)
    limits.ended(model, now + 0.1)
    return own


def accepted(limits: ModelLimits, model: str, now: float) -> None:
    limits.began(model)
    limits.accepted(model, now)
    limits.ended(model, now + 0.1)


def test_after_a_first_refusal_another_model_is_tried_first() -> None:
    limits = ModelLimits()
    assert not refused(limits, "a", 1.0, pause=2.0)
    assert limits.held(2.0) == {"a"}
    assert limits.on_trial(2.0) is None
    assert limits.held(1.1 + 2.0 + PROBE_MARGIN_SECONDS + 0.01) == frozenset()


def test_a_model_refused_again_while_another_is_accepted_is_held_alone_for_growing_times() -> None:
    limits, now = ModelLimits(), 0.0
    refused(limits, "a", now)
    holds = []
    for _ in range(8):
        accepted(limits, "b", now + 0.5)
        now += 1000.0
        assert refused(limits, "a", now)
        holds.append(round(limits.next_at(now + 0.1) - now - 0.1))
    assert holds == [1, 2, 4, 8, 16, 32, 60, 60]
    assert MAX_HOLD_SECONDS == 60.0


def test_one_call_tries_a_held_model_and_an_accepted_one_frees_it() -> None:
    limits = ModelLimits()
    refused(limits, "a", 0.0)
    accepted(limits, "b", 0.5)
    refused(limits, "a", 1.0)
    assert limits.on_trial(1.5) is None
    assert limits.on_trial(10.0) == "a"
    limits.began("a")
    assert limits.on_trial(10.0) is None
    assert limits.held(10.0) == {"a"}, "one call is enough to try it"
    limits.accepted("a", 10.0)
    limits.ended("a", 11.0)
    assert limits.held(11.0) == frozenset()
    assert limits.next_at(11.0) == math.inf


def test_a_limit_that_all_models_meet_is_no_models_own() -> None:
    limits = ModelLimits()
    assert not any(refused(limits, model, now) for now in range(9) for model in "ab")
    assert limits.release_unproven()
    assert limits.held(9.0) == frozenset()


def test_calls_refused_together_count_once() -> None:
    limits = ModelLimits()
    refused(limits, "a", 0.0)
    accepted(limits, "b", 0.5)
    for _ in range(20):
        limits.refused("a", 2.0, 1.0, 0.0)
    assert limits.next_at(2.0) <= 3.0
