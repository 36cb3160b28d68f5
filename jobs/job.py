"""The values that describe a job and its state."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

JSON: TypeAlias = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None


class State(StrEnum):
    """Whether a job may be worked on. The comments say what moves a job in and out."""

    READY = "ready"  # in: load, try-again outcomes, a person's retry; out: a claim, skip, park
    RUNNING = "running"  # in: a claim; out: a settle, or recovery after a death
    DONE = "done"  # in: Finished; out: a person's `retry --again`
    FAILED = "failed"  # in: GiveUp; out: a person's retry or skip
    IN_DOUBT = "in_doubt"  # in: Held; out: a person's retry or skip
    SKIPPED = "skipped"  # in: a person's skip; out: a person's retry
    PARKED = "parked"  # in: its row left the sheet before it was sent; out: the row returns


class Step(StrEnum):
    """The next thing to do for a job."""

    SEND = "send"  # ask the endpoint: costs money
    POLL = "poll"  # poll a remote task: free
    FETCH = "fetch"  # download the files of an answer: free


class FailureClass(StrEnum):
    """Why a row failed. The words are public: they appear in `result_error_class`."""

    REFUSED = "refused"  # the provider will not make this (moderation, refusal)
    BAD_INPUT = "bad_input"  # the row cannot become a good request
    TRUNCATED = "truncated"  # text cut by a length limit; what came is kept
    NO_RESULT = "no_result"  # a complete, paid answer without the thing asked for
    SCHEMA = "schema"  # structured output that does not match its schema
    LIMIT = "limit"  # rate limits that never let the row through
    SERVER = "server"  # the provider's fault, on every attempt
    NETWORK = "network"  # never reached, or cut off
    TIMEOUT = "timeout"  # no complete answer in time
    FILE = "file"  # paid for, but the picture cannot be downloaded
    STUCK = "stuck"  # a remote task past its deadline; a later run asks again
    CRASHED = "crashed"  # a bug of ours, or a step that killed the process
    KEY = "key"  # the key was not accepted
    CREDIT = "credit"  # no money left
    MODEL = "model"  # this model is not served, priced or allowed


PASSING = frozenset(
    {
        FailureClass.LIMIT,
        FailureClass.SERVER,
        FailureClass.NETWORK,
        FailureClass.TIMEOUT,
        FailureClass.FILE,
        FailureClass.STUCK,
    }
)
"""Failures that may have passed by the end of a run: these rows get one more pass.

Unusable answers are not included: both they and their one repeat were paid for.
"""

RETRIABLE = PASSING | {
    FailureClass.NO_RESULT,
    FailureClass.SCHEMA,
    FailureClass.CRASHED,
    FailureClass.KEY,
    FailureClass.CREDIT,
    FailureClass.MODEL,
}
"""What `retry` puts back by default: everything that may succeed unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why something did not work.

    `cause` is a stable key, finer than the class (`no_picture`, `html`, `insufficient_quota`): the
    catalogue and `errors` group by it. `detail` holds the provider's own words, never a key.
    """

    kind: FailureClass
    cause: str
    detail: str = ""
    status: int | None = None
