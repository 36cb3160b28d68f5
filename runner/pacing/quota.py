"""The calls and tokens a minute that the user allows, for this process or for all of them."""

import contextlib
import hashlib
import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from jobs.lock import hold_briefly
from runner.pacing.rate_window import FIRST_GUESS_TOKENS, Limits, RateWindow, packed, unpacked

log = logging.getLogger(__name__)

BUSY_SECONDS = 0.02  # until the next try, while another process holds the file
SMOOTHING_WEIGHT = 0.2  # weight of the newest call in the mean of tokens


class Quota(Protocol):
    """What is left of a minute. `next_at` and `paused_until` are on the caller's own clock."""

    def admit(self, wanted: int) -> int: ...
    def give_back(self, unused: int) -> None: ...
    def used(self, tokens: float) -> None: ...
    def pause(self, seconds: float) -> None: ...
    def resume(self) -> None: ...
    def paused_until(self) -> float: ...
    def next_at(self) -> float: ...
    def retune(self, limits: Limits) -> None: ...


class MeanTokens:
    """The mean number of tokens a call uses, as far as is known."""

    def __init__(self) -> None:
        self.tokens = FIRST_GUESS_TOKENS
        self._told = False

    def add(self, tokens: float) -> float:
        """One call's tokens; returns by how much the guess was too low."""
        over = tokens - self.tokens
        weight = SMOOTHING_WEIGHT if self._told else 1.0
        self.tokens = max(self.tokens + weight * over, 1.0)
        self._told = True
        return over


class OwnQuota:
    """The quota of this process alone."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._mean = MeanTokens()
        self._minute = RateWindow(at=clock())
        self.retune(limits)

    def retune(self, limits: Limits) -> None:
        """New limits; what was used stays used."""
        self._limits = limits
        self._minute.allowance = _allowance(self._minute, limits)

    def admit(self, wanted: int) -> int:
        """How many of `wanted` may start now; they count as started."""
        self._minute.roll(self._clock(), self._limits)
        number = min(wanted, self._minute.room(self._limits, self._mean.tokens))
        self._minute.take(number, self._mean.tokens)
        return number

    def give_back(self, unused: int) -> None:
        """So many never began."""
        self._minute.take(-unused, self._mean.tokens)

    def used(self, tokens: float) -> None:
        """A call's tokens, where more or fewer were reckoned with."""
        self._minute.spend(self._mean.add(tokens))

    def pause(self, seconds: float) -> None:
        """Nothing to do: the pace of this process knows."""

    def resume(self) -> None:
        """As `pause`."""

    def paused_until(self) -> float:
        """No other process pauses this account."""
        return -math.inf

    def next_at(self) -> float:
        """When it is worth asking again."""
        self._minute.roll(self._clock(), self._limits)
        return self._minute.next_at(self._limits)


class SharedQuota:
    """The quota of every process on this machine that uses the same account: kept in one file.

    The file is a few hundred bytes, locked for the time of one change. A process that dies gives
    nothing back, and what it took is forgotten with its minute. If the file cannot be used, this
    process goes on alone and says so once in the log.
    """

    def __init__(
        self,
        path: Path,
        limits: Limits,
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._limits = limits
        self._wall, self._clock = wall, clock
        self._mean = MeanTokens()
        self._alone: OwnQuota | None = None
        self._next_at = clock()
        self._paused_until = -math.inf

    def retune(self, limits: Limits) -> None:
        """New limits of this process; the others keep theirs."""
        self._limits = limits
        if self._alone is not None:
            self._alone.retune(limits)

    def admit(self, wanted: int) -> int:
        """How many of `wanted` may start now, for all processes together."""
        number = 0
        with self._open() as minute:
            if minute is not None:
                if minute.paused_until <= minute.at:
                    number = min(wanted, minute.room(self._limits, self._mean.tokens))
                    minute.take(number, self._mean.tokens)
                self._look(minute)
                return number
        if self._alone is not None:
            return self._alone.admit(wanted)
        self._next_at = self._clock() + BUSY_SECONDS
        return 0

    def give_back(self, unused: int) -> None:
        """So many never began. Where the file is busy they are lost: a minute makes them up."""
        with self._open() as minute:
            if minute is not None:
                minute.take(-unused, self._mean.tokens)
        if self._alone is not None:
            self._alone.give_back(unused)

    def used(self, tokens: float) -> None:
        """A call's tokens, where more or fewer were reckoned with."""
        over = self._mean.add(tokens)
        if self._limits.tpm is None:
            return
        with self._open(patient=True) as minute:
            if minute is not None:
                minute.spend(over)

    def pause(self, seconds: float) -> None:
        """Quiets the account in every process."""
        with self._open(patient=True) as minute:
            if minute is not None:
                minute.paused_until = max(minute.paused_until, minute.at + seconds)
                self._look(minute)

    def resume(self) -> None:
        """Ends the pause for every process."""
        with self._open(patient=True) as minute:
            if minute is not None:
                minute.paused_until = -math.inf
                self._look(minute)

    def paused_until(self) -> float:
        """Until when any process was told to be quiet, as of the last look into the file."""
        return self._paused_until

    def next_at(self) -> float:
        """When it is worth asking again, as of the last look into the file."""
        return self._next_at if self._alone is None else self._alone.next_at()

    def _look(self, minute: RateWindow) -> None:
        """What the file says, on our own clock."""
        ours = self._clock() - minute.at
        self._paused_until = minute.paused_until + ours
        self._next_at = max(minute.next_at(self._limits), minute.paused_until) + ours

    @contextlib.contextmanager
    def _open(self, *, patient: bool = False) -> Iterator[RateWindow | None]:
        """The minute in the file, written back at the end; None if it cannot be had now."""
        if self._alone is not None:
            yield None
            return
        try:
            file = self._file()
        except OSError as error:
            self._go_alone(error)
            yield None
            return
        with file:
            if not hold_briefly(file, patience=0.2 if patient else 0.01):
                yield None
                return
            try:
                minute = self._read(file)
                yield minute
                file.seek(0)
                file.write(packed(minute))
            except OSError as error:
                self._go_alone(error)

    def _file(self) -> IO[bytes]:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(self.path, flags, 0o600), "r+b", buffering=0)

    def _read(self, file: IO[bytes]) -> RateWindow:
        now = self._wall()
        data = file.read()
        minute = unpacked(data) if data else RateWindow(at=now)
        if minute is None:  # damaged: as if the minute were used up
            minute = RateWindow(at=now, credit=0.0)
            minute.starts[int(now) % len(minute.starts)] = int(self._limits.rpm or 0)
        minute.allowance = _allowance(minute, self._limits)
        minute.roll(now, self._limits)
        return minute

    def _go_alone(self, error: OSError) -> None:
        log.warning("limits are not shared with other runs: %s", error.strerror or error)
        self._alone = OwnQuota(self._limits, self._clock)


def _allowance(minute: RateWindow, limits: Limits) -> float:
    """Tokens left; a limit that is new begins with the tenth second of it."""
    if limits.tpm is None or math.isfinite(minute.allowance):
        return minute.allowance
    return limits.tpm / 6


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaStore:
    """Where processes of this user keep what an account shares."""

    folder: Path

    def of(self, account: str) -> Path:
        """The file of an account. Its name reveals nothing of a key that `account` may contain."""
        digest = hashlib.blake2b(account.encode(), key=self._salt(), digest_size=12)
        return self.folder / f"{digest.hexdigest()}.pace"

    def _salt(self) -> bytes:
        """Of this machine alone: without it even a guessed key cannot be checked against a name."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self.folder / "salt"
        part = self.folder / f"salt.{os.getpid()}"
        if not file.exists():
            with contextlib.suppress(FileExistsError):
                handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "wb") as out:
                    out.write(os.urandom(32))
                with contextlib.suppress(OSError):  # another process was faster
                    _publish(part, file)
            part.unlink(missing_ok=True)
        return file.read_bytes()[:32]


def _publish(part: Path, file: Path) -> None:
    """Give it its name, whole, only if that is free: `link` and Windows' `rename` check that."""
    if os.name == "nt":
        part.rename(file)
    else:
        os.link(part, file)
