"""The tokens of one answer, sorted by what each kind costs."""

from dataclasses import dataclass

from jobs.job import JSON
from jobs.result import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """`fresh` is what nothing below names: no token is counted twice."""

    fresh: int
    cached: int = 0  # read from a cache
    written: int = 0  # written into a cache for five minutes
    written_hour: int = 0  # … for an hour
    pictures: int = 0  # of pictures that went in
    output: int = 0


def tokens_of(usage: Usage) -> Tokens | None:
    """The tokens by kind; None where the answer does not tell what went in and what came out.

    Protocol fact: OpenAI counts cached tokens inside `prompt_tokens`, Anthropic beside
    `input_tokens`; `Usage` has both inside. Gateways that turn one into the other may still leave
    them beside: more cached tokens than there were in all can only have been counted apart, and so
    were those that are just what the total has beyond prompt and completion. xAI and Gemini count
    reasoning tokens in the total only, and charge for them: what the total has beyond the prompt
    came out.
    """
    prompt, output = usage.prompt_tokens, _output(usage)
    if prompt is None or output is None:
        return None
    cached = usage.cached_tokens or 0
    hour = _at(usage, "cache_creation", "ephemeral_1h_input_tokens")
    written = max(_written(usage), hour)
    uncounted = (usage.total_tokens or 0) - prompt - output
    if cached + written > prompt or (uncounted > 0 and uncounted == cached + written):
        prompt += cached + written
    output = max(output, (usage.total_tokens or 0) - prompt)
    pictures = min(_pictures(usage), prompt - cached - written)
    return Tokens(
        fresh=prompt - cached - written - pictures,
        cached=cached,
        written=written - hour,
        written_hour=hour,
        pictures=pictures,
        output=output,
    )


def _output(usage: Usage) -> int | None:
    """Tokens that came out. An embedding has none, and its usage does not name them.

    More reasoning tokens than completion tokens cannot be counted inside them.
    """
    if usage.completion_tokens is not None:
        reasoning = max(_at(usage, name, "reasoning_tokens") for name in _OUTPUT_DETAILS)
        beside = reasoning if reasoning > usage.completion_tokens else 0
        return usage.completion_tokens + beside
    named = {"completion_tokens", "output_tokens"} & usage.raw.keys()
    if not named and usage.total_tokens in (None, usage.prompt_tokens):
        return 0
    return None


_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_OUTPUT_DETAILS = ("completion_tokens_details", "output_tokens_details")


def _written(usage: Usage) -> int:
    found = [_count(usage.raw.get("cache_creation_input_tokens"))]
    for name in _DETAILS:
        found += [_at(usage, name, key) for key in ("cached_creation_tokens", "cache_write_tokens")]
    return max(found)


def _pictures(usage: Usage) -> int:
    return max(_at(usage, name, "image_tokens") for name in _DETAILS)


def _at(usage: Usage, name: str, key: str) -> int:
    details = usage.raw.get(name)
    return _count(details.get(key)) if isinstance(details, dict) else 0


def _count(value: JSON) -> int:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10**12
    return int(value) if usable else 0  # type: ignore[arg-type]  # a number, as `usable` says
