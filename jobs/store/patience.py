"""How long the writer waits for a database that is away."""

from collections.abc import Iterator
from itertools import count

FOLDER_DELAYS = (0.05, 0.2, 1.0, 3.0, 5.0)
"""Seconds between the tries of a table on this machine's disk, which is busy for moments only."""

FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 5.0


def waits_for_server(chance: Iterator[float]) -> Iterator[float]:
    """Seconds to wait between tries, without end: doubled each time, spread by half.

    Hosts that lost their server in one moment do not come back to it in one moment.
    """
    for number in count():
        longest = min(FIRST_WAIT_SECONDS * 2.0 ** min(number, 10), LONGEST_WAIT_SECONDS)
        yield max(longest * (0.5 + next(chance) / 2), FIRST_WAIT_SECONDS)
