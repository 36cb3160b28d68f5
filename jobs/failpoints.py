"""Named points at which a test can kill the process, raise an error or stall."""

import errno
import os
import signal
import time
from collections.abc import Callable

VARIABLE = "ROWMILL_FAILPOINT"
POINTS = frozenset(
    {
        "load.staged",  # a sheet is loaded, its transaction still open
        "call.written",  # the calls of a claim are written, not yet committed
        "call.durable",  # committed, nothing sent yet
        "call.connected",  # the request has a connection; its bytes are about to leave
        "call.answering",  # the head of an answer arrived, its body has not
        "answer.read",  # the last byte arrived, nothing is written yet
        "answer.spooled",
        "answer.parsed",  # interpreted, not yet written
        "answer.written",  # in the table's transaction, not yet committed
        "answer.durable",  # committed, still in the spool
        "bulk.part",  # a large answer is in its temporary file
        "bulk.placed",  # renamed, not yet recorded in the table
        "ticket.durable",  # the id of a remote task is committed
        "batch.fetched",  # the result files of a provider batch are on the disk
        "batch.slice",  # a slice of its rows is committed
        "batch.read",  # all its lines are, the rows without one are not settled yet
        "task.asked",  # a task was polled, the result is not written yet
        "batch.packed",  # the lines of a provider batch are on the disk, nothing is in the table
        "batch.intended",  # its intention is committed, nothing was uploaded
        "batch.sent",  # its lines are at the provider, which is not written down
        "batch.uploaded",
        "batch.creating",  # committed that it is about to be created, nothing was sent
        "batch.answered",  # its creation was answered, which is not written down
        "batch.created",
        "batch.ended",  # its end is committed, nothing was read
        "file.part",  # half a picture is in its temporary file
        "file.placed",  # renamed, not yet recorded in the table
        "file.durable",
        "target.reserved",  # a file's name on a target is in the table, its bytes are not there
        "target.put",  # they are, not yet recorded in the table
        "results.part",
        "results.placed",
        "replay.begun",  # a dead run's jobs are adopted, none settled yet
        "replay.settled",  # one of them is settled, or all without an answer
        "disk.flush",  # before an fsync
    }
)


class _Armed:
    """What a failpoint does, and on which pass."""

    def __init__(self, act: Callable[[], None], left: int) -> None:
        self.act = act
        self.left = left  # passes left before it acts


_armed: dict[str, _Armed] = {}


def arm(words: str) -> None:
    """`POINT=kill`, `=break`, `=full` or `=sleep:SECONDS`, with `@N` from the N-th time on.

    `=stop` freezes the process, once: every thread of it stands still until somebody continues it.

    Several are separated by commas. Raises ValueError for anything else.
    """
    _armed.clear()
    for word in filter(None, words.split(",")):
        point, _, action = word.partition("=")
        action, _, time_of = action.partition("@")
        if point not in POINTS:
            raise ValueError(f"there is no failpoint {point}")
        _armed[point] = _Armed(_action(action), int(time_of or 1))


def reach(point: str) -> None:
    """Do what this point is armed with, if anything."""
    if _armed and point in _armed:
        found = _armed[point]
        found.left -= 1
        if found.left <= 0:
            found.act()


def _action(words: str) -> Callable[[], None]:
    name, _, value = words.partition(":")
    match name:
        case "kill":
            return _die
        case "break":
            return _break
        case "full":
            return _fill
        case "stop":
            left = [getattr(signal, "SIGSTOP", signal.SIGTERM)]
            return lambda: os.kill(os.getpid(), left.pop()) if left else None
        case "sleep":
            seconds = float(value)
            return lambda: time.sleep(seconds)
        case _:
            raise ValueError(f"a failpoint cannot {words}")


def _die() -> None:
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def _break() -> None:
    raise RuntimeError("a failpoint broke this")


def _fill() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
