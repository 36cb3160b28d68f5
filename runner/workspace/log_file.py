"""The log of a run, in its workspace."""

import contextlib
import logging
import os
from pathlib import Path

from runner.catalogue.safe_text import visible

LOGGERS = ("rowmill", "runner", "jobs")  # attempts and errors; messages of modules


class _LogFile(logging.FileHandler):
    """A log file that ignores a full disk: the run itself reports that once."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Drop the line."""

    def close(self) -> None:
        """Close; what the disk does not accept now is lost to the log only."""
        with contextlib.suppress(OSError):
            super().close()


class _EachLine(logging.Formatter):
    """Repeats time and level on each line, so that one record can hold many attempts."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The message after its time and level."""
        record.message = visible(record.message)  # it may quote a stranger
        first = super().formatMessage(record)
        begin = first.removesuffix(record.message)
        return begin + record.message.replace("\n", f"\n{begin}")


def log_to(path: Path) -> logging.Handler:
    """Log one line per attempt to the workspace's log, readable only by its owner."""
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
    """Close the log of a run: the next run in this process opens its own."""
    for name in LOGGERS:
        logging.getLogger(name).removeHandler(handler)
    handler.close()
