"""Named places where a test lets the process die, break or stand still."""

import errno
import os
import signal
import time
from collections.abc import Callable

VARIABLE = "ROWMILL_FAILPOINT"
POINTS = frozenset(
    {
        "load.staged",  # a sheet is laid in, its transaction still open
        "call.written",  # the calls of a claim are written down, and not yet committed
        "call.durable",  # committed, and nothing sent
        "call.connected",  # the request has its connection: bytes leave now
        "call.answering",  # the head of an answer came, its body not yet
        "answer.read",  # the last byte is here, and nothing written
        "answer.spooled",
        "answer.parsed",  # decided what it means, and not yet written down
        "answer.written",  # in the table's transaction, not yet committed
        "answer.durable",  # committed, and the spool still holds it
        "bulk.part",  # a big answer is written beside its place
        "bulk.placed",  # under its name, and the table does not know
        "ticket.durable",  # the number of a remote task is committed
        "task.asked",  # a task was asked after, and what came of it is not written
        "file.part",  # half a picture lies under its passing name
        "file.placed",  # under its final name, and the table does not know
        "file.durable",
        "results.part",
        "results.placed",
        "replay.begun",  # what a dead run left is taken over, and nothing of it settled
        "replay.settled",  # one of them is settled, or all that have no answer
        "disk.flush",  # before bytes are forced to the disk
    }
)


class _Armed:
    """What a point does, and at which passing."""

    def __init__(self, act: Callable[[], None], left: int) -> None:
        self.act = act
        self.left = left  # times that it may still be passed


_armed: dict[str, _Armed] = {}


def arm(words: str) -> None:
    """`POINT=kill`, `=break`, `=full` or `=sleep:SECONDS`, with `@N` from the N-th time on.

    Several are separated by commas. Raises ValueError for what is none of these.
    """
    _armed.clear()
    for word in filter(None, words.split(",")):
        point, _, action = word.partition("=")
        action, _, time_of = action.partition("@")
        if point not in POINTS:
            raise ValueError(f"there is no failpoint {point}")
        _armed[point] = _Armed(_action(action), int(time_of or 1))


def reach(point: str) -> None:
    """Does what this point was armed with; nothing otherwise."""
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
