"""Parses the token counts of an answer, under all the names that providers use."""

from collections.abc import Mapping

from jobs.job import JSON
from jobs.result import Usage

_MAX_TOKENS = 10**12  # larger numbers are not counts


def read_usage(raw: JSON) -> Usage | None:
    """The usage of one call, or None if the answer has none.

    Protocol fact: New API sends zeros for unknown counts, and both naming schemes at once. So a
    number under one name overrules a zero under the other, and all zeros mean unknown.
    """
    if not isinstance(raw, dict) or not raw:
        return None
    prompt = _either(raw, "prompt_tokens", "input_tokens")
    completion = _either(raw, "completion_tokens", "output_tokens")
    total = count_of(raw.get("total_tokens"))
    if not prompt and not completion and not total:
        return Usage(raw=raw)
    cached = _cached(raw)
    if (
        prompt is not None and "prompt_tokens" not in raw
    ):  # Anthropic counts cached input separately
        prompt += sum(count_of(raw.get(name)) or 0 for name in _SEPARATE_CACHE_NAMES)
    if not total:
        total = prompt + completion if prompt and completion is not None else None
    return Usage(
        raw=raw,
        prompt_tokens=prompt or None,  # no prompt has 0 tokens, so 0 means not counted
        completion_tokens=completion,
        total_tokens=total,
        cached_tokens=cached,
    )


_SEPARATE_CACHE_NAMES = ("cache_read_input_tokens", "cache_creation_input_tokens")


def _either(raw: Mapping[str, JSON], name: str, other: str) -> int | None:
    """The count under `name`, or the one under `other` if the first is missing or 0."""
    count = count_of(raw.get(name))
    if count:
        return count
    other_count = count_of(raw.get(other))
    return count if other_count is None else other_count


def _cached(raw: Mapping[str, JSON]) -> int | None:
    counts = [raw.get("cache_read_input_tokens"), raw.get("prompt_cache_hit_tokens")]
    for name in ("prompt_tokens_details", "input_tokens_details"):
        details = raw.get(name)
        if isinstance(details, dict):
            counts.append(details.get("cached_tokens"))
    known = (count_of(value) for value in counts if value is not None)
    return max((count for count in known if count is not None), default=None)


def count_of(value: JSON) -> int | None:
    """The number of tokens that a member holds, as number or text; None if it is no count."""
    if value is None or isinstance(value, bool):
        return None
    if type(value) is int:  # nearly always
        return value if 0 <= value < _MAX_TOKENS else None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 14:
        value = int(value)
    if isinstance(value, int | float) and 0 <= value < _MAX_TOKENS and value == value // 1:
        return int(value)
    return None
