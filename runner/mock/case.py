"""One request with everything that was decided about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from runner.mock.error_replies import Canned
from runner.mock.faults import FREE, Fault, PromptRequest
from runner.mock.settings import PRICE_PER_PICTURE, PRICE_PER_TEXT

UNFINISHED = frozenset({Fault.CUT, Fault.STREAM_UNFINISHED, Fault.STREAM_FALSE_DONE})
"""Faults that leave an answer in the middle."""
DECLINED = frozenset({Fault.REFUSAL, Fault.MODERATION})
"""Faults that are the service's own decision, worded as an answer or as an error."""


class RequestCase(Protocol):
    """What every kind of request has. `images` are the pictures in it."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Generic[W]):
    """`seen` describes the pictures in the request; `canned` is what comes instead of an answer."""

    call: str  # the request id
    wanted: W
    ask: PromptRequest
    fault: Fault
    canned: Canned | None = field(default=None, repr=False)
    seen: tuple[str, ...] = ()

    @property
    def headers(self) -> dict[str, str]:
        """What the gateway adds to every answer of its own."""
        return {"X-Oneapi-Request-Id": self.call}

    @property
    def is_free(self) -> bool:
        """Would no provider take money for this? Declining is work, unless it is an error."""
        return self.fault in FREE or (self.fault in DECLINED and self.canned is not None)

    @property
    def price(self) -> float:
        """What it costs."""
        each = PRICE_PER_PICTURE if self.wanted.pictures else PRICE_PER_TEXT
        return 0.0 if self.is_free else round(each * self.wanted.n, 6)

    @property
    def status(self) -> int | None:
        """The status line the caller will see; None: the connection breaks before one."""
        if self.fault is Fault.RESET_AFTER:
            return None
        return self.canned.status if self.canned else 200
