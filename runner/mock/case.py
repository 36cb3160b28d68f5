"""One chat request with everything that was decided about it."""

from dataclasses import dataclass, field

from runner.mock.canned import Canned
from runner.mock.faults import FREE, Ask, Fault
from runner.mock.request import ChatRequest
from runner.mock.settings import PRICE_PER_PICTURE, PRICE_PER_TEXT

UNFINISHED = frozenset({Fault.CUT, Fault.STREAM_UNFINISHED, Fault.STREAM_FALSE_DONE})
"""Faults that leave an answer in the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`seen` describes the pictures in the request; `canned` is what comes instead of an answer."""

    call: str  # the request id
    chat: ChatRequest
    ask: Ask
    fault: Fault
    canned: Canned | None = field(default=None, repr=False)
    seen: tuple[str, ...] = ()

    @property
    def headers(self) -> dict[str, str]:
        """What the gateway adds to every answer of its own."""
        return {"X-Oneapi-Request-Id": self.call}

    @property
    def is_free(self) -> bool:
        """Would no provider take money for this?"""
        return self.fault in FREE

    @property
    def price(self) -> float:
        """What it costs."""
        each = PRICE_PER_PICTURE if self.chat.pictures else PRICE_PER_TEXT
        return 0.0 if self.is_free else round(each * self.chat.n, 6)

    @property
    def status(self) -> int | None:
        """The status line the caller will see; None: the connection breaks before one."""
        if self.fault is Fault.RESET_AFTER:
            return None
        return self.canned.status if self.canned else 200
