"""Async access to the table: one writer thread that commits whatever has gathered."""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar

from jobs.claimed import Claimed, Holding
from jobs.clock import ClockSteps
from jobs.failpoints import reach
from jobs.job import JSON, Step
from jobs.store import BusyError, Store, Transaction, is_faulty, is_full
from jobs.store.ids import Ids
from jobs.store.log import newest_id, note
from jobs.store.queue.blocked_models import Block
from jobs.store.queue.claims import ClaimRequest, claim, next_due
from jobs.store.queue.settles import Settlement, settle
from jobs.store.queue.unwritable import instead
from jobs.store.queue.waits import move_waits

T = TypeVar("T")
log = logging.getLogger(__name__)

Passes: TypeAlias = Callable[[BaseException], bool]
"""True for an error after which the whole commit is tried again."""

MAX_GATHERED_ITEMS = 500
BUSY_RETRY_DELAYS = (0.05, 0.2, 1.0, 3.0, 5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedJobs:
    """What a worker pool got; `due` says when there is more, if it got less than it asked for."""

    jobs: list[Claimed]
    due: float | None = None  # Unix seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitResult:
    """The result of an exchange: errors of outcomes, and the jobs claimed, in one commit."""

    errors: Mapping[int, BaseException]  # of outcomes that cannot be written, by index
    taken: Sequence[ClaimedJobs]
    stopped: frozenset[Block] = frozenset()  # what the check between both found


@dataclass(frozen=True, slots=True)
class _Settle:
    settlements: Sequence[Settlement]
    done: "asyncio.Future[Mapping[int, BaseException]]"


@dataclass(frozen=True, slots=True)
class _Do(Generic[T]):
    work: Callable[[Transaction], T]
    done: "asyncio.Future[T]"


WriterItem: TypeAlias = _Settle | _Do[Any]
_Item = WriterItem | None


def settlements_of(item: WriterItem) -> Sequence[Settlement]:
    """The outcomes that this item writes."""
    return item.settlements if isinstance(item, _Settle) else ()


@dataclass(frozen=True, slots=True)
class _Failed:
    """What one item raised; it does not affect the others of its commit."""

    error: BaseException


class TableWriter:
    """Writes everything that a run writes; what was awaited is durable."""

    def __init__(
        self, store: Store, holding: Holding, *, on_full: Callable[[], None] = lambda: None
    ) -> None:
        self.store = store
        self._holding = holding
        self._on_full = on_full
        self._faulty: Exception | None = None  # after a failed flush no write can be trusted
        with store.read() as transaction:
            self.ids = self._ids(max(newest_id(transaction), holding.run_id))
        self._clock = ClockSteps()
        self._items: queue.SimpleQueue[list[_Item]] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write, name="ledger", daemon=True)

    @property
    def holding(self) -> Holding:
        """As whom this process claims and settles."""
        return self._holding

    def now(self) -> float:
        """Unix seconds, by the clock that the table goes by."""
        return time.time()

    def _ids(self, newest: int) -> Ids:
        return Ids(after=newest)

    def start(self) -> None:
        """Start the writer thread."""
        self._thread.start()

    async def close(self) -> None:
        """Write what is left and end the thread."""
        self._items.put([None])
        await asyncio.to_thread(self._thread.join)

    async def settle(self, settlement: Settlement) -> None:
        """Write one outcome; durable on return. The caller must shield this from cancellation."""
        done = self._settled([settlement])
        self._items.put([done])
        for error in (await done.done).values():
            raise error

    async def exchange(
        self,
        settlements: Sequence[Settlement],
        orders: Sequence[ClaimRequest],
        *,
        check: Callable[[Transaction], frozenset[Block]] | None = None,
    ) -> CommitResult:
        """Write outcomes and claim jobs in one commit: work is durable before new work begins.

        `check` looks at the table in between; the blocks that it finds are not claimed.
        """
        settled = self._settled(settlements)
        taken: _Do[tuple[list[ClaimedJobs], frozenset[Block]]] = _Do(
            lambda tx: self._checked(tx, orders, check), self._loop.create_future()
        )
        self._items.put([settled, taken])
        errors, (found, stopped) = await asyncio.gather(settled.done, taken.done)
        return CommitResult(errors=errors, taken=found, stopped=stopped)

    def _checked(
        self,
        tx: Transaction,
        orders: Sequence[ClaimRequest],
        check: Callable[[Transaction], frozenset[Block]] | None,
    ) -> tuple[list[ClaimedJobs], frozenset[Block]]:
        stopped = check(tx) if check is not None else frozenset()
        if stopped:
            orders = [replace(order, blocked=order.blocked | stopped) for order in orders]
        return [self._taken(tx, order) for order in orders], stopped

    def _settled(self, settlements: Sequence[Settlement]) -> _Settle:
        return _Settle(settlements, self._loop.create_future())

    def _taken(self, tx: Transaction, order: ClaimRequest) -> ClaimedJobs:
        jobs = self._claimed(tx, order)
        if jobs and order.step is Step.SEND:
            reach("call.written")
        if len(jobs) == order.limit:
            return ClaimedJobs(jobs=jobs)
        return ClaimedJobs(jobs=jobs, due=next_due(tx, self.holding, order))

    def _claimed(self, tx: Transaction, order: ClaimRequest) -> list[Claimed]:
        return claim(tx, self.holding, order, ids=self.ids, now=self.now())

    async def note(self, kind: str, data: Mapping[str, JSON]) -> None:
        """Record an event of this run."""
        await self.do(
            lambda tx: note(
                tx, self.holding.run_id, kind, data, event_id=self.ids.take(), now=self.now()
            )
        )

    async def do(self, work: Callable[[Transaction], T]) -> T:
        """Do any other work on the table, in the next commit."""
        done: asyncio.Future[T] = self._loop.create_future()
        self._items.put([_Do(work, done)])
        return await done

    def _write(self) -> None:
        while (gathered := self._gather())[0] is not None:
            items = [item for item in gathered if item is not None]
            results = self._committed(items)
            self._loop.call_soon_threadsafe(_set, items, results)
            if len(items) < len(gathered):
                return

    def _committed(self, items: Sequence[WriterItem]) -> list[Any]:
        if self._faulty is not None:
            return [_Failed(self._faulty)] * len(items)
        try:
            return self._commit_patiently(items)
        except BaseException as error:  # noqa: BLE001 - a dead writer must wake every waiter
            return [_Failed(error)] * len(items)

    def _gather(self) -> list[_Item]:
        gathered = self._items.get()
        while len(gathered) < MAX_GATHERED_ITEMS and gathered[-1] is not None:
            try:
                gathered.extend(self._items.get_nowait())
            except queue.Empty:
                break
        return gathered

    def _commit_patiently(self, items: Sequence[WriterItem]) -> list[Any]:
        """Wait for a database that is briefly unavailable: losing finished work is the worst loss.

        In the last try, items that still find the table busy fail; the others are committed.
        """
        for wait in BUSY_RETRY_DELAYS:
            try:
                return self._commit(items, passes=_is_busy)
            except BusyError as error:
                if is_faulty(error):
                    self._faulty = error
                    raise
                log.warning("table busy, trying again in %s s: %s", wait, error.orig)
                if is_full(error):
                    self._on_full()
                time.sleep(wait)
        return self._commit(items, passes=_never)

    def _commit(self, items: Sequence[WriterItem], *, passes: Passes) -> list[Any]:
        with self.store.write() as transaction:
            self._begin(transaction)
            results = self._results(transaction, items, passes=passes)
            self._end(transaction)
        self._clock.accept()
        return results

    def _begin(self, transaction: Transaction) -> None:
        """What comes first in each transaction."""
        if step := self._clock.step():
            log.warning("the clock was set by %.0f s: what waits is moved with it", step)
            move_waits(transaction, self.holding.sheet_id, by=step)

    def _end(self, transaction: Transaction) -> None:
        """What comes last in each transaction."""

    def _results(
        self,
        transaction: Transaction,
        items: Sequence[WriterItem],
        *,
        passes: Passes,
    ) -> list[Any]:
        settles = [item for item in items if isinstance(item, _Settle)]
        failed = _settle_all(transaction, settles, self._settling, passes=passes)
        return [
            {
                place: failed[id(one)]
                for place, one in enumerate(item.settlements)
                if id(one) in failed
            }
            if isinstance(item, _Settle)
            else _apart(transaction, item.work, passes=passes)
            for item in items
        ]

    def _settling(self, settlements: Sequence[Settlement]) -> Callable[[Transaction], None]:
        def work(transaction: Transaction) -> None:
            for one in self._settle(transaction, settlements):
                log.warning("row %s was settled by somebody else; its answer is kept", one.job.row)
            if any(one.answer is not None for one in settlements):
                reach("answer.written")

        return work

    def _settle(
        self, transaction: Transaction, settlements: Sequence[Settlement]
    ) -> Sequence[Settlement]:
        return settle(transaction, self.holding, settlements, now=self.now())


def _settle_all(
    transaction: Transaction,
    items: Sequence[_Settle],
    settling: Callable[[Sequence[Settlement]], Callable[[Transaction], None]],
    *,
    passes: Passes,
) -> dict[int, BaseException]:
    """Settle all at once, which is fast; one by one if one of them cannot be written."""
    settlements = [one for item in items for one in item.settlements]
    if not settlements:
        return {}
    together = _apart(transaction, settling(settlements), passes=passes)
    if not isinstance(together, _Failed):
        return {}
    failed = {}
    for one in settlements:
        alone = _apart(transaction, settling([one]), passes=passes)
        if isinstance(alone, _Failed):
            error = alone.error
            if not any(
                not isinstance(_apart(transaction, settling([other]), passes=passes), _Failed)
                for other in instead(one, error)
            ):
                failed[id(one)] = error
            else:
                log.warning("row %s: not every value could be written", one.job.row)
    return failed


def _apart(
    transaction: Transaction, work: Callable[[Transaction], T], *, passes: Passes
) -> T | _Failed:
    """Do work inside a savepoint: an error undoes only its own writes."""
    try:
        with transaction.begin_nested():
            return work(transaction)
    except BaseException as error:
        if passes(error):
            raise
        return _Failed(error)


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, BusyError)


def _never(_error: BaseException) -> bool:
    return False


def _set(items: Sequence[WriterItem], results: Sequence[Any]) -> None:
    for item, result in zip(items, results, strict=True):
        if item.done.done():
            continue  # the waiter was cancelled; the work is durable anyway
        if isinstance(result, _Failed):
            item.done.set_exception(result.error)
        else:
            item.done.set_result(result)
