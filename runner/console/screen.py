"""Text for the terminal: untrusted text made harmless, encodings that cannot crash."""

import codecs
import io
import json
import os
import re
import shutil
import sys
import unicodedata
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TextIO

from runner.catalogue.safe_text import plain

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
    "█": "#",
    "░": ".",
}
"""What stands for a mark where the output's encoding does not have it."""


def markup(text: str, limit: int = 500) -> str:
    """`plain`, for a place where rich reads square brackets as its markup."""
    from rich.markup import escape  # noqa: PLC0415 - only where rich draws

    return escape(plain(text, limit))


def prepare() -> None:
    """Make both streams unable to fail on a character. The first thing the program does.

    On Chinese Windows redirected output is GBK: one ✓ would raise, and rich would keep the failing
    text in its buffer so that every later line raised as well.
    """
    codecs.register_error("rowmill.marks", _ascii_mark)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="rowmill.marks")


def print_data(text: str) -> None:
    """One line of data, to stdout."""
    sys.stdout.write(f"{text}\n")


def escaped(text: str) -> str:
    """JSON, or a line that holds some: what stdout cannot show is written as JSON's escapes."""
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
    """One line for a person, to stderr; on a terminal it is folded at words."""
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    print_unwrapped(folded_text(text) if on_terminal else text)


def print_unwrapped(text: str) -> None:
    """The same unfolded: a command or a path, to be copied in one piece."""
    if sys.stderr is not None:  # pythonw and some service managers start without it
        with suppress(OSError):  # its terminal was closed
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


def folded_text(text: str) -> str:
    """A text folded for the terminal, also a question."""
    width = shutil.get_terminal_size().columns
    return "\n".join(folded_line(line, width) for line in text.split("\n"))


def folded_line(line: str, width: int) -> str:
    """A line in pieces that fit, below each other; a label before two spaces keeps its column.

    A word that fits on no line of its own is left for the terminal to cut.
    """
    found = re.match(r"(?: *\S+)? {2,}", line)
    label = found[0] if found and cells(found[0]) <= width // 3 else ""
    return label + folded_beside(label, line[len(label) :], width)


def folded_beside(label: str, text: str, width: int) -> str:
    """A text in pieces that fit beside a label; its further lines stand below its first word."""
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
    """How many columns of a terminal a text takes."""
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
"""What stays on one line: a word, or a Chinese character, with the marks that cling to it.

Compiled when a line is folded, which few commands do: it takes 5 ms.
"""


def flush_streams() -> None:
    """Flush both streams. One whose reader has gone is given up: else the interpreter's own last
    flush would fail, and with it the exit code.
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
    """rich's console on `stream`. `color` is auto, always or never; NO_COLOR counts as never."""
    from rich.console import Console  # noqa: PLC0415 - only where rich draws

    if color == "never" or (color == "auto" and os.environ.get("NO_COLOR")):
        return Console(file=stream, color_system=None, highlight=False, markup=False, emoji=False)
    return Console(
        file=stream,
        force_terminal=True if color == "always" else None,
        no_color=False if color == "always" else None,
        highlight=False,
        markup=False,
        emoji=False,
    )


def is_utf8(stream: TextIO) -> bool:
    """Can this stream show every mark we use?"""
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
