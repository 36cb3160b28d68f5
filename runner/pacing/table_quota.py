"""The calls and tokens a minute of an account for all hosts: kept in a row of their database."""

import contextlib
import hashlib
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from jobs.store import DriverError
from jobs.store.accounts import AccountRow
from runner.pacing.quota import MeanTokens
from runner.pacing.rate_window import MINUTE_SECONDS, WINDOW_SECONDS, Limits, RateWindow

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0  # between two looks at the row while there is nothing to change
BUSY_SECONDS = 0.02  # until a reservation that is under way is asked for again
STOCK_SECONDS = 0.5  # after which reserved calls that did not begin are given back
EVEN_SHARE = 60 / 62  # of a limit: a minute that fills up stops all hosts, and a burst follows
BURST_SECONDS = 0.25  # of calls that may start at once after nothing was sent
CLOSE_SECONDS = 5.0  # to wait for the last change


class QuotaTable(Protocol):
    """Rows of accounts. Both methods block, and raise DriverError while the table is away."""

    def read(self, account: bytes) -> tuple[AccountRow | None, float]:
        """The row, and the time of the table's clock."""
        ...

    def change(
        self, account: bytes, change: Callable[[AccountRow | None, float], AccountRow]
    ) -> None:
        """Replace the row by what `change` makes of it and of the time; no other host interferes.

        `change` may be called more than once; the last call counts.
        """
        ...


def account_id(salt: bytes, site: str, account: str, model: str | None = None) -> bytes:
    """The name of an account's row. It reveals nothing of a key that `account` may contain."""
    words = "\0".join((site, account, model or ""))
    return hashlib.blake2b(words.encode(), key=salt, digest_size=16).digest()


@dataclass(slots=True)
class _Pending:
    """What is to be changed in the row, as the event loop asks for it."""

    wanted: int = 0  # calls that found no reservation
    unused: int = 0  # reserved calls that will not begin
    tokens: float = 0.0  # used beyond what was reckoned with
    pause: float | None = None  # until when, on our own clock
    resume: bool = False

    def __bool__(self) -> bool:
        return bool(
            self.wanted or self.unused or self.tokens or self.resume or self.pause is not None
        )


class TableQuota:
    """A quota whose calls are reserved ahead by a thread, so that no caller waits for the table.

    What is reserved and does not begin soon is given back; what a lost host had reserved is
    forgotten with its minute. While the table is away nothing is reserved.
    """

    def __init__(
        self,
        table: QuotaTable,
        account: bytes,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._account = account
        self._limits = limits
        self._clock = clock
        self._mean = MeanTokens()
        self._stock = 0
        self._stock_until = -math.inf
        self._pending = _Pending()
        self._next_at = -math.inf
        self._paused_until = -math.inf
        self._lock = threading.Lock()
        self.called = threading.Event()

    # --- what the pace asks, from the event loop --------------------------------------------------

    def retune(self, limits: Limits) -> None:
        """New limits of this host; the others keep theirs."""
        with self._lock:
            self._limits = limits

    def admit(self, wanted: int) -> int:
        """How many of `wanted` may start now, for all hosts together."""
        with self._lock:
            now = self._clock()
            if now < self._paused_until:
                return 0
            if not self._is_limited:
                return wanted
            self._drop_old_stock(now)
            number = min(wanted, self._stock)
            self._stock -= number
            self._pending.wanted = max(self._pending.wanted, wanted - number)
        if number < wanted:
            self.called.set()
        return number

    def give_back(self, unused: int) -> None:
        """So many never began; they may begin a moment later."""
        with self._lock:
            if self._is_limited:
                self._stock += unused
                self._stock_until = max(self._stock_until, self._clock() + STOCK_SECONDS)

    def used(self, tokens: float) -> None:
        """A call's tokens, where more or fewer were reckoned with."""
        with self._lock:
            over = self._mean.add(tokens)
            if self._limits.tpm is not None:
                self._pending.tokens += over

    def pause(self, seconds: float) -> None:
        """Quiets the account on every host."""
        with self._lock:
            until = self._clock() + seconds
            self._paused_until = max(self._paused_until, until)
            self._pending.pause = max(until, self._pending.pause or until)
        self.called.set()

    def resume(self) -> None:
        """Ends the pause on every host."""
        with self._lock:
            self._paused_until = -math.inf
            self._pending.pause, self._pending.resume = None, True
        self.called.set()

    def paused_until(self) -> float:
        """Until when any host was told to be quiet, as of the last look at the row."""
        return self._paused_until

    def next_at(self) -> float:
        """When it is worth asking again."""
        with self._lock:
            now = self._clock()
            self._drop_old_stock(now)
            if self._stock or not self._is_limited:
                return now
            return max(self._next_at, now + BUSY_SECONDS)

    @property
    def _is_limited(self) -> bool:
        return self._limits.rpm is not None or self._limits.tpm is not None

    def _drop_old_stock(self, now: float) -> None:
        if self._stock and now >= self._stock_until:
            self._pending.unused += self._stock
            self._stock = 0

    # --- the thread -------------------------------------------------------------------------------

    def seconds_to_look(self) -> float:
        """How long the row may wait, unless `called` is set."""
        with self._lock:
            if not self._pending.wanted:
                return LOOK_SECONDS
            return min(max(self._next_at - self._clock(), BUSY_SECONDS), LOOK_SECONDS)

    def give_all_back(self) -> None:
        """Nothing more is sent: the next look gives back what is reserved."""
        with self._lock:
            self._stock_until = -math.inf
            self._drop_old_stock(self._clock())
            self._pending.wanted = 0

    def look(self) -> None:
        """Change the row as was asked for, or see what other hosts made of it."""
        with self._taken() as pending:
            if not pending:
                row, now = self._table.read(self._account)
                self._see(_window(row, now, self._limits))
                return
            found: list[tuple[RateWindow, int]] = []

            def change(row: AccountRow | None, now: float) -> AccountRow:
                minute = _window(row, now, self._limits)
                found[:] = [(minute, self._changed(minute, pending))]
                return _row(minute)

            self._table.change(self._account, change)
            minute, number = found[0]
            self._see(minute)
            with self._lock:
                self._stock += number
                if number:
                    self._stock_until = self._clock() + STOCK_SECONDS
                elif pending.wanted:  # ask again once there may be room
                    self._pending.wanted = max(self._pending.wanted, pending.wanted)

    @contextlib.contextmanager
    def _taken(self) -> Iterator[_Pending]:
        """What is to be changed; asked for again if the table is away."""
        with self._lock:
            self._drop_old_stock(self._clock())
            pending, self._pending = self._pending, _Pending()
        try:
            yield pending
        except DriverError:
            with self._lock:
                later, self._pending = self._pending, pending
                pending.wanted = max(pending.wanted, later.wanted)
                pending.unused += later.unused
                pending.tokens += later.tokens
                if later.resume:
                    pending.pause, pending.resume = None, True
                if later.pause is not None:
                    pending.pause = later.pause
            raise

    def _changed(self, minute: RateWindow, pending: _Pending) -> int:
        """Apply what is pending; returns how many calls are reserved."""
        if pending.unused:
            minute.take(-pending.unused, self._mean.tokens)
        if pending.tokens:
            minute.spend(pending.tokens)
        if pending.resume:
            minute.paused_until = -math.inf
        if pending.pause is not None:
            ours = self._clock() - minute.at
            minute.paused_until = max(minute.paused_until, pending.pause - ours)
        if not pending.wanted or minute.paused_until > minute.at:
            return 0
        most = self._second_of_calls()
        number = min(pending.wanted, most, minute.room(self._limits, self._mean.tokens))
        minute.take(number, self._mean.tokens)
        return number

    def _second_of_calls(self) -> int:
        rpm = self._limits.rpm
        return 1_000_000 if rpm is None else max(1, int(rpm / MINUTE_SECONDS))

    def _see(self, minute: RateWindow) -> None:
        """What the row says, on our own clock."""
        with self._lock:
            ours = self._clock() - minute.at
            told = minute.paused_until + ours
            asked = self._pending.pause
            self._paused_until = told if asked is None else max(told, asked)
            self._next_at = max(minute.next_at(self._limits), minute.paused_until) + ours


class QuotaThread:
    """Looks at the row of one quota as often as that needs it."""

    def __init__(self, quota: TableQuota) -> None:
        self._quota = quota
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="quota", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give back what is reserved, and end."""
        self._ended.set()
        self._quota.called.set()
        self._thread.join(CLOSE_SECONDS)

    def _keep(self) -> None:
        away = False
        while not self._ended.is_set():
            self._quota.called.wait(self._quota.seconds_to_look())
            self._quota.called.clear()
            try:
                self._quota.look()
                away = False
            except DriverError as error:
                if not away:
                    log.warning("limits cannot be shared for now: %s", error.orig)
                away = True
                self._ended.wait(LOOK_SECONDS)
            self._ended.wait(BUSY_SECONDS)
        self._quota.give_all_back()
        with contextlib.suppress(DriverError):
            self._quota.look()


def _window(row: AccountRow | None, now: float, limits: Limits) -> RateWindow:
    """The row as a minute, moved on to `now`; a limit that is new begins with a tenth of it."""
    if row is None or len(row.starts) != WINDOW_SECONDS:
        minute = RateWindow(at=now)
    else:
        minute = RateWindow(
            at=row.at,
            starts=list(row.starts),
            credit=row.credit,
            allowance=row.allowance,
            paused_until=row.paused_until,
        )
    if limits.tpm is not None and not math.isfinite(minute.allowance):
        minute.allowance = limits.tpm / 6
    if limits.rpm is None:
        minute.roll(now, limits)
        return minute
    minute.roll(now, replace(limits, rpm=limits.rpm * EVEN_SHARE))
    minute.credit = min(minute.credit, max(1.0, limits.rpm / MINUTE_SECONDS * BURST_SECONDS))
    return minute


def _row(minute: RateWindow) -> AccountRow:
    return AccountRow(
        at=minute.at,
        starts=tuple(minute.starts),
        credit=minute.credit,
        allowance=minute.allowance,
        paused_until=minute.paused_until,
    )
