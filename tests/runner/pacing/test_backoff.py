"""How long to wait follows from the server's headers and the number of failures."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.pacing.backoff import MAX_RETRY_AFTER_SECONDS, backoff, retry_after

NOW = datetime(2026, 11, 23, 3, 33, 20, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "5"}, 5.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after": "1e9"}, MAX_RETRY_AFTER_SECONDS),
        ({"retry-after": "inf"}, MAX_RETRY_AFTER_SECONDS),
        ({"retry-after": "9" * 5000}, MAX_RETRY_AFTER_SECONDS),
        ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 03:33:50 GMT"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 03:00:00 GMT"}, 0.0),
        ({"retry-after": "Fri, 23 Nov 2040 03:00:00 GMT"}, MAX_RETRY_AFTER_SECONDS),
        ({"retry-after": "Mon, 99 Nov 2026 03:00:00 GMT"}, None),
        ({"retry-after-ms": "1500", "retry-after": "60"}, 1.5),
        ({"retry-after-ms": "nan", "retry-after": "60"}, 60.0),
    ],
)
def test_retry_after_is_read_in_all_spellings(
    headers: dict[str, str], expected: float | None
) -> None:
    assert retry_after(headers, now=NOW) == expected


def test_a_date_is_measured_by_the_servers_own_clock() -> None:
    headers = {
        "retry-after": "Mon, 23 Nov 2026 05:00:30 GMT",
        "date": "Mon, 23 Nov 2026 05:00:00 GMT",
    }
    assert retry_after(headers, now=NOW) == 30.0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-ratelimit-reset-requests": "6ms"}, 0.006),
        ({"x-ratelimit-reset-requests": "1m12.5s"}, 72.5),
        ({"x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-tokens": "1h2m3s"}, MAX_RETRY_AFTER_SECONDS),
        ({"x-ratelimit-reset-tokens": "17"}, 17.0),
        ({"x-ratelimit-reset": str(NOW + 12)}, 12.0),
        ({"x-ratelimit-reset": str((NOW + 12) * 1000)}, 12.0),
        ({"x-ratelimit-reset-tokens": "6m0sx"}, None),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "9s"}, 1.0),
        (
            {
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-reset-tokens": "9s",
                "x-ratelimit-remaining-tokens": "0",
            },
            9.0,
        ),
        ({"retry-after": "3", "x-ratelimit-reset-requests": "1s"}, 3.0),
    ],
)
def test_rate_limit_headers_count_on_a_429_only(
    headers: dict[str, str], expected: float | None
) -> None:
    found = retry_after(headers, now=NOW, status=429)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-3))
    if "retry-after" not in headers:
        assert retry_after(headers, now=NOW, status=503) is None


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text()))
def test_no_header_raises_or_leaves_the_range(headers: dict[str, str]) -> None:
    found = retry_after(headers, now=NOW, status=429)
    assert found is None or 0 <= found <= MAX_RETRY_AFTER_SECONDS


@given(st.integers(0, 10**9), st.floats(0, 1))
def test_a_backoff_is_between_zero_and_its_cap(failures: int, chance: float) -> None:
    wait = backoff(failures, chance=chance)
    assert 0 <= wait <= 60
    assert math.isfinite(wait)


def test_a_backoff_doubles_up_to_its_cap() -> None:
    assert [backoff(n, chance=1.0) for n in (1, 2, 3, 4, 7, 8, 100)] == [1, 2, 4, 8, 60, 60, 60]
    assert backoff(3, chance=0.25) == 1.0
    assert backoff(3, base=2.0, cap=5.0, chance=1.0) == 5.0
