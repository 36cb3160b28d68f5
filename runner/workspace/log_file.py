"""A run's log in its workspace."""

import contextlib
import logging
import os
from pathlib import Path

LOGGERS = ("rowmill", "runner")  # attempts and errors; what the rooms themselves have to say


class _LogFile(logging.FileHandler):
    """A log that is silent where its disk takes nothing: the run says that once, by itself."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Drop the line."""

    def close(self) -> None:
        """What the disk does not take now is lost to the log only."""
        with contextlib.suppress(OSError):
            super().close()


class _EachLine(logging.Formatter):
    """Begins each line of a record as its first, so that one record can tell of many attempts."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The words of a record behind its time and level."""
        first = super().formatMessage(record)
        begin = first.removesuffix(record.message)
        return begin + record.message.replace("\n", f"\n{begin}")


def log_to(path: Path) -> logging.Handler:
    """One line for each attempt into the workspace's log, readable by its owner only."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    handler = _LogFile(path, encoding="utf-8")
    handler.setFormatter(_EachLine("%(asctime)s %(levelname)s %(message)s"))
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        logger.propagate = False
    return handler


def end_log(handler: logging.Handler) -> None:
    """Close a run's log: the next run in this process has one of its own."""
    for name in LOGGERS:
        logging.getLogger(name).removeHandler(handler)
    handler.close()
