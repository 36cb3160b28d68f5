"""Says at short intervals that this host is alive, and looks after those that fell silent."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jobs.claimed import Holding
from jobs.clock import through_sleep
from jobs.store import DriverError, Store, TableError, is_away
from jobs.store.hosts import BEATS, Host, LostHostError, Report, beat, join
from jobs.store.membership import Membership
from jobs.store.patience import waits_for_server
from jobs.store.take_over import TakenOver, TakeOverRules, take_over

log = logging.getLogger(__name__)

SHORTEST_RETRY_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatHooks:
    """What the beating thread asks and tells; it calls them from its own thread."""

    report: Callable[[], Report]
    rules: Callable[[], TakeOverRules]
    taken: Callable[[Sequence[TakenOver]], None]


class Heartbeat:
    """A thread and a connection of its own, so that a busy loop is not taken for a dead one."""

    def __init__(
        self, store: Store, membership: Membership, hooks: HeartbeatHooks, *, program: str
    ) -> None:
        self.live = 1  # hosts of this run at work, at the last beat
        self._store = store
        self._membership = membership
        self._hooks = hooks
        self._program = program
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Beat once, so that the clock of the database is known, then go on in a thread."""
        for wait in waits_for_server(iter(random.random, None)):
            try:
                self.beat()
                break
            except DriverError as error:
                if not is_away(error):
                    raise
                time.sleep(wait)
        self._thread.start()

    def close(self) -> None:
        """Beat no more."""
        self._over.set()
        self._thread.join()

    def beat(self) -> None:
        """Say once that this host is alive. Raises DriverError if the database is away."""
        member = self._membership
        owner = member.holding.owner
        with self._store.write() as tx:
            asked = through_sleep()
            try:
                heard = beat(tx, owner, self._hooks.report(), lost_after=member.lost_after)
            except LostHostError:
                heard = None
            answered = through_sleep()
        if heard is None:
            if not self._over.is_set():
                self.join_anew(owner)
            return
        member.clock.heard(heard.now, asked=asked, answered=answered)
        self.live = heard.live

    def join_anew(self, lost: str) -> None:
        """This host was declared lost: go on under another name."""
        log.warning("this host was not heard of for too long: it joins the run anew")
        self._membership.join_anew(lost, self._join)

    def _join(self, holding: Holding) -> Host:
        """Durable on return: the other thread may be about to work as this host."""
        with self._store.write() as tx:
            return join(tx, holding, program=self._program)

    def look_after_others(self) -> None:
        """Take over from hosts that have not been heard of for too long."""
        with self._store.write() as tx:
            taken = take_over(tx, self._membership.holding.owner, self._hooks.rules())
        if taken:
            self._hooks.taken(taken)

    def _keep(self) -> None:
        interval = self._membership.lost_after / BEATS
        wait = interval
        while not self._over.wait(wait):
            began = time.monotonic()
            try:
                self.beat()
                self.look_after_others()
            except LostHostError:
                wait = 0.0  # the next beat joins anew
            except (DriverError, TableError, OSError) as error:
                log.warning("the database did not take a beat: %s", getattr(error, "orig", error))
                wait = random.uniform(SHORTEST_RETRY_SECONDS, interval)  # noqa: S311 - spreads
            else:
                wait = max(interval - (time.monotonic() - began), SHORTEST_RETRY_SECONDS)
