"""Finds out when a signed URL expires."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

_MIN_UNIX_SECONDS = 946_684_800.0  # the year 2000; an earlier number is not a time
_MAX_UNIX_SECONDS = 4_102_444_800.0  # the year 2100
_LIFETIME_PARAMETERS = (
    ("x-amz-date", "x-amz-expires"),
    ("x-goog-date", "x-goog-expires"),
    ("x-oss-date", "x-oss-expires"),
)


def expires_at(url: str) -> float | None:
    """Unix seconds by the query (Azure `se`, S3 and OSS `Expires`, Discord `ex`), or None."""
    try:
        pairs = parse_qsl(urlsplit(url).query, max_num_fields=100)
    except ValueError:
        return None
    query = {name.lower(): value for name, value in pairs}
    found = [
        _date(query.get("se", "")),
        _seconds(query.get("expires", ""), 10),
        _seconds(query["ex"], 16) if len(query.get("ex", "")) == 8 else None,
        *(
            _lifetime_end(query.get(start, ""), query.get(life, ""))
            for start, life in _LIFETIME_PARAMETERS
        ),
    ]
    known = [
        moment for moment in found if moment and _MIN_UNIX_SECONDS < moment < _MAX_UNIX_SECONDS
    ]
    return min(known) if known else None


def _seconds(text: str, radix: int) -> float | None:
    try:
        return float(int(text, radix)) if len(text) <= 12 else None
    except ValueError:
        return None


def _date(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _lifetime_end(start: str, life: str) -> float | None:
    start_time, seconds = _date(start), _seconds(life, 10)
    return start_time + seconds if start_time is not None and seconds else None
