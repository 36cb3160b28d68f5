"""Scans the XML of a workbook's tab for what calamine does not report."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape

from jobs.sheet.workbook.formats import odd_styles, shows_itself
from jobs.sheet.workbook.package import PREFIX, Package, attributes

CellPlace = tuple[int, int]
"""Row and column of a cell, both from 0."""

MAX_CELL_BYTES = 5_000  # from the start tag of a cell to what was found in it
MAX_LISTED_STYLES = 300  # more in one pattern would be slower than looking at every cell
MAX_ROW_BYTES = 1 << 25  # one row is kept in memory up to this size

_P = PREFIX.encode()
_CELL_END = re.compile(rb"</" + _P + rb"c>")
_ROW = re.compile(rb"<" + _P + rb"row\s([^>]{0,2000})>")
_COLUMN = re.compile(rb"<" + _P + rb"col\s([^>]{0,2000})>")
_REFERENCE = re.compile(rb"""\br=["']([A-Z]{1,3})(\d{1,7})["']""")
_STYLE = re.compile(rb"""\bs=["'](\d+)["']""")
_RICH = re.compile(rb"""\bvm=["'](\d+)["']""")
_VALUE = re.compile(rb"<" + _P + rb"v(?:\s[^>]{0,200})?>([^<]*)<")
_FORMULA = re.compile(rb"<" + _P + rb"f[\s/>]")
_IMAGE = re.compile(r'DISPIMG\(\s?"([^"]{1,200})"')
_LONG_NUMBER = re.compile(rb"v>-?(?:\d{16}|\d(?:\.\d+)?E\+(?:1[5-9]|[2-9]\d|\d{3}))")
_WIDE = re.compile(rb"""\br=["']([A-Z]{2,3})\d""")
_MAYBE_WIDE = re.compile(rb"""r=["'][A-Z]{2}""")  # many times faster, as are the marks below
_HEAD_MARKS = (b'="e"', b"='e'", b"vm=")
_FORMULA_MARKS = (b"<f", b":f")
_HIDDEN = re.compile(rb"""\bhidden=["'](?:1|true)["']""")
_NO_HEIGHT = re.compile(rb"""\bht=["']0(?:\.0{1,9})?["']""")  # hidden as well
_NO_HEIGHT_MARKS = (b'ht="0', b"ht='0")
_ROW_NUMBER = re.compile(rb"<" + _P + rb"row\s[^>]{0,500}?\br=[\"'](\d{1,7})[\"']")


@dataclass(slots=True, kw_only=True)
class OddColumn:
    """Cells of one column that show something other than they hold."""

    row: int
    code: str
    value: str
    count: int = 0


@dataclass(slots=True, kw_only=True)
class TabScan:
    """What the XML of one tab says. `height` and `width` are those of the used area."""

    errors: dict[CellPlace, str] = field(default_factory=dict)
    uncalculated: set[CellPlace] = field(default_factory=set)
    rounded: dict[CellPlace, str] = field(default_factory=dict)
    odd: dict[int, OddColumn] = field(default_factory=dict)
    # Pictures in cells, as Excel numbers them.
    rich: dict[CellPlace, int] = field(default_factory=dict)
    images: dict[CellPlace, str] = field(default_factory=dict)  # and as WPS names them
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)
    texts: dict[CellPlace, str] = field(default_factory=dict)  # texts that the reader gets wrong
    # Merged areas, for formats of which the reader gives none.
    merged: list[tuple[CellPlace, CellPlace]] = field(default_factory=list)
    height: int = 0
    width: int = 1
    cells: int = 0


def scan_tab(package: Package, part: str) -> TabScan:
    """One pass over the tab. A piece without anything odd costs a few searches."""
    scanner = _Scanner(odd_styles(package.text("xl/styles.xml")))
    tail = b""
    for piece in package.pieces(part):
        text = tail + piece
        cut = max(text.rfind(b"</row>"), text.rfind(b":row>"))
        end = text.find(b">", cut) + 1 if cut >= 0 else len(text) * (len(text) > MAX_ROW_BYTES)
        scanner.look(text[:end])
        tail = text[end:]
    scanner.look(tail)
    return scanner.scan


def column_number(letters: bytes) -> int:
    """A → 0, AA → 26."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _is_unknown(head: bytes, value: re.Match[bytes] | None, body: bytes) -> bool:
    """True if a formula has no result. An empty text is a result, marked as such."""
    if value is not None and value[1]:
        return False
    return b'"str"' not in head and b"'str'" not in head and b"<is>" not in body


def _cell_before(text: bytes, at: int) -> int:
    """The offset of the start tag of the cell around `at`; -1 if there is none."""
    low = max(at - MAX_CELL_BYTES, 0)
    return max(text.rfind(b"<c ", low, at), text.rfind(b":c ", low, at))


def _end_of_cell(text: bytes, start: int, limit: int) -> int:
    """The offset at which a cell's content ends; a cell without content ends with its tag.

    `limit` is where the next cell starts, beyond which nothing is searched.
    """
    tag = text.find(b">", start, limit)
    if tag < 0 or text[tag - 1 : tag] == b"/":
        return tag + 1 if tag >= 0 else limit
    end = _CELL_END.search(text, tag, limit)
    return end.start() if end else limit


class _Scanner:
    """Scans the XML in pieces that end between rows."""

    def __init__(self, odd: Mapping[int, str]) -> None:
        self.scan = TabScan()
        self._codes = {str(number).encode(): code for number, code in odd.items()}
        numbers = b"|".join(self._codes) if len(self._codes) <= MAX_LISTED_STYLES else rb"\d+"
        told = rb"""t=["']e["']|vm=["']""" + (b"|s=[\"'](?:" + numbers + b")[\"']" if odd else b"")
        self._head = re.compile(rb"<" + _P + rb"c\s[^>]{0,300}?\b(?:" + told + rb")")

    def look(self, text: bytes) -> None:
        scan = self.scan
        scan.cells += text.count(b"<c ") + text.count(b":c ")
        self._measure(text)
        if b"hidden=" in text or any(mark in text for mark in _NO_HEIGHT_MARKS):
            self._hidden(text)
        self._cells(text)

    def _measure(self, text: bytes) -> None:
        """Extend the area that calamine would allocate: the last row and the rightmost column."""
        for found in _ROW_NUMBER.finditer(text, max(text.rfind(b"<row "), 0)):
            self.scan.height = max(self.scan.height, int(found[1]))
        self.scan.width = max(self.scan.width, 26)
        for wide in set(_WIDE.findall(text)) if _MAYBE_WIDE.search(text) else ():
            self.scan.width = max(self.scan.width, column_number(wide) + 1)

    def _hidden(self, text: bytes) -> None:
        for tag in _ROW.findall(text):
            unseen = _HIDDEN.search(tag) or _NO_HEIGHT.search(tag)
            if unseen and (number := attributes(tag.decode()).get("r", "")):
                self.scan.hidden_rows.append(int(number))
        for tag in _COLUMN.findall(text):
            if _HIDDEN.search(tag):
                one = attributes(tag.decode())
                first, last = int(one.get("min", "1")), int(one.get("max", "1"))
                self.scan.hidden_columns += range(first - 1, min(last, first + 255))

    def _cells(self, text: bytes) -> None:
        """Look only at cells with a sign of something odd: a few among a million in most sheets."""
        starts: set[int] = set()
        if self._codes or any(mark in text for mark in _HEAD_MARKS):
            starts.update(found.start() for found in self._head.finditer(text))
        inner = [_LONG_NUMBER]
        if any(mark in text for mark in _FORMULA_MARKS):
            inner.append(_FORMULA)
        for pattern in inner:
            starts.update(_cell_before(text, found.start()) for found in pattern.finditer(text))
        places = sorted(starts - {-1})
        for start, limit in zip(places, [*places[1:], len(text)], strict=False):
            head, _, body = text[start : _end_of_cell(text, start, limit)].partition(b">")
            at = _REFERENCE.search(head)
            if at is not None:
                self._cell((int(at[2]) - 1, column_number(at[1])), head, body)

    def _cell(self, place: CellPlace, head: bytes, body: bytes) -> None:
        scan = self.scan
        value = _VALUE.search(body)
        formula = _FORMULA.search(body) is not None
        if formula and b"DISPIMG" in body and (name := _IMAGE.search(unescape(body.decode()))):
            scan.images[place] = name[1]
        elif b"vm=" in head and (rich := _RICH.search(head)):
            scan.rich[place] = int(rich[1])
        elif b't="e"' in head or b"t='e'" in head:
            scan.errors[place] = unescape(value[1].decode()) if value else "#VALUE!"
        elif formula and _is_unknown(head, value, body):
            scan.uncalculated.add(place)
        elif value is not None and b" t=" not in head.replace(b' t="n"', b""):
            self._number(place, head, value[1].decode())

    def _number(self, place: CellPlace, head: bytes, value: str) -> None:
        if _LONG_NUMBER.match(b"v>" + value.encode()):
            self.scan.rounded[place] = value
        style = _STYLE.search(head) if self._codes else None
        code = self._codes.get(style[1]) if style else None
        if code is not None and not shows_itself(code, value):
            first = OddColumn(row=place[0], code=code, value=value)
            self.scan.odd.setdefault(place[1], first).count += 1
