"""Decides what the lines of a provider batch's results mean for its rows."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jobs.claimed import Claimed
from jobs.job import JSON, Failure, FailureClass
from jobs.outcome import (
    PAID_CLASSES,
    Answered,
    Finished,
    GiveUp,
    NotBought,
    Submitted,
    TryAgain,
    WireClass,
)
from jobs.store.provider_batches.batch import ProviderBatch
from jobs.store.provider_batches.intake import BatchRow, in_doubt, unbought
from jobs.store.queue.settles import Answer, CallEnd, Settlement
from runner.endpoints.registry import ENDPOINTS
from runner.lanes.batch_wire import BatchOffer, RemoteState
from runner.prices.price_list import PriceList
from runner.protocol.call import Reply
from runner.steps.job_inputs import inputs_to_read
from runner.steps.priced_request import priced_call
from runner.steps.resolution import JobContext, Resolution, Rules
from runner.steps.resolve import resolve

REQUEST_ID_HEADER = "x-request-id"
NOT_BOUGHT = "not_bought"
"""The cause of a row that its batch brought nothing for, and did not bill."""
RESULTS_GONE = "results_gone"
UNREADABLE_LINE = "unreadable_line"
MISSING_LINE = "missing_line"
FOREIGN_RESULTS = "foreign_results"
"""The cause of rows whose batch was found again by its size and time, and was another's."""
REFUSED_LINE = "refused_line"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReader:
    """Reads answers in lines as if they had come online, at the price of their lane.

    `keep` stores a raw answer; a big one is durable in a file of its own on return.
    """

    prices: PriceList
    factor: float
    rules: Rules
    keep: Callable[[int, Reply], Answer]

    def settlement(self, row: BatchRow, reply: Reply) -> Settlement:
        """What a row's line says, whole and as it has to be written down."""
        job = row.job
        kept = self.keep(job.call_id, reply)
        found = _understood(job, reply, self.rules)
        price = None
        if found.wire in PAID_CLASSES:
            price = self.prices.cost(priced_call([job]), found.outcome.result)
        ended = CallEnd(
            wire=found.wire,
            seconds=None,
            status=reply.status,
            request_id=reply.headers.get(REQUEST_ID_HEADER, "")[:200] or None,
            cost=price.amount * self.factor if price else None,
            currency=price.currency if price else None,
            estimated=price is not None and price.estimate,
        )
        return Settlement(job=job, outcome=found.outcome, ended=ended, answer=kept)


def _understood(job: Claimed, reply: Reply, rules: Rules) -> Resolution:
    """A bug fails the row alone, not the batch; the answer is kept for a better reader."""
    endpoint = ENDPOINTS[job.endpoint]
    try:
        inputs = inputs_to_read(job, endpoint)
        context = JobContext(job=job, endpoint=endpoint, rules=rules, inputs=inputs)
        return of_batch(resolve([context], reply)[0])
    except Exception as error:
        log.exception("row %s: its line in a provider batch could not be read", job.row)
        failure = Failure(kind=FailureClass.CRASHED, cause="bug", detail=type(error).__name__)
        return Resolution(outcome=GiveUp(failure=failure), wire=WireClass.UNUSABLE)


def of_batch(found: Resolution) -> Resolution:
    """The same for a row of a batch, which is not sent again by itself.

    Providers bill no line that ended with an error, whatever its status: the row was not bought.
    What was paid for and is of no use fails, as a repeat would have to be bought.
    """
    outcome = found.outcome
    match outcome:
        case Finished() | Answered() | Submitted() | GiveUp():
            return found
        case TryAgain() if found.wire in PAID_CLASSES:
            failed = GiveUp(failure=outcome.failure, result=outcome.result)
            return Resolution(outcome=failed, wire=found.wire, signal=found.signal)
        case _:
            not_bought = NotBought(failure=outcome.failure)
            return Resolution(outcome=not_bought, wire=WireClass.REFUSED)


# --- rows without an answer -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """What the result files say about rows that have no answer in them.

    `words` has why a row was not worked on, by call; `broken` are calls whose line cannot be read;
    `nameless` is the number of lines that do not even name their row, `foreign` that of lines that
    name no row of ours, `lines` that of our rows with a line, `answers` of those with an answer.
    """

    words: Mapping[int, str] = field(default_factory=dict)
    broken: frozenset[int] = frozenset()
    nameless: int = 0
    foreign: int = 0
    lines: int = 0
    answers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the provider says about the batch as a whole.

    `missing`: it counts more rows as completed than have a line. `nothing_bought`: it refused the
    batch before any row was worked on. `problems` are its words about single lines, by their
    number from 1.
    """

    word: str = ""
    missing: bool = False
    nothing_bought: bool = False
    queue_full: bool = False
    problems: Mapping[int, str] = field(default_factory=dict)
    message: str = ""


def looks_cut(batch: ProviderBatch, found: Leftovers) -> bool:
    """True if another copy of the files may show more: a connection may cut one unseen."""
    if found.broken or found.nameless:
        return True
    is_complete = batch.told.get("state") == RemoteState.COMPLETED
    return is_complete and bool(batch.files) and found.lines < batch.rows


def told_by(batch: ProviderBatch, offer: BatchOffer, found: Leftovers) -> Told:
    """What the table keeps of the provider's last words about a batch."""
    told, listed = batch.told, batch.told.get("problems")
    problems = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    lines: dict[int, str] = {}
    for one in problems:
        if isinstance(line := one.get("line"), int):
            lines.setdefault(line, _words_of(one))
    state, completed = told.get("state"), told.get("completed")
    partial_lost = not offer.keeps_partial and state != RemoteState.COMPLETED
    missing = isinstance(completed, int) and completed > found.lines and not partial_lost
    return Told(
        word=str(told.get("word") or ""),
        missing=missing,
        nothing_bought=state == RemoteState.FAILED and not found.answers and not missing,
        queue_full=told.get("queue_full") is True,
        problems=lines,
        message=_words_of(problems[0]) if problems else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RestReader:
    """Decides about rows that are in no line, or in one without an answer.

    `gone`: a file of results cannot be had any more.
    """

    told: Told
    found: Leftovers
    gone: bool

    def settlement(self, row: BatchRow, line: int) -> Settlement:
        """What becomes of a row; `line` is its place in the batch, from 1."""
        call_id = row.job.call_id
        if (word := self.found.words.get(call_id)) is not None:
            return unbought(row, NotBought(failure=_not_bought(word)))
        if call_id in self.found.broken:
            return in_doubt(row, _doubt(UNREADABLE_LINE))
        if (cause := self._doubt_of_all) is not None:
            return in_doubt(row, _doubt(cause))
        if self.told.nothing_bought:
            return self._refused(row, line)
        return unbought(row, NotBought(failure=_not_bought(self.told.word)))

    @property
    def _doubt_of_all(self) -> str | None:
        """Why a row without a line may have been billed; None if it was not bought."""
        if self.gone:
            return RESULTS_GONE
        if self.found.nameless:
            return UNREADABLE_LINE
        if self.found.foreign and not self.found.lines:
            return FOREIGN_RESULTS
        return MISSING_LINE if self.told.missing else None

    def _refused(self, row: BatchRow, line: int) -> Settlement:
        """A line that kept the whole batch from beginning fails; the others go into another one."""
        told = self.told
        words = told.problems.get(line)
        if words is not None:
            failure = Failure(kind=FailureClass.BAD_INPUT, cause=REFUSED_LINE, detail=words)
            ended = CallEnd(wire=WireClass.REFUSED, seconds=None)
            return Settlement(job=row.job, outcome=GiveUp(failure=failure), ended=ended)
        failure = _not_bought(told.message or told.word)
        again = told.queue_full or bool(told.problems)
        return unbought(row, NotBought(failure=failure, again=again))


def _words_of(problem: Mapping[str, JSON]) -> str:
    return str(problem.get("message") or problem.get("code") or "")


def _not_bought(word: str) -> Failure:
    return Failure(kind=FailureClass.STUCK, cause=NOT_BOUGHT, detail=word)


def _doubt(cause: str) -> Failure:
    return Failure(kind=FailureClass.NETWORK, cause=cause)
