"""A host that joins a run works by the run's options, and may not change them."""

import json
import time
from collections.abc import Mapping

import pytest

from jobs.job import JSON
from runner.protocol.lane_rule import lane_is_given
from runner.settings.run_terms import other_terms, terms_of_settings, under_terms, until_of
from runner.settings.schema import Cap, StopIf, Tolerance, Until, Value
from runner.settings.settings import Settings, resolve

NOW = 1_800_000_000.0
GIVEN: dict[str, Value] = {
    "rows": ((3, 3), (7, 20)),
    "max_cost": Cap(amount=5.0),
    "until": Until(seconds=3600.0),
    "rpm": 600,
    "in_doubt": "hold",
    "ok_if_failed": Tolerance(percent=5.0),
    "model": "m1",
}


def settings(**flags: Value) -> Settings:
    return resolve(flags, {})


def through_a_table(terms: Mapping[str, JSON]) -> dict[str, JSON]:
    found: dict[str, JSON] = json.loads(json.dumps(terms))
    return found


@pytest.fixture
def terms() -> dict[str, JSON]:
    return through_a_table(terms_of_settings(settings(**GIVEN), now=NOW))


def test_a_host_that_joins_works_by_the_options_of_the_run(terms: dict[str, JSON]) -> None:
    found = under_terms(settings(concurrency=3, rpm=5), terms)
    assert (found.rpm, found.tpm, found.in_doubt) == (600, None, "hold")
    assert found.ok_if_failed == Tolerance(percent=5.0)
    assert found.concurrency == 3, "calls at once are each host's"
    assert until_of(terms) == NOW + 3600


def test_a_lane_that_the_first_host_s_line_names_counts_for_those_that_join() -> None:
    named = through_a_table(terms_of_settings(settings(lane="flex"), now=NOW))
    assert lane_is_given(under_terms(settings(), named).sources)
    remembered = through_a_table(terms_of_settings(settings(), now=NOW))
    assert not lane_is_given(under_terms(settings(lane="flex"), remembered).sources)


def test_rows_and_pilot_were_chosen_by_the_host_that_opened_the_run(
    terms: dict[str, JSON],
) -> None:
    found = under_terms(settings(**GIVEN), terms)
    assert (found.rows, found.limit, found.pilot, found.until) == (None, None, None, None)


def test_the_same_line_may_be_typed_again(terms: dict[str, JSON]) -> None:
    assert other_terms(settings(**GIVEN), terms, {"model": "m1"}) == []
    assert other_terms(settings(), terms, {"model": "m1"}) == []


@pytest.mark.parametrize(
    ("name", "value", "typed"),
    [
        ("rpm", 60, "--rpm"),
        ("max_cost", Cap(amount=6.0), "--max-cost"),
        ("limit", 3, "--limit"),
        ("in_doubt", "retry", "--in-doubt"),
        ("model", "m2", "--model"),
    ],
)
def test_an_option_that_would_change_the_run_is_named(
    terms: dict[str, JSON], name: str, value: Value, typed: str
) -> None:
    assert other_terms(settings(**{name: value}), terms, {"model": "m1"}) == [typed]


def test_the_stop_rule_comes_back_whole() -> None:
    rule = StopIf(percent=20.0, window=50)
    kept = through_a_table({"stop_if": {"percent": 20.0, "window": 50}})
    assert under_terms(settings(), kept).stop_if == rule


def test_a_host_that_joins_sends_the_rest_online_when_the_run_does() -> None:
    given = settings(online_from=Until(seconds=600.0), submit_only=True)
    kept = through_a_table(terms_of_settings(given, now=time.time()))
    found = under_terms(settings(), kept)
    assert found.submit_only
    assert found.online_from is not None
    assert 500 < found.online_from.moment(1000.0) - 1000.0 <= 600


@pytest.mark.parametrize(
    "damaged",
    [
        {"rpm": "many", "attempts": -1, "timeout": "x", "in_doubt": "buy", "name": 3},
        {"stop_if": {"percent": "all"}, "ok_if_failed": [1], "until_at": True},
        {"stop_if": "failed>1%/1", "ok_if_failed": {"rows": "all"}},
    ],
)
def test_terms_that_are_none_change_nothing(damaged: dict[str, JSON]) -> None:
    usual, found = settings(), under_terms(settings(), damaged)
    for name in ("rpm", "attempts", "timeout", "in_doubt", "name", "stop_if", "ok_if_failed"):
        assert getattr(found, name) == getattr(usual, name), name
    assert until_of(damaged) is None


def test_no_term_names_an_address_a_program_or_a_file(terms: dict[str, JSON]) -> None:
    evil: dict[str, JSON] = {
        **terms,
        "base_url": "https://evil.example",
        "on_finish": "rm",
        "notify": "https://evil.example",
        "allow_host": ["evil.example"],
        "files_from": ["/etc"],
    }
    before = settings()
    found = under_terms(before, evil)
    for name in ("base_url", "on_finish", "notify", "allow_host", "files_from", "provider"):
        assert getattr(found, name) == getattr(before, name), name
