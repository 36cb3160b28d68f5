"""A run that begins while its database is away waits for it."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from jobs.errors import ExpectedError, TableError
from runner.catalogue import say
from runner.console.screen import print_message
from runner.settings.settings import Settings

UNREACHABLE = "database_unreachable"


@dataclass(slots=True)
class Beginning:
    """What a run knows of itself before it sends anything."""

    is_over: bool = False

    def end(self) -> None:
        """Calls may leave now, or the results are written: it is not begun again."""
        self.is_over = True


def begun_patiently(run: Callable[[Beginning], int], settings: Callable[[], Settings]) -> int:
    """Run it; begin again as long as the database is away and nothing was sent.

    A database that has never answered here may be a wrong address: it is waited for only where
    `table_wait` says so. One that was reached is waited for as long as a host at work would.
    """
    waiting = _Waiting(settings)
    while True:
        beginning = Beginning()
        try:
            return run(beginning)
        except Exception as error:
            if beginning.is_over or not waiting.may_begin_again(error):
                raise


class _Waiting:
    """The waits of one command, from the first time that its database was away."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._since: float | None = None
        self._was_reached = False

    def may_begin_again(self, error: Exception) -> bool:
        """Wait a little and return True; False if this error says something else, or for ever."""
        never = isinstance(error, TableError) and error.kind == UNREACHABLE
        if not never and not _is_away(error):
            return False
        settings = self._settings()
        self._was_reached = self._was_reached or not never
        if settings.table_wait is None and not self._was_reached:
            return False
        now = time.monotonic()
        if self._since is None:
            self._since = now
            print_message(say("run.table_awaited"))
        most = table_wait_of(settings)
        if most is not None and now - self._since > most:
            return False
        time.sleep(self._pause(now - self._since))
        return True

    def _pause(self, waited: float) -> float:
        from jobs.store.patience import (  # noqa: PLC0415 - only while a database is away
            FIRST_WAIT_SECONDS,
            LONGEST_WAIT_SECONDS,
        )

        longest = min(max(waited, 2 * FIRST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads hosts


def table_wait_of(settings: Settings) -> float | None:
    """How long a run waits for its database, in seconds; None: without end."""
    return settings.max_wait if settings.table_wait is None else settings.table_wait


def _is_away(error: Exception) -> bool:
    if isinstance(error, ExpectedError):
        return False
    import sqlite3  # noqa: PLC0415 - only after an error

    from jobs.store import DriverError, is_away  # noqa: PLC0415 - as above

    if not isinstance(error, DriverError) or isinstance(error.orig, sqlite3.Error):
        return False  # a folder's table is on this machine's disk
    return is_away(error)
