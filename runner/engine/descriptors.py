"""How many connections and files this process may have open at once."""

import sys
from contextlib import suppress

BASE = 48  # for the table, the log, the spool, the loop and its threads
EACH = 2  # a worker's connection, and a file that it writes


def max_connections(wanted: int, others: int) -> int:
    """So many calls at once fit beside `others` hands; raises the soft limit first where it may."""
    if sys.platform == "win32":
        return wanted
    import resource  # noqa: PLC0415 - exists on Unix only

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = BASE + EACH * (wanted + others)
    if soft != resource.RLIM_INFINITY and soft < needed:
        allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            soft = allowed
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    return max(1, min(wanted, (soft - BASE) // EACH - others))
