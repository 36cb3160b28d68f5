"""Tells an outage from the failures of single rows."""

from collections import deque
from dataclasses import dataclass

from jobs.job import FailureClass
from jobs.outcome import Outcome
from runner.steps.resolve import Signal

IN_A_ROW = 5
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0  # between two looks whether the gateway is there again
LONGEST_TRIAL = 300.0  # between two calls, where the gateway is there and its calls go wrong

SERVER_SIDE = frozenset({FailureClass.SERVER, FailureClass.NETWORK, FailureClass.TIMEOUT})
PORTAL = frozenset({"html", "empty_answer", "redirect"})
"""What the login page of a network, or a broken proxy, answers with."""


def is_trouble(outcome: Outcome, signal: Signal) -> bool:
    """Would the next row, too, have met this?"""
    failure = outcome.failure
    if failure is None or signal in (Signal.SLOW_DOWN, Signal.MODEL):
        return False
    if signal is Signal.OFFLINE or failure.cause in PORTAL:
        return True
    return failure.kind in SERVER_SIDE and failure.cause != "killed"


@dataclass(slots=True)
class Trouble:
    """Counts how many calls in a row went wrong in a way that is not their rows' fault."""

    in_a_row: int = 0
    level: int = 0  # of outages since the last good answer

    def failed(self, in_flight: int) -> bool:
        """One more; is it an outage now? Of many calls at once half must have failed."""
        self.in_a_row += 1
        needed = 1 if self.level else max(IN_A_ROW, in_flight // 2)
        return self.in_a_row >= needed

    def over(self) -> None:
        """A call went through."""
        self.in_a_row = self.level = 0

    def again(self) -> float:
        """It is there and calls go wrong: seconds to wait before one more is tried."""
        self.level += 1
        self.in_a_row = 0
        return min(FIRST_WAIT * 2.0 ** (self.level - 1), LONGEST_TRIAL)


def wait_of(look: int) -> float:
    """Seconds to wait after so many looks at a gateway that is not there."""
    return min(FIRST_WAIT * 2.0 ** min(look, 10), LONGEST_WAIT)


class FailedShare:
    """The person's rule `failed>20%/50`: of the last 50 rows that ended, more than 20 % failed."""

    def __init__(self, percent: float, window: int) -> None:
        self._percent = percent
        self._ended: deque[bool] = deque(maxlen=window)

    def ended(self, *, failed: bool) -> bool:
        """One more row; is it time to stop?"""
        self._ended.append(failed)
        full = len(self._ended) == self._ended.maxlen
        return full and 100 * sum(self._ended) > self._percent * len(self._ended)
