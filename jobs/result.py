"""The contents of an answer: text, pictures, data, token usage."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.job import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the provider counts them; unknown is None, never 0. `raw` is kept unchanged."""

    raw: Mapping[str, JSON]
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None  # inside prompt_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture in an answer: an address to fetch, or the bytes inside the answer as base64."""

    url: str | None = None
    base64: str | None = field(default=None, repr=False)
    expires_at: float | None = None  # Unix seconds, where the address says so


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The contents of an answer for one row."""

    text: str | None = None
    finish: str | None = None
    model: str | None = None  # as the answer names it; prices use the requested name
    usage: Usage | None = None
    pictures: tuple[Picture, ...] = ()
    data: Mapping[str, JSON] = field(default_factory=dict)  # structured output, tool calls, notes
    quota: float | None = None  # the price of a task in its gateway's units, where the answer says
