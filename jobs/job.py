"""The values that describe a job and its state."""

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One job that a worker has claimed, for one step.

    `epoch` fences the settle: a settle with another epoch changes nothing. At the send step
    `call_id` is the call just opened, durable before the worker sees it; at later steps it is the
    accepted one.
    """

    id: int
    row: int  # the number Excel shows; of the first row that needs this job
    endpoint: str
    model: str
    fields: Mapping[str, JSON]
    step: Step
    version: int  # generation: 1, and one more for each `retry --again`
    epoch: int
    attempts: int  # counted failures so far, this one not included
    repeats: int  # repeats in doubt used so far
    rank: int  # 0 in sheet order, 1 repeat in doubt, 2 last pass
    stream: bool = False  # the repeat of a call that a time limit cut
    ticket: str | None = None
    deadline: float | None = None  # Unix seconds by which the ticket must be done
    refusals: int = 0  # times it was told to slow down while other jobs went through
    deaths: int = 0  # times the process died in this step; known for adopted jobs only
    call_id: int = 0
    call_key: str = ""
    requeued: bool = False  # a retry put it back, and it has not ended since
    leave_by: float | None = None  # when a call must have left, by a clock that goes on in sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """The run that claims and settles jobs."""

    sheet_id: int
    run_id: int
    owner: str
    shared: bool = False  # other hosts work on the same table
