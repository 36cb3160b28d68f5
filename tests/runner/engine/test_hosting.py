"""What a host tells the others of itself."""

from runner.engine.hosting import why_quiet
from runner.engine.outage import HOLD_NAME
from runner.engine.run_control import PERSON


def test_a_host_that_sends_tells_of_no_pause() -> None:
    assert why_quiet(frozenset(), "busy", 0.0, now=100.0) == {}


def test_a_person_who_pauses_comes_before_every_other_reason() -> None:
    assert why_quiet({PERSON, HOLD_NAME}, "dns", 5.0, now=100.0) == {"pause": "person"}


def test_an_outage_is_told_from_a_request_to_slow_down() -> None:
    away = why_quiet({HOLD_NAME}, "dns", 5.0, now=100.0)
    assert away == {"pause": "outage", "cause": "dns", "until": 105.0}
    slow = why_quiet(frozenset(), "rate_limit", 5.0, now=100.0)
    assert slow == {"pause": "slow_down", "cause": "rate_limit", "until": 105.0}
