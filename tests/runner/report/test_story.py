"""The timeline of a report: outages, rate limits and bad stretches are one line each."""

from collections.abc import Sequence

from jobs.job import JSON
from jobs.store.queries.gallery import CallsPerMinute, PastRun
from runner.report.story import Incident, clock, stretches, timeline
from tests.support import pages

START = pages.START
MINUTE = 60.0


def minute(
    number: int, *, good: int = 0, slowed: int = 0, failed: int = 0, doubtful: int = 0
) -> CallsPerMinute:
    at = START + number * MINUTE
    return CallsPerMinute(at=at, good=good, slowed=slowed, failed=failed, doubtful=doubtful)


def lines(*events: tuple[float, str, dict[str, JSON]], code: int | None = 0) -> list[Incident]:
    """The timeline of one run with these events, without its start."""
    run = PastRun(
        id=1,
        started_at=START,
        ended_at=None if code is None else START + 3600,
        exit_code=code,
        calls=9,
        events=events,
    )
    return timeline(pages.facts([pages.row(2)], runs=(run,), minutes=()))[1:]


def tones(found: Sequence[Incident]) -> list[str]:
    return [one.tone for one in found]


def test_few_bad_calls_are_no_stretch() -> None:
    assert stretches([minute(0, failed=4), minute(1, good=9)]) == []


def test_a_bad_stretch_has_its_length_and_its_recovery() -> None:
    found = stretches([minute(0, failed=3), minute(1, failed=3, good=1), minute(2, good=8)])
    assert tones(found) == ["bad", "good"]
    assert (found[0].at, found[0].until) == (START, START + 2 * MINUTE)
    assert found[1].at == START + 2 * MINUTE


def test_a_stretch_at_the_end_has_no_recovery() -> None:
    assert tones(stretches([minute(0, good=9), minute(1, failed=6)])) == ["bad"]


def test_a_pause_within_a_stretch_does_not_split_it_but_a_long_one_does() -> None:
    assert len(stretches([minute(0, failed=5), minute(3, failed=5)])) == 1
    assert len(stretches([minute(0, failed=5), minute(4, failed=5)])) == 2


def test_the_most_frequent_trouble_names_the_stretch() -> None:
    (limited,) = stretches([minute(0, slowed=5, failed=4)])
    (failed,) = stretches([minute(0, slowed=1, failed=5)])
    (cut,) = stretches([minute(0, doubtful=6, failed=1)])
    assert len({limited.text, failed.text, cut.text}) == 3


def test_an_outage_lasts_until_calls_are_sent_again() -> None:
    first, end = lines(
        (START + 60, "outage", {"cause": "refused"}),
        (START + 90, "outage", {"cause": "timeout"}),
        (START + 180, "outage_over", {}),
    )
    assert (first.at, first.until, first.tone) == (START + 60, START + 180, "bad")
    assert end.tone == "good"


def test_an_outage_without_an_end_is_shown() -> None:
    first, _ = lines((START + 60, "outage", {"cause": "refused"}), code=5)
    assert (first.until, first.tone) == (None, "bad")


def test_rate_limits_in_close_succession_are_one_line() -> None:
    moments = (0, 600, 1200, 3000)
    found = lines(*((START + at, "slow_down", {}) for at in moments))[:-1]
    assert [(one.at - START, one.until) for one in found] == [
        (0, START + 1200),
        (3000, START + 3000),
    ]


def test_a_run_without_an_end_has_died() -> None:
    (died,) = lines(code=None)
    assert died.tone == "bad"
    assert died.at > START


def test_a_time_of_day_has_its_date_on_another_day_only() -> None:
    assert len(clock(START, since=START)) == len("03:04")
    assert len(clock(START + 25 * 3600, since=START)) == len("11-30 03:04")
