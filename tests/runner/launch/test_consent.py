"""Consent covers the plan that was shown, or less of it, and no other plan."""

from dataclasses import replace

import pytest

from runner.exits import Exit, Refusal
from runner.launch.consent import Consent, RunPlan

PLAN = RunPlan(
    calls=300,
    most={"USD": 6.0},
    unpriced=(),
    site="https://gateway.example",
    digest="sheet and options",
)


def test_a_yes_covers_its_plan_and_less_of_it() -> None:
    consent = Consent(plan=PLAN)
    assert consent.covers(PLAN)
    assert consent.covers(replace(PLAN, calls=299, most={"USD": 5.98}))
    assert consent.covers(replace(PLAN, most={}))


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, calls=301),
        replace(PLAN, most={"USD": 6.01}),
        replace(PLAN, most={"USD": 6.0, "CNY": 0.1}),
        replace(PLAN, unpriced=("new-model",)),
        replace(PLAN, site="https://elsewhere.example"),
        replace(PLAN, digest="another sheet"),
    ],
)
def test_a_yes_to_one_plan_is_none_to_another(other: RunPlan) -> None:
    with pytest.raises(Refusal) as refused:
        Consent(plan=PLAN).check(other)
    assert refused.value.code is Exit.UNUSABLE


def test_a_yes_without_a_plan_is_to_whatever_the_line_asks_for() -> None:
    assert Consent().covers(replace(PLAN, calls=10**9))
