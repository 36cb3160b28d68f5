"""Rates, times, costs and last events of a run, for the display and the log."""

import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from jobs.job import Failure
from jobs.outcome import (
    PAID_CLASSES,
    Finished,
    GiveUp,
    Held,
    Outcome,
    Released,
    Repeat,
    TryAgain,
    WireClass,
)
from jobs.store.queries.totals import Counts, Spent
from jobs.store.queue.settles import CallEnd, SavedFile, Settlement
from runner.catalogue import explain, say
from runner.console.snapshot import ProgressEvent, Snapshot
from runner.engine.rate import ActiveTime, Rate
from runner.steps.context import StepResult
from runner.views.finished_minutes import FinishedRows

if TYPE_CHECKING:
    from runner.views.until_forecast import RowsUntil

log = logging.getLogger("rowmill.attempts")

MAX_TIMES_KEPT = 500
MAX_EVENTS_SHOWN = 6
FORECAST_SECONDS = 15.0  # between two forecasts of the rows until --until
MARKS: dict[type[Outcome], str] = {
    Finished: "✓",
    GiveUp: "✗",
    Held: "✗",
    TryAgain: "↻",
    Repeat: "↻",
    Released: "↻",
}


@dataclass(slots=True)
class RunStats:
    """Sees every settled step; one of the run's observers."""

    title: str
    limit: int
    tell: Callable[[str], None]  # prints a line above the display
    started_at: float = field(default_factory=time.time)
    tokens: int = 0
    cost: float = 0.0
    currency: str = ""
    unpriced: int = 0
    estimated: bool = False
    files: int = 0
    bytes: int = 0
    paused_until: float = -math.inf  # monotonic
    reason: str = ""
    is_held: bool = False  # by a person
    ends_at: float | None = None  # Unix; the time of --until
    failures: Counter[str] = field(default_factory=Counter)
    _active: ActiveTime = field(default_factory=lambda: ActiveTime(began=time.monotonic()))
    _lines: list[str] = field(default_factory=list)  # for the log
    _rate: Rate = field(default_factory=Rate)
    _finished: FinishedRows = field(default_factory=FinishedRows)
    _ahead: "RowsUntil | None" = None
    _ahead_at: float = -math.inf  # monotonic
    _call_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_TIMES_KEPT))
    _events: deque["_EndedStep"] = field(default_factory=lambda: deque(maxlen=MAX_EVENTS_SHOWN))

    def start_from(self, spent: Spent) -> None:
        """Start from what earlier runs of this workspace spent."""
        self.tokens = spent.total_tokens or 0
        self.cost = spent.cost or 0.0
        self.currency = spent.currency or ""
        self.unpriced = spent.unpriced_calls + spent.unknown_calls
        self.estimated = spent.estimated_calls > 0

    def settled(self, result: StepResult, seconds: float) -> None:
        """One step is durable."""
        settlement = result.settlement
        job, outcome, ended = settlement.job, settlement.outcome, settlement.ended
        failure = outcome.failure
        if ended is not None and ended.wire in PAID_CLASSES:
            self._count_tokens(result)
            if ended.is_primary:
                self._call_seconds.extend(filter(None, [ended.seconds]))
                self._count_money(ended)
        if ended is not None and ended.wire is WireClass.IN_DOUBT and ended.is_primary:
            self.unpriced += 1
        self.cost -= settlement.refund or 0.0
        if (price := settlement.price) is not None:
            self.cost += price.amount - (price.before or 0.0)
            self.currency = price.currency or self.currency
            self.unpriced -= price.before is None
        saved = [file for file in settlement.files if isinstance(file, SavedFile)]
        self.files += len(saved)
        self.bytes += sum(file.size for file in saved)
        if isinstance(outcome, Finished | GiveUp | Held):
            self._rate.count(self._active.at(time.monotonic()))
            if failure is not None:
                self.failures[str(failure.kind)] += 1
        wire, status = (ended.wire, ended.status) if ended is not None else ("", None)
        self._lines.append(
            f"row={job.row} endpoint={job.endpoint} step={job.step}"
            f" outcome={type(outcome).__name__.lower()}"
            f" cause={failure.cause if failure is not None else ''}"
            f" wire={wire} status={status or ''} ms={seconds * 1000:.0f}"
        )
        if type(outcome) in MARKS:
            names = [file.name for file in saved]
            self._events.appendleft(
                _EndedStep(time.time(), job.row, MARKS[type(outcome)], failure, names, seconds)
            )

    def taken_over(self, found: Settlement) -> None:
        """A task that had been given up is done after all."""
        if (price := found.price) is not None:
            self.cost += price.amount - (price.before or 0.0)
            self.currency = price.currency or self.currency
        saved = [file for file in found.files if isinstance(file, SavedFile)]
        self.files += len(saved)
        self.bytes += sum(file.size for file in saved)

    def flush_log(self) -> None:
        """Write the steps of a commit as one record of the log, which is cheaper."""
        if self._lines:
            log.info("\n".join(self._lines))
            self._lines.clear()

    def _count_tokens(self, step: StepResult) -> None:
        result = step.settlement.outcome.result
        if result is not None and result.usage is not None:
            self.tokens += result.usage.total_tokens or 0

    def _count_money(self, ended: CallEnd) -> None:
        if ended.cost is not None:
            self.cost += ended.cost
            self.currency = ended.currency or self.currency
            self.estimated = self.estimated or ended.estimated
        else:
            self.unpriced += 1

    def paused(self, seconds: float, reason: str) -> None:
        """No call starts for so many seconds."""
        now = time.monotonic()
        self.paused_until = now + seconds
        self.reason = reason
        self._active.pause(now, until=self.paused_until)

    def held(self, *, is_held: bool) -> None:
        """A person pauses the run, or resumes it; that also ends a wait of our own."""
        self.is_held = is_held
        if is_held:
            self._active.pause(time.monotonic(), until=math.inf)
        else:
            self.paused_until = -math.inf
            self._active.resume(time.monotonic())

    @property
    def pause(self) -> tuple[str, float]:
        """Why no call starts now, and for how many seconds; 0.0 if calls may start."""
        return self.reason, max(self.paused_until - time.monotonic(), 0.0)

    def away(self, failure: Failure) -> None:
        """The provider is unreachable. Printed: a run without a display would seem to hang."""
        self.tell(say("run.away", meaning=explain(failure.kind, failure.cause).meaning))

    def snapshot(self, counts: Counts, *, in_flight: int, oldest: float | None) -> Snapshot:
        """All of it as one value; `counts` come from the table."""
        now, steady = time.time(), time.monotonic()
        rate = self._rate.at(self._active.at(steady))
        left = counts.pending
        is_paused = self.paused_until > steady
        times = sorted(self._call_seconds)
        ahead = self._rows_until(counts, now, steady)
        return Snapshot(
            title=self.title,
            started_at=self.started_at,
            now=now,
            done=counts.done,
            failed=counts.failed + counts.skipped,
            in_doubt=counts.in_doubt,
            pending=counts.waiting + counts.polling,
            fetching=counts.fetching,
            running=counts.sending,
            rate=rate,
            eta=left / rate * 60 if rate and left else None,
            until=ahead.at if ahead is not None else None,
            until_rows=(ahead.low, ahead.high) if ahead is not None else None,
            in_flight=in_flight,
            limit=self.limit,
            paused_until=now + self.paused_until - steady if is_paused else None,
            reason=self.reason if is_paused else "",
            held=self.is_held,
            tokens=self.tokens or None,
            cost=self.cost if self.currency else None,
            cost_known=self.unpriced == 0,
            cost_estimated=self.estimated,
            currency=self.currency,
            files=self.files,
            bytes=self.bytes,
            p50=times[len(times) // 2] if times else None,
            p95=times[len(times) * 95 // 100] if times else None,
            oldest=oldest,
            failures=dict(self.failures),
            events=tuple(one.as_event() for one in self._events),
        )

    def _rows_until(self, counts: Counts, now: float, steady: float) -> "RowsUntil | None":
        """How many rows will be finished by the time of --until; looked at now and then."""
        finished = counts.done + counts.failed + counts.in_doubt
        self._finished.note(finished, steady)
        if self.ends_at is None or self.is_held:
            self._ahead_at = -math.inf
            return None
        if steady - self._ahead_at >= FORECAST_SECONDS:
            from runner.views.until_forecast import rows_until  # noqa: PLC0415 - for --until only

            self._ahead_at = steady
            self._ahead = rows_until(
                self._finished.whole_minutes,
                finished=finished,
                total=finished + counts.pending,
                at=self.ends_at,
                now=now,
            )
        return self._ahead


class _EndedStep(NamedTuple):
    """What the display says of a step; worded only when it is shown, and without its answer."""

    at: float
    row: int
    mark: str
    failure: Failure | None
    files: Sequence[str]
    seconds: float

    def as_event(self) -> ProgressEvent:
        """Its failure, its files, or the seconds it took, in a few words."""
        return ProgressEvent(at=self.at, row=self.row, mark=self.mark, text=self._words())

    def _words(self) -> str:
        if self.failure is not None:
            return f"{self.failure.kind}: {self.failure.cause}"
        if self.files:
            more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
            return f"→ {self.files[0]}{more}"
        return f"{self.seconds:.1f} s"
