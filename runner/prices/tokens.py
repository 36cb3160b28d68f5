"""Counts the tokens of one answer by kind, since each kind has its own price."""

from dataclasses import dataclass

from jobs.job import JSON
from jobs.result import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Token counts by kind; no token is counted twice. `fresh`: input in no other field."""

    fresh: int
    cached: int = 0  # read from a cache
    written: int = 0  # written into a cache for five minutes
    written_hour: int = 0  # … for an hour
    pictures: int = 0  # of input pictures
    output: int = 0


def tokens_of(usage: Usage) -> Tokens | None:
    """The tokens by kind; None if the answer does not report both input and output.

    Protocol fact: OpenAI includes cached tokens in `prompt_tokens`, Anthropic counts them apart
    from `input_tokens`; `Usage` includes them. Gateways that convert one format into the other may
    still count them apart: certainly if there are more cached tokens than prompt tokens, or if they
    are exactly the difference between the total and prompt plus completion. xAI and Gemini count
    reasoning tokens only in the total, and charge for them: all of the total beyond the prompt is
    output.
    """
    prompt, output = usage.prompt_tokens, _output(usage)
    if prompt is None or output is None:
        return None
    cached = usage.cached_tokens or 0
    hour = _detail(usage, "cache_creation", "ephemeral_1h_input_tokens")
    written = max(_cache_written(usage), hour)
    uncounted = (usage.total_tokens or 0) - prompt - output
    if cached + written > prompt or (uncounted > 0 and uncounted == cached + written):
        prompt += cached + written
    output = max(output, (usage.total_tokens or 0) - prompt)
    pictures = min(_input_pictures(usage), prompt - cached - written)
    return Tokens(
        fresh=prompt - cached - written - pictures,
        cached=cached,
        written=written - hour,
        written_hour=hour,
        pictures=pictures,
        output=output,
    )


def _output(usage: Usage) -> int | None:
    """Output tokens, or None if unknown; 0 for an embedding, whose usage does not name them.

    If there are more reasoning than completion tokens, they were counted apart and are added.
    """
    if usage.completion_tokens is not None:
        reasoning = max(_detail(usage, name, "reasoning_tokens") for name in _OUTPUT_DETAILS)
        uncounted = reasoning if reasoning > usage.completion_tokens else 0
        return usage.completion_tokens + uncounted
    named = {"completion_tokens", "output_tokens"} & usage.raw.keys()
    if not named and usage.total_tokens in (None, usage.prompt_tokens):
        return 0
    return None


_INPUT_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_OUTPUT_DETAILS = ("completion_tokens_details", "output_tokens_details")


def _cache_written(usage: Usage) -> int:
    found = [_count(usage.raw.get("cache_creation_input_tokens"))]
    for name in _INPUT_DETAILS:
        found += [
            _detail(usage, name, key) for key in ("cached_creation_tokens", "cache_write_tokens")
        ]
    return max(found)


def _input_pictures(usage: Usage) -> int:
    return max(_detail(usage, name, "image_tokens") for name in _INPUT_DETAILS)


def _detail(usage: Usage, name: str, key: str) -> int:
    details = usage.raw.get(name)
    return _count(details.get(key)) if isinstance(details, dict) else 0


def _count(value: JSON) -> int:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10**12
    return int(value) if usable else 0  # type: ignore[arg-type]  # a number, as `usable` says
