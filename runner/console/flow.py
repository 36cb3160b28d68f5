"""Pieces of text side by side, as wide as the terminal."""

from collections.abc import Sequence

from rich.text import Text


def flowed(items: Sequence[Text], width: int) -> Text:
    """Items side by side, on as many lines as they take; none is broken."""
    text, used = Text(), 0
    for item in items:
        gap = "" if not text else "  " if used + 2 + item.cell_len <= width else "\n"
        used = item.cell_len + (used + 2 if gap == "  " else 0)
        text.append(gap).append_text(item)
    return text
