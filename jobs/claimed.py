"""A job that a worker has claimed, and the run that claims it."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.job import JSON, Step


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
