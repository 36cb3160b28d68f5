"""Shows the progress of a run in the title of the terminal's window and in its task bar."""

import os
from typing import TextIO

from runner.catalogue.safe_text import plain

# ctlseqs of xterm (22 t, 23 t: keep and restore the title); ConEmu's OSC 9;4, which Windows
# Terminal, GNOME's and others show in the task bar. A terminal ignores what it does not know.
KEEP_TITLE, RESTORE_TITLE = "\x1b[22;0t", "\x1b[23;0t"
TITLE = "\x1b]0;{text}\x07"
TASK_BAR, NO_TASK_BAR = "\x1b]9;4;1;{percent}\x07", "\x1b]9;4;0\x07"
MAX_NAME_CHARACTERS = 60
WITHOUT_TITLE = frozenset({"", "dumb", "linux", "unknown"})  # consoles that print such sequences


def knows_titles(stream: TextIO) -> bool:
    """True if this is the terminal of a window."""
    return stream.isatty() and os.environ.get("TERM", "") not in WITHOUT_TITLE


class TerminalTitle:
    """The window's title, with the share of rows that are finished."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown: tuple[int, str] | None = None

    def show(self, ended: int, total: int, name: str) -> None:
        """Show how many of all rows are finished. Raises OSError."""
        percent = 100 * ended // total if total else 100
        shown = (percent, plain(name, MAX_NAME_CHARACTERS))
        if shown == self._shown:
            return
        before = KEEP_TITLE if self._shown is None else ""
        self._shown = shown
        text = f"{percent} % · {shown[1]} · rowmill"
        self._write(before + TITLE.format(text=text) + TASK_BAR.format(percent=percent))

    def restore(self) -> None:
        """Leave the window as it was. Raises OSError."""
        if self._shown is not None:
            self._shown = None
            self._write(NO_TASK_BAR + RESTORE_TITLE)

    def _write(self, sequences: str) -> None:
        self._stream.write(sequences)
        self._stream.flush()
