"""This process's place among the hosts of a shared table, which it may lose and take anew."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from jobs.claimed import Holding
from jobs.clock import through_sleep
from jobs.store.hosts import Host


@dataclass(slots=True)
class DatabaseClock:
    """The clock of the database, as this process knows it: a steady clock and an offset."""

    steady: Callable[[], float] = through_sleep
    offset: float = 0.0

    def now(self) -> float:
        """Unix seconds by the clock of the database."""
        return self.steady() + self.offset

    def heard(self, now: float, *, asked: float, answered: float) -> None:
        """Correct the offset by the database's answer to a question of its time."""
        self.offset = now - (asked + answered) / 2


class Membership:
    """Shared by the writer and the beating thread; `holding` changes when this host joins anew."""

    def __init__(self, holding: Holding, host: Host, *, lost_after: float) -> None:
        self.lost_after = lost_after
        self.clock = DatabaseClock()
        self._lock = threading.Lock()
        self._holding = replace(holding, owner=host.owner, shared=True)
        self.number = host.number

    @property
    def holding(self) -> Holding:
        """As whom this process claims and settles now."""
        return self._holding

    @property
    def leave_seconds(self) -> float:
        """How long after its claim a call may leave at the latest."""
        return self.lost_after / 3

    def join_anew(self, lost: str, join: Callable[[Holding], Host]) -> None:
        """Take another owner, unless the other thread has done so already since `lost`."""
        with self._lock:
            if self._holding.owner != lost:
                return
            holding = replace(self._holding, owner=str(uuid.uuid4()))
            host = join(holding)
            self.number, self._holding = host.number, holding
