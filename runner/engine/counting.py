"""How many rows are in which state, for the display."""

import time

from jobs.store import DriverError, Store, is_away
from jobs.store.queries.totals import Counts, counts
from runner.workspace.workspace import SHEET_ID

PAUSE_SHARE = 20  # times what counting took passes before a shared table is counted again


class Counting:
    """On a shared table the figures may be a little old.

    Counting costs a server more than a file, and it may be away.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last: Counts | None = None
        self._again_at = 0.0

    def counts(self) -> Counts:
        """The figures of now, or those of the last look."""
        if not self._store.shared:
            return self._count()
        began = time.monotonic()
        if self._last is None or began >= self._again_at:
            try:
                self._last = self._count()
            except DriverError as error:
                if self._last is None or not is_away(error):
                    raise
            self._again_at = began + PAUSE_SHARE * (time.monotonic() - began)
        return self._last

    def fresh(self) -> Counts:
        """The figures of now, also where they were asked for a moment ago."""
        self._again_at = 0.0
        return self.counts()

    def _count(self) -> Counts:
        with self._store.read() as tx:
            return counts(tx, SHEET_ID)
