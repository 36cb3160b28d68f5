"""One request with all decisions about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from runner.mock.error_replies import Canned
from runner.mock.faults import FREE_FAULTS, Fault, PromptRequest
from runner.mock.settings import PRICE_PER_PICTURE, PRICE_PER_TEXT

CUT_SHORT = frozenset({Fault.CUT, Fault.STREAM_UNFINISHED, Fault.STREAM_FALSE_DONE})
"""Faults that end an answer in the middle."""
REFUSALS = frozenset({Fault.REFUSAL, Fault.MODERATION})
"""Refusals by the service, as an answer or as an error."""


class RequestCase(Protocol):
    """Fields that every kind of request has. `images` are its pictures."""

    @property
    def model(self) -> str: ...
    @property
    def prompt(self) -> str: ...
    @property
    def stream(self) -> bool: ...
    @property
    def n(self) -> int: ...
    @property
    def images(self) -> Sequence[object]: ...
    @property
    def pictures(self) -> bool: ...


W = TypeVar("W", bound=RequestCase)


def tier_of(wanted: RequestCase) -> str:
    """The service tier that a request asks for; many kinds of request have none."""
    return str(getattr(wanted, "tier", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Generic[W]):
    """`seen` describes the request's pictures; `canned` replaces the answer."""

    call: str  # the request id
    wanted: W
    ask: PromptRequest
    fault: Fault
    canned: Canned | None = field(default=None, repr=False)
    seen: tuple[str, ...] = ()
    is_replay: bool = False  # given before, under the same Idempotency-Key

    @property
    def headers(self) -> dict[str, str]:
        """Headers of every answer of the gateway."""
        replayed = {"Idempotency-Replayed": "true"} if self.is_replay else {}
        return {"X-Oneapi-Request-Id": self.call, **replayed}

    @property
    def is_free(self) -> bool:
        """True if no provider would bill this. A refusal is billed unless it is an error."""
        return self.fault in FREE_FAULTS or (self.fault in REFUSALS and self.canned is not None)

    @property
    def price(self) -> float:
        """The price in dollars; the slow tier costs half."""
        each = PRICE_PER_PICTURE if self.wanted.pictures else PRICE_PER_TEXT
        each *= 0.5 if tier_of(self.wanted) == "flex" else 1
        return 0.0 if self.is_free else round(each * self.wanted.n, 6)

    @property
    def status(self) -> int | None:
        """The status that the caller sees; None if the connection breaks before it."""
        if self.fault is Fault.RESET_AFTER:
            return None
        return self.canned.status if self.canned else 200
