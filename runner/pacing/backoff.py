"""How long to wait before a retry."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER_SECONDS = 900.0  # a longer wait that is asked for is cut to this
DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?(?:ms|us|µs|ns|h|m|s))+")
DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?)(ms|us|µs|ns|h|m|s)")
UNIT_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Seconds until the next try, as a server asked for, or our own."""

    seconds: float = 0.0
    asked: bool = False


NO_WAIT = Wait()


def backoff(failures: int, *, base: float = 1.0, cap: float = 60.0, chance: float) -> float:
    """Seconds to wait after so many failures: full jitter, with `chance` between 0 and 1."""
    return chance * min(cap, base * 2.0 ** min(max(failures, 1) - 1, 32))


def retry_after(
    headers: Mapping[str, str], *, now: float, status: int | None = None
) -> float | None:
    """Seconds a server asked us to wait, between 0 and 900, or None where it said nothing readable.

    `headers` have lower-case names, `now` is Unix time. The rate-limit headers count only on a 429:
    on success a gateway passes on those of somebody else's account.
    """
    value = headers.get("retry-after")
    found = _number(headers.get("retry-after-ms"), 1e-3)
    if found is None:
        found = _number(value)
    if found is None:
        found = _until(value, headers.get("date"), now)
    if found is None and status == 429:
        found = _reset(headers, now)
    return None if found is None else min(max(found, 0.0), MAX_RETRY_AFTER_SECONDS)


def _number(text: str | None, unit: float = 1.0) -> float | None:
    if text is None:
        return None
    try:
        value = float(text) * unit
    except ValueError:
        return None
    return None if math.isnan(value) else value


def _until(text: str | None, date: str | None, now: float) -> float | None:
    """Seconds until an HTTP date, by the server's own clock if it sends the time."""
    until = _moment(text)
    if until is None:
        return None
    server_now = _moment(date)
    return until - (now if server_now is None else server_now)


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, OSError):  # OSError: a year that this system does not know
        return None


def _reset(headers: Mapping[str, str], now: float) -> float | None:
    """When a rate limit resets: the last of those used up, or else the first of all."""
    used_up: list[float] = []
    unknown: list[float] = []
    for kind in ("-requests", "-tokens", ""):
        wait = _duration(headers.get(f"x-ratelimit-reset{kind}"), now)
        if wait is None:
            continue
        remaining = _number(headers.get(f"x-ratelimit-remaining{kind}"))
        (used_up if remaining is not None and remaining <= 0 else unknown).append(wait)
    if used_up:
        return max(used_up)
    return min(unknown) if unknown else None


def _duration(text: str | None, now: float) -> float | None:
    """`6ms`, `1m12.5s`, plain seconds, or a moment in seconds or milliseconds since 1970."""
    if text is None:
        return None
    if DURATION.fullmatch(text.strip()):
        return sum(
            float(number) * UNIT_SECONDS[unit] for number, unit in DURATION_PART.findall(text)
        )
    value = _number(text)
    if value is None or value < 1e9:
        return value
    return (value / 1000 if value >= 1e12 else value) - now
