"""The outcomes of a step, with the table of state transitions."""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from jobs.job import Failure, State, Step
from jobs.result import Result
from jobs.wire_class import FREE_CLASSES, PAID_CLASSES, WireClass

__all__ = [
    "FREE_CLASSES",
    "LATE_TRANSITIONS",
    "PAID_CLASSES",
    "TRANSITIONS",
    "Answered",
    "Finished",
    "GiveUp",
    "Held",
    "NotBought",
    "Outcome",
    "Released",
    "Repeat",
    "Submitted",
    "TryAgain",
    "WireClass",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The row is complete. `result` is None if an earlier step stored it."""

    result: Result | None = None
    failure: ClassVar[None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A remote task was accepted, or is not ready yet: poll again after `delay` seconds."""

    ticket: str
    delay: float
    deadline: float | None = None  # Unix seconds; given with the first of them
    asked_until: float | None = None  # Unix seconds, how long its provider keeps the task
    failure: ClassVar[None] = None
    result: ClassVar[None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A paid answer whose files still have to be downloaded."""

    result: Result
    failure: ClassVar[None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Nothing was billed (not sent, or refused for free): go on after `delay` seconds.

    A suspect was the only job in progress when the process died: it goes on when nothing else is
    left, so that it cannot take others with it, nor be blamed for a kill while there is other work.

    A job that was told to slow down goes behind all others, so that it cannot hold them up.
    `refusals` says how often that happened while other jobs went through; any answer sets it to 0.
    """

    delay: float
    failure: Failure | None = None
    suspect: bool = False
    behind: bool = False
    refusals: int | None = None  # None: as before
    result: ClassVar[None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TryAgain:
    """It failed in a way that may pass: uses an attempt, tries again after `delay` seconds."""

    failure: Failure
    delay: float
    result: Result | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """In doubt, and the policy allows the one repeat, which comes after all other rows."""

    failure: Failure
    stream: bool = False
    result: ClassVar[None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """In doubt, and the policy leaves it to a person."""

    failure: Failure
    result: ClassVar[None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """It failed for good; whatever arrived is kept."""

    failure: Failure
    result: Result | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBought:
    """A provider batch ended without this row, or refused it for a passing reason: free.

    `again`: the batch never began, so that the row may go into another one in the same run.
    Otherwise it waits for the next run, or until a person lets it be sent online.
    """

    failure: Failure | None = None
    again: bool = False
    result: ClassVar[None] = None


Outcome: TypeAlias = (
    Finished | Submitted | Answered | Released | TryAgain | Repeat | Held | GiveUp | NotBought
)

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
    (Step.POLL, NotBought): (State.READY, Step.SEND),
    (Step.POLL, Held): (State.IN_DOUBT, Step.SEND),
    (Step.FETCH, Finished): (State.DONE, None),
    (Step.FETCH, Released): (State.READY, Step.FETCH),
    (Step.FETCH, TryAgain): (State.READY, Step.FETCH),
    (Step.FETCH, GiveUp): (State.FAILED, Step.FETCH),
}
"""The whole machine: (step, outcome) → (state, step). FETCH never goes back to SEND.

NotBought is the one arrow back; both it and the doubt at POLL are only of rows in provider batches.
"""

LATE_TRANSITIONS: dict[State, State] = {
    State.FAILED: State.DONE,
    State.READY: State.DONE,
    State.IN_DOUBT: State.DONE,
}
"""What a success does that comes after its task had been given up: the first one is the result.

READY: a person put the row back, which is then not bought again, or its new task is not done yet.
In any other state the success is kept as a version.
"""
