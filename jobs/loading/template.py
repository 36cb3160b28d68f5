"""Fills a user's template, such as `Photo of {{ name }}`, with the cells of a row."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

from jobs.errors import ExpectedError, Trouble
from jobs.job import JSON
from jobs.loading.columns import list_headers, nearest
from jobs.sheet.finding import Finding, Values, excerpt
from jobs.sheet.names import normalise

# Braces cannot be part of a name, so `{{{ name }}}` is a name between two literal braces.
_SLOT = re.compile(r"\{\{([^{}]*)\}\}")
_BAR = re.compile(r"[|｜]")  # the second is the full-width bar of Chinese keyboards


class TemplateError(ExpectedError):
    """A template that cannot be filled from this sheet."""

    trouble = Trouble.UNUSABLE

    def __init__(self, kind: str, values: Values = (), *, expected: str = "") -> None:
        self.finding = Finding(kind=kind, severity="error", expected=expected, values=values)
        super().__init__(kind, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """A place for one cell, and the text for a blank cell."""

    column: int
    default: str


_Piece: TypeAlias = str | _Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A parsed template: no logic, no attributes; cells are data and are never parsed."""

    pieces: tuple[_Piece, ...]

    @classmethod
    def parse(cls, text: str, headers: Sequence[str]) -> Self:
        """Raises TemplateError for a name that is no column, and for `{{` without `}}`.

        An open `{{` is nearly always a typing error that every row would be paid for with. All
        other braces are text.
        """
        pieces: list[_Piece] = []
        end = 0
        for slot in _SLOT.finditer(text):
            pieces += [_literal(text[end : slot.start()]), _slot(slot[1], headers)]
            end = slot.end()
        pieces.append(_literal(text[end:]))
        return cls(pieces=tuple(piece for piece in pieces if piece != ""))

    @property
    def columns(self) -> tuple[int, ...]:
        """Indices of the columns that the template uses, in order of appearance."""
        used = (piece.column for piece in self.pieces if isinstance(piece, _Slot))
        return tuple(dict.fromkeys(used))

    def render(self, cells: Sequence[JSON]) -> str:
        """The text for one row."""
        return "".join(
            piece if isinstance(piece, str) else _fill(cells[piece.column], piece.default)
            for piece in self.pieces
        )


def slot_names(text: str) -> frozenset[str]:
    """All that a template may mean as the name of a column, before any sheet is known."""
    found: set[str] = set()
    for slot in _SLOT.finditer(text):
        bars = [bar.start() for bar in _BAR.finditer(slot[1])]
        found.update(slot[1][:end].strip() for end in (len(slot[1]), *bars))
    return frozenset(found - {""})


def _literal(text: str) -> str:
    if "{{" in text:
        raise TemplateError("template_open", (("at", excerpt(text[text.index("{{") :], 40)),))
    return text


def _slot(inner: str, headers: Sequence[str]) -> _Slot:
    """A header may contain a bar: the whole text is tried first, then the part before each bar."""
    bars = [bar.start() for bar in _BAR.finditer(inner)]
    for end in (len(inner), *bars):
        column = _find(inner[:end], headers)
        if column is not None:
            return _Slot(column=column, default=inner[end + 1 :].strip())
    name = inner[: bars[0]] if bars else inner
    near = nearest(name, headers)
    raise TemplateError(
        "template_unknown_near" if near else "template_unknown",
        (("name", excerpt(name.strip(), 40)), ("near", near)),
        expected=list_headers(headers),
    )


def _find(name: str, headers: Sequence[str]) -> int | None:
    """The column with exactly this header, or else with the same normalised header."""
    name = name.strip()
    plain = normalise(name)
    if not plain:
        return None
    for matches in (
        [index for index, header in enumerate(headers) if header.strip() == name],
        [index for index, header in enumerate(headers) if normalise(header) == plain],
    ):
        if len(matches) > 1:
            values: Values = (("name", excerpt(name, 40)), ("count", len(matches)))
            raise TemplateError("template_ambiguous", values)
        if matches:
            return matches[0]
    return None


def _fill(cell: JSON, default: str) -> str:
    """Text as it is, other values as JSON, the default for a blank cell."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return default
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
