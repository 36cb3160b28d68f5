"""How many calls at once this process has file descriptors for."""

import sys
from contextlib import suppress

BASE_DESCRIPTORS = 48  # for the table, the log, the spool, the loop and its threads
DESCRIPTORS_PER_WORKER = 2  # a connection, and a file that it writes
MAX_FILES_AT_ONCE = 512  # that the workers of thousands of calls write at one time


def max_connections(wanted: int, others: int) -> int:
    """How many of `wanted` calls fit beside `others` workers; raises the soft limit if it may."""
    if sys.platform == "win32":
        return wanted
    import resource  # noqa: PLC0415 - exists on Unix only

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fixed = BASE_DESCRIPTORS + DESCRIPTORS_PER_WORKER * others
    needed = fixed + wanted + min(wanted, MAX_FILES_AT_ONCE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            soft = allowed
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    left = soft - fixed
    return max(1, min(wanted, max(left - MAX_FILES_AT_ONCE, left // DESCRIPTORS_PER_WORKER)))
