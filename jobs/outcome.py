"""What one step of one job can come to, with the table of what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from jobs.job import JSON, Failure, State, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the provider counts them; unknown is None, never 0. `raw` is kept as it came."""

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
    """What an answer gives to its row."""

    text: str | None = None
    finish: str | None = None
    model: str | None = None  # as the answer names it; prices go by the requested name
    usage: Usage | None = None
    pictures: tuple[Picture, ...] = ()
    data: Mapping[str, JSON] = field(default_factory=dict)  # structured output, tool calls, notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Everything the row asked for is here. `result` is None when an earlier step stored it."""

    result: Result | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A remote task was accepted, or is not ready yet; ask again after `delay` seconds."""

    ticket: str
    delay: float
    deadline: float | None = None  # Unix seconds; given with the first of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A paid answer whose files are still to be fetched."""

    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Nothing was bought (not sent, or refused for free): go on after `delay` seconds."""

    delay: float
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TryAgain:
    """It failed in a way that may pass; costs an attempt; again after `delay` seconds."""

    failure: Failure
    delay: float
    result: Result | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """In doubt, and the policy allows the one repeat, after all other rows."""

    failure: Failure
    stream: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """In doubt, and the policy leaves it to a person."""

    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """It failed for good; what did come is kept."""

    failure: Failure
    result: Result | None = None


Outcome: TypeAlias = Finished | Submitted | Answered | Released | TryAgain | Repeat | Held | GiveUp

TRANSITIONS: dict[tuple[Step, type[Outcome]], tuple[State, Step | None]] = {
    (Step.SEND, Finished): (State.DONE, None),
    (Step.SEND, Submitted): (State.READY, Step.POLL),
    (Step.SEND, Answered): (State.READY, Step.FETCH),
    (Step.SEND, Released): (State.READY, Step.SEND),
    (Step.SEND, TryAgain): (State.READY, Step.SEND),
    (Step.SEND, Repeat): (State.READY, Step.SEND),
    (Step.SEND, Held): (State.IN_DOUBT, Step.SEND),
    (Step.SEND, GiveUp): (State.FAILED, Step.SEND),
    (Step.POLL, Finished): (State.DONE, None),
    (Step.POLL, Submitted): (State.READY, Step.POLL),
    (Step.POLL, Answered): (State.READY, Step.FETCH),
    (Step.POLL, Released): (State.READY, Step.POLL),
    (Step.POLL, TryAgain): (State.READY, Step.POLL),
    (Step.POLL, GiveUp): (State.FAILED, Step.POLL),
    (Step.FETCH, Finished): (State.DONE, None),
    (Step.FETCH, Released): (State.READY, Step.FETCH),
    (Step.FETCH, TryAgain): (State.READY, Step.FETCH),
    (Step.FETCH, GiveUp): (State.FAILED, Step.FETCH),
}
"""The whole machine: (step, outcome) → (state, step). FETCH never goes back to SEND."""
