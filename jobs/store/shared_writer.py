"""The writer of one host of a shared table: fenced, and patient with a database that is away."""

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.exc import DBAPIError

from jobs.claimed import Claimed, Holding
from jobs.clock import through_sleep
from jobs.job import Step
from jobs.outcome import Released, Repeat, WireClass
from jobs.store import Store, Transaction, is_away, may_claim
from jobs.store.hosts import LostHostError, fence
from jobs.store.ids import Ids
from jobs.store.membership import Membership
from jobs.store.patience import waits_for_server
from jobs.store.queue.claims import ClaimRequest, claim
from jobs.store.queue.in_hand import Hand, hands_of, unknown_jobs
from jobs.store.queue.settles import Settlement
from jobs.store.queue.walk import Walk
from jobs.store.run_allowance import use_repeats
from jobs.store.run_money import RunMoney
from jobs.store.writer import ClaimedJobs, TableWriter, WriterItem, settlements_of

log = logging.getLogger(__name__)

LOCKED_SECONDS = 0.2  # after which a claim looks again whether a load is over


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterHooks:
    """What the writing thread tells; it calls them from its own thread."""

    join_anew: Callable[[str], None]  # the host of this owner was declared lost
    away: Callable[[float], None]  # for so many seconds now: called before each new try
    back: Callable[[], None]


class SharedWriter(TableWriter):
    """Each of its transactions begins with the fence, by which nobody takes over meanwhile.

    While the database is away nothing is claimed, and what was settled waits. A commit whose
    answer did not come is repeated: settling again changes nothing, and jobs that it may have
    claimed are given back first, because nobody knows of them.
    """

    def __init__(
        self,
        store: Store,
        membership: Membership,
        hooks: WriterHooks,
        *,
        money: RunMoney | None = None,
        max_wait: float | None = None,
    ) -> None:
        self._member = membership
        self._hooks = hooks
        self._money = money or RunMoney(membership.holding.run_id, counts=False)
        self._max_wait = max_wait
        self._walk = Walk()
        self._hands: set[Hand] = set()
        self._new_hands: set[Hand] = set()  # of the commit that is going on
        self._may_claim: bool | None = None  # in this transaction, once it is known
        self._is_unsure = False  # whether the last commit was made
        self._begun = 0.0  # when this transaction was, by the clock that goes on in sleep
        super().__init__(store, membership.holding)

    @property
    def holding(self) -> Holding:
        """As whom this host claims and settles now: another one after it was lost."""
        return self._member.holding

    def now(self) -> float:
        """Unix seconds, by the clock of the database."""
        return self._member.clock.now()

    def give_back_unsent(self, transaction: Transaction) -> int:
        """Free what this host owns and does not know of; returns how many jobs."""
        unknown = unknown_jobs(transaction, self.holding, self._hands)
        if unknown:
            self._settle(transaction, unknown)
        return len(unknown)

    def _ids(self, newest: int) -> Ids:
        return Ids(after=newest, process=self._member.number, clock=self.now)

    def _begin(self, transaction: Transaction) -> None:
        self._new_hands = set()
        self._may_claim = None
        self._money.begin()
        fence(transaction, self.holding.owner)
        self.ids.renumber(self._member.number)
        if self._is_unsure and (freed := self.give_back_unsent(transaction)):
            log.warning("%s claimed jobs were given back: their commit had no answer", freed)

    def _end(self, transaction: Transaction) -> None:
        self._money.end(transaction)

    def _settle(
        self, transaction: Transaction, settlements: Sequence[Settlement]
    ) -> Sequence[Settlement]:
        moved = self._money.of(transaction, settlements)
        strays = super()._settle(transaction, settlements)
        self._money.add(moved)
        if repeated := sum(1 for one in settlements if _is_repeated(one)):
            use_repeats(transaction, self.holding.owner, repeated)
        return strays

    def _commit_patiently(self, items: Sequence[WriterItem]) -> list[Any]:
        away_since: float | None = None
        for wait in waits_for_server(iter(random.random, None)):
            try:
                results = self._commit_as_somebody(items)
            except DBAPIError as error:
                if not is_away(error):
                    raise
                away_since = through_sleep() if away_since is None else away_since
                self._wait_for_server(error, wait, seconds=through_sleep() - away_since)
            else:
                if away_since is not None:
                    self._hooks.back()
                return results
        raise AssertionError("the waits have no end")

    def _commit_as_somebody(self, items: Sequence[WriterItem]) -> list[Any]:
        while True:
            self._begun = through_sleep()
            try:
                results = self._commit(items, passes=is_away)
            except LostHostError as lost:
                self._hooks.join_anew(lost.owner)
            except DBAPIError:
                self._is_unsure = True
                raise
            else:
                self._is_unsure = False
                self._count_hands(items, results)
                return results

    def _wait_for_server(self, error: DBAPIError, wait: float, *, seconds: float) -> None:
        log.warning("the database is away, trying again in %.1f s: %s", wait, error.orig)
        self._hooks.away(seconds)
        if self._max_wait is not None and seconds > self._max_wait:
            self._faulty = error  # what comes now need not wait as long again
            raise error
        time.sleep(wait)

    def _count_hands(self, items: Sequence[WriterItem], results: Sequence[Any]) -> None:
        self._hands |= self._new_hands
        for item, result in zip(items, results, strict=True):
            written = [
                one.job
                for place, one in enumerate(settlements_of(item))
                if not isinstance(result, dict) or place not in result
            ]
            self._hands -= hands_of(written)

    def _taken(self, tx: Transaction, order: ClaimRequest) -> ClaimedJobs:
        if self._may_claim is None:
            self._may_claim = may_claim(tx)
        if not self._may_claim:
            return ClaimedJobs(jobs=[], due=time.time() + LOCKED_SECONDS)
        taken = super()._taken(tx, order)
        if taken.due is None:
            return taken
        return replace(taken, due=taken.due - self.now() + time.time())

    def _claimed(self, tx: Transaction, order: ClaimRequest) -> list[Claimed]:
        jobs = claim(tx, self.holding, order, ids=self.ids, now=self.now(), walk=self._walk)
        self._new_hands |= hands_of(jobs)
        if order.step is not Step.SEND:
            return jobs
        leave_by = self._begun + self._member.leave_seconds
        return [replace(job, leave_by=leave_by) for job in jobs]


def _is_repeated(one: Settlement) -> bool:
    """True if a call in doubt will be sent again, which uses up one of the host's repeats."""
    ended = one.ended
    doubtful = ended is not None and ended.is_primary and ended.wire is WireClass.IN_DOUBT
    return doubtful and isinstance(one.outcome, Released | Repeat)
