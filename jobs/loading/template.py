"""Fills a user's template, such as `Photo of {{ name }}`, with the cells of a row."""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Self, TypeAlias

from jobs.errors import ExpectedError, Trouble
from jobs.job import JSON
from jobs.loading.columns import list_headers, nearest
from jobs.sheet.finding import Finding, Values, excerpt
from jobs.sheet.names import normalise

# Braces cannot be part of a name, so `{{{ name }}}` is a name between two literal braces.
_SLOT = re.compile(r"\{\{([^{}]*)\}\}")
MAX_BARS = 20  # bars of one slot that may end the name of a column
_BAR = re.compile(r"[|｜]")  # the second is the full-width bar of Chinese keyboards


class TemplateError(ExpectedError):
    """A template that cannot be filled from this sheet."""

    trouble = Trouble.UNUSABLE

    def __init__(self, kind: str, values: Values = (), *, expected: str = "") -> None:
        self.finding = Finding(kind=kind, severity="error", expected=expected, values=values)
        super().__init__(kind, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """A place for one cell, and the text for a blank cell; None if the template gives none."""

    column: int
    default: str | None

    def is_hole(self, cells: Sequence[JSON]) -> bool:
        return self.default is None and _is_blank(cells[self.column])


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
        columns = _Columns(headers)
        for slot in _SLOT.finditer(text):
            pieces += [_literal(text[end : slot.start()]), _slot(slot[1], columns)]
            end = slot.end()
        pieces.append(_literal(text[end:]))
        return cls(pieces=tuple(piece for piece in pieces if piece != ""))

    @property
    def columns(self) -> tuple[int, ...]:
        """Indices of the columns that the template uses, in order of appearance."""
        used = (piece.column for piece in self.pieces if isinstance(piece, _Slot))
        return tuple(dict.fromkeys(used))

    def hole(self, cells: Sequence[JSON]) -> int | None:
        """The first column that is blank and has no default here; None if there is none."""
        for piece in self.pieces:
            if (
                isinstance(piece, _Slot)
                and piece.default is None
                and _is_blank(cells[piece.column])
            ):
                return piece.column
        return None

    def render(self, cells: Sequence[JSON]) -> str:
        """The text for one row."""
        return "".join(
            piece if isinstance(piece, str) else _fill(cells[piece.column], piece.default or "")
            for piece in self.pieces
        )


def slot_names(text: str) -> frozenset[str]:
    """All that a template may mean as the name of a column, before any sheet is known."""
    found: set[str] = set()
    for slot in _SLOT.finditer(text):
        bars = _bars(slot[1])
        found.update(slot[1][:end].strip() for end in (len(slot[1]), *bars))
    return frozenset(found - {""})


def _literal(text: str) -> str:
    if "{{" in text:
        raise TemplateError("template_open", (("at", excerpt(text[text.index("{{") :], 40)),))
    return text


def _bars(inner: str) -> list[int]:
    """The places of the first bars: headers have few, and each is tried as the end of a name."""
    return [bar.start() for bar in islice(_BAR.finditer(inner), MAX_BARS)]


def _slot(inner: str, columns: "_Columns") -> _Slot:
    """A header may contain a bar: the whole text is tried first, then the part before each bar."""
    bars = _bars(inner)
    for end in (len(inner), *bars):
        column = columns.find(inner[:end])
        if column is not None:
            default = inner[end + 1 :].strip() if end < len(inner) else None
            return _Slot(column=column, default=default)
    name = inner[: bars[0]] if bars else inner
    near = nearest(name, columns.headers)
    raise TemplateError(
        "template_unknown_near" if near else "template_unknown",
        (("name", excerpt(name.strip(), 40)), ("near", near)),
        expected=list_headers(columns.headers),
    )


class _Columns:
    """The columns of a sheet by header: a template may have thousands of slots."""

    def __init__(self, headers: Sequence[str]) -> None:
        self.headers = headers
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._plain: dict[str, list[int]] = defaultdict(list)
        for index, header in enumerate(headers):
            self._exact[header.strip()].append(index)
            self._plain[normalise(header)].append(index)

    def find(self, name: str) -> int | None:
        """The column with exactly this header, or else with the same normalised header."""
        name = name.strip()
        plain = normalise(name)
        if not plain:
            return None
        matches = self._exact.get(name) or self._plain.get(plain) or []
        if len(matches) > 1:
            values: Values = (("name", excerpt(name, 40)), ("count", len(matches)))
            raise TemplateError("template_ambiguous", values)
        return matches[0] if matches else None


def _is_blank(cell: JSON) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _fill(cell: JSON, default: str) -> str:
    """Text as it is, other values as JSON, the default for a blank cell."""
    if _is_blank(cell):
        return default
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
