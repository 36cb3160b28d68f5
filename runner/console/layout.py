"""Lays out a page on stdout: headings, facts, tables, code."""

import sys
from collections.abc import Iterable, Sequence

from rich.text import Text

from runner.catalogue.safe_text import plain, visible
from runner.console.screen import console, escaped, folded_line

MAX_LABEL_CELLS = 24
MAX_VALUE_CHARACTERS = 2000  # of one value
MIN_VALUE_CELLS = 20  # beside a label; if there are fewer, the terminal folds


class Page:
    """One page on stdout, as wide as the terminal. It escapes every text it is given."""

    def __init__(self, *, color: str = "auto") -> None:
        self._console = console(sys.stdout, color=color)
        self._begun = False

    @property
    def width(self) -> int:
        """Columns of the terminal."""
        return self._console.width

    def clear(self) -> None:
        """Clear the screen; if there is none, print a blank line."""
        if self._console.is_terminal:
            self._console.clear()
        else:
            self._console.print()

    def title(self, text: str, style: str = "") -> None:
        """The first line."""
        self._console.print(Text(plain(text, MAX_VALUE_CHARACTERS), style=f"bold {style}"))
        self._begun = True

    def heading(self, text: str) -> None:
        """A blank line, then the heading of the next block."""
        if self._begun:
            self._console.print()
        self._begun = True
        self._console.print(Text(plain(text), style="bold"))

    def gap(self) -> None:
        """A blank line."""
        self._console.print()

    def text(self, text: str, style: str = "") -> None:
        """One paragraph, folded at words."""
        shown = folded_line(plain(text, MAX_VALUE_CHARACTERS), self.width)
        self._console.print(Text(shown, style=style), soft_wrap=True)

    def item(self, text: str) -> None:
        """One item of a list; its other lines are aligned with its first word."""
        self._beside(Text("  - "), Text(plain(text, MAX_VALUE_CHARACTERS)))

    def drawn(self, text: Text) -> None:
        """A line that was put together before; its parts are harmless already."""
        self._console.print(text)

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Labels with values beside them."""
        labelled = [(Text(f"  {plain(label, 80)}", style="dim"), value) for label, value in facts]
        widest = min(max((label.cell_len for label, _ in labelled), default=0), MAX_LABEL_CELLS)
        for label, value in labelled:
            label.truncate(widest, overflow="ellipsis", pad=True)
            self._beside(label.append("  "), Text(_lines(value)))

    def _beside(self, label: Text, value: Text) -> None:
        """A label with a value beside it, folded at words and never below the label."""
        room = max(self.width - label.cell_len, MIN_VALUE_CELLS)
        for line in value.wrap(self._console, room, overflow="fold"):
            line.rstrip()
            self._console.print(Text.assemble(label, line), soft_wrap=True)
            label = Text(" " * label.cell_len)

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Rows whose last column folds and whose first is aligned right."""
        from rich.table import Table  # noqa: PLC0415 - takes 4 ms, and most pages have no table

        grid = Table.grid(padding=(0, 2, 0, 0))
        cells = [[Text(plain(cell, MAX_VALUE_CHARACTERS)) for cell in row] for row in rows]
        for place in range(max(map(len, cells), default=0)):
            last = bool(cells) and place == len(cells[0]) - 1
            grid.add_column(
                no_wrap=not last,
                overflow="fold" if last else "ellipsis",
                justify="right" if place == 0 else "left",
            )
        for row in cells:
            grid.add_row(*row)
        self._console.print(grid)

    def code(self, text: str) -> None:
        """Lines to be copied: never folded by us."""
        for line in escaped(visible(text)).split("\n"):
            self._console.print(Text(line), soft_wrap=True)


def _lines(value: str) -> str:
    """The value with its line breaks: they cannot fake a label, since they are indented."""
    lines = value[: MAX_VALUE_CHARACTERS + 1].replace("\r\n", "\n").split("\n")
    shown = "\n".join(plain(line, MAX_VALUE_CHARACTERS) for line in lines).rstrip("\n")
    return shown if len(value) <= MAX_VALUE_CHARACTERS else f"{shown}…"


def flowed(items: Sequence[Text], width: int) -> Text:
    """Items side by side, on as many lines as they need; no item is broken."""
    text, used = Text(), 0
    for item in items:
        gap = "" if not text else "  " if used + 2 + item.cell_len <= width else "\n"
        used = item.cell_len + (used + 2 if gap == "  " else 0)
        text.append(gap).append_text(item)
    return text
