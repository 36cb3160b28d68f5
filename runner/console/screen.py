"""Prints to the terminal: safe text, folding, and encodings that cannot fail.

Everything that reaches a terminal passes `visible`: messages and data here, rich's output in
`SafeConsole`, bytes in `VisibleStream`. Nothing else writes to stdout or stderr.
"""

import codecs
import io
import json
import os
import re
import sys
import unicodedata
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, TextIO

from runner.catalogue.safe_text import plain, visible
from runner.secret import redacted

if TYPE_CHECKING:
    from rich.console import Console

ASCII_MARKS = {
    "✓": "+",
    "✗": "x",
    "↻": "~",
    "→": "->",
    "…": "...",
    "·": "-",
    "–": "-",
    "—": "-",
    "×": "x",
    "≥": ">=",
    "■": "#",
    "●": "*",
    "○": "o",
    "█": "#",
    "░": ".",
}
"""Replacements for marks that the output's encoding lacks."""


def markup(text: str, limit: int = 500) -> str:
    """`plain`, where rich would read square brackets as markup."""
    from rich.markup import escape  # noqa: PLC0415 - only where rich draws

    return escape(plain(text, limit))


def prepare() -> None:
    """Make sure that no character makes a stream fail. The program calls this first.

    On Chinese Windows redirected output is GBK: a ✓ would raise, and rich would keep the failing
    text in its buffer, so that every later line would raise as well.
    """
    codecs.register_error("rowmill.marks", _ascii_mark)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="rowmill.marks")


def print_data(text: str) -> None:
    """One line of data, to stdout."""
    sys.stdout.write(f"{visible(text)}\n")


def data_stream() -> BinaryIO:
    """stdout for bytes: as they are, but on a terminal only what is visible."""
    if sys.stdout.isatty():
        return VisibleStream(sys.stdout)  # type: ignore[return-value]  # what writers need of it
    sys.stdout.flush()
    return sys.stdout.buffer


def escaped(text: str) -> str:
    """A line with JSON in it, with JSON escapes for what stdout cannot encode."""
    if is_utf8(sys.stdout):
        return text
    encoding = sys.stdout.encoding or "ascii"
    return "".join(map(partial(_escaped, encoding=encoding), text))


def _escaped(character: str, *, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(character)[1:-1]
    return character


def print_message(text: str) -> None:
    """Print a message to stderr; on a terminal it is folded at words."""
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    print_unwrapped(folded_text(text) if on_terminal else text)


def print_unwrapped(text: str) -> None:
    """The same without folding: a command or a path that people copy."""
    if sys.stderr is not None:  # pythonw and some service managers start without it
        with suppress(OSError):  # the terminal was closed
            sys.stderr.write(f"{visible(text)}\n")
            sys.stderr.flush()


def folded_text(text: str) -> str:
    """A text folded to the width of the terminal."""
    from shutil import get_terminal_size  # noqa: PLC0415 - 2 ms, and most output is not folded

    width = get_terminal_size().columns
    return "\n".join(folded_line(line, width) for line in text.split("\n"))


def folded_line(line: str, width: int) -> str:
    """A line folded to `width`; a label followed by two spaces keeps its column.

    A word longer than a line is left for the terminal to break.
    """
    found = re.match(r"(?: *\S+)? {2,}", line)
    label = found[0] if found and cells(found[0]) <= width // 3 else ""
    return label + folded_beside(label, line[len(label) :], width)


def folded_beside(label: str, text: str, width: int) -> str:
    """A text folded to fit beside a label; its other lines are aligned with its first word."""
    indent = cells(label)
    if indent + cells(text) <= width:
        return text
    pieces, at = [""], indent
    for piece in re.findall(_UNBROKEN, text):
        room = width - at
        if cells(piece.rstrip()) > room and at > indent:
            pieces[-1] = pieces[-1].rstrip()
            pieces.append("\n" + " " * indent)
            at = indent
        pieces.append(piece)
        at += cells(piece)
    return "".join(pieces)


def cells(text: str) -> int:
    """The width of a text in terminal columns."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
_CLOSING = "，。、；：？！）」』》】”’…,.;:?!)"
_OPENING = "（「『《【“‘("
_UNBROKEN = (
    rf"[{_OPENING}]*(?:[{_WIDE}](?<![{_OPENING}{_CLOSING}])|[^\s{_WIDE}]+)[{_CLOSING}]* *"
    rf"|[{_OPENING}{_CLOSING}]+ *|\s+"
)
"""What is never broken: a word, or a Chinese character, with its punctuation.

Compiled on first use: that takes 5 ms, and few commands fold a line.
"""


def flush_streams() -> None:
    """Flush both streams. If the reader of one is gone, redirect that stream to nowhere: otherwise
    the interpreter's last flush would fail and change the exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)


def console(stream: TextIO, *, color: str = "auto") -> "Console":
    """A rich console on `stream`. `color` is auto, always or never; NO_COLOR counts as never."""
    # Only where rich draws: it takes 40 ms to import.
    from runner.console.safe_console import SafeConsole  # noqa: PLC0415

    if color == "never" or (color == "auto" and os.environ.get("NO_COLOR")):
        return SafeConsole(
            file=stream, color_system=None, highlight=False, markup=False, emoji=False
        )
    return SafeConsole(
        file=stream,
        force_terminal=True if color == "always" else None,
        no_color=False if color == "always" else None,
        highlight=False,
        markup=False,
        emoji=False,
    )


class VisibleStream:
    """Takes bytes for a terminal and writes their text, without what a terminal acts on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def write(self, data: bytes) -> int:
        """Write the text of these bytes; a character may be cut between two calls."""
        text = self._decoder.decode(bytes(data))
        self._stream.write(visible(redacted(text)))
        return len(data)

    def flush(self) -> None:
        """Flush the terminal."""
        self._stream.flush()


def is_utf8(stream: TextIO) -> bool:
    """True if this stream can encode every mark we use."""
    try:
        return codecs.lookup(stream.encoding or "ascii").name.startswith("utf")
    except LookupError:
        return False


def _ascii_mark(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    marks = "".join(ASCII_MARKS.get(character, "?") for character in text)
    return marks, error.end
