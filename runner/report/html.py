"""HTML that is safe from injection: everything but `Html` is escaped, and keys are masked."""

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from runner.secret import redacted

VOID_ELEMENTS = frozenset({"br", "hr", "img", "input", "meta"})


class Html(str):
    """Text that is already markup. Only this module and the page's assets create it."""

    __slots__ = ()


Child: TypeAlias = "str | int | Iterable[Child] | None"
Attribute: TypeAlias = "str | int | bool | None"


def el(name: str, *children: Child, **attributes: Attribute) -> Html:
    """An element. `class_` becomes class, `aria_label` aria-label; None and False are left out."""
    words = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        word = key.rstrip("_").replace("_", "-")
        words.append(word if value is True else f'{word}="{_safe(value)}"')
    opening = f"<{' '.join(words)}>"
    return Html(opening if name in VOID_ELEMENTS else f"{opening}{joined(children)}</{name}>")


def joined(children: Iterable[Child]) -> Html:
    """Pieces of markup joined."""
    return Html("".join(map(_markup, children)))


def _markup(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return str(child)
    if isinstance(child, str | int):
        return _safe(child)
    return joined(child)


def _safe(value: str | int) -> str:
    return escape(redacted(str(value)))


def script_json(text: str) -> Html:
    """JSON for a script element: nothing in it can end that element."""
    safe = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return Html(safe)
