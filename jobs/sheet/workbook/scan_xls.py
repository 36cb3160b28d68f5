"""Scans the records of an old Excel workbook's tab for what calamine does not report."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from struct import unpack_from

from jobs.sheet.workbook.compound import read_stream
from jobs.sheet.workbook.scan import CellPlace, TabScan

_BIFF8 = 0x0600
_HIDDEN_ROW = 0x20
_RECALCULATE = 0x02  # the program that opens the file has to calculate the formula
_TEXT, _ERROR = 0, 2  # kinds of a formula's result other than a number
_EXACT = 1e15  # larger numbers have lost digits
_ERRORS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!",
    0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A",
}  # fmt: skip
_JOINED = b"\x08"  # the operator &
_FIXED_CALLS, _CALLS = (b"\x21", b"\x41", b"\x61"), (b"\x22", b"\x42", b"\x62")
_TEXT_FUNCTIONS = frozenset({30, 31, 48, 111, 112, 113, 114, 115, 116, 118, 120, 336})
"""REPT, MID, TEXT, CHAR, LOWER, UPPER, PROPER, LEFT, RIGHT, TRIM, SUBSTITUTE, CONCATENATE."""
_CELLS = frozenset({0x0006, 0x0201, 0x0203, 0x0204, 0x0205, 0x027E, 0x00BD, 0x00BE, 0x00D6, 0x00FD})
"""All records of cells: formulas, numbers, texts, errors, blanks."""
_DRAWINGS = 0x00EB  # the part of drawings that all tabs share
_PICTURE = b"\x07\xf0"  # the mark of a picture in it
_Record = tuple[int, int, int]
"""Kind, offset of the content, length of the content."""


class _Kind(IntEnum):
    """The records that the scan reads."""

    BOF = 0x0809
    EOF = 0x000A
    BOUNDSHEET = 0x0085
    FORMULA = 0x0006
    STRING = 0x0207  # the result of the preceding formula, if it is a text
    BOOLERR = 0x0205
    NUMBER = 0x0203
    ROW = 0x0208
    COLINFO = 0x007D


@dataclass(frozen=True, slots=True, kw_only=True)
class OldBook:
    """The records of a workbook of Excel 97 to 2003."""

    raw: bytes
    tabs: Mapping[str, int]  # name → offset of its records
    pictured: bool

    def scan(self, name: str) -> TabScan:
        """Scan one tab."""
        scanner = _Scanner(self.raw)
        for record in _records(self.raw, self.tabs[name]):
            scanner.take(*record)
        return scanner.finished()

    def areas(self) -> Iterator[TabScan]:
        """The used area of each tab, which calamine allocates whole."""
        left = len(self.raw) // 4  # records, of four bytes at least, if no tab lies over another
        for begin in self.tabs.values():
            area = TabScan()
            for kind, at, length in _records(self.raw, begin):
                left -= 1
                if left < 0:
                    raise ValueError("tabs that overlap")
                if kind in _CELLS and length >= 4:
                    row, column = unpack_from("<HH", self.raw, at)
                    area.cells += 1
                    area.height = max(area.height, row + 1)
                    area.width = max(area.width, column + 1)
            yield area


def old_book(path: Path) -> OldBook | None:
    """The workbook at `path`; None if it is older or no such workbook."""
    raw = read_stream(path, ("Workbook",))
    if raw is None:
        return None
    tabs: dict[str, int] = {}
    pictured = False
    for kind, at, length in _records(raw, 0):
        if kind == _Kind.BOF and unpack_from("<H", raw, at)[0] != _BIFF8:
            return None
        if kind == _Kind.BOUNDSHEET and length > 8:
            name = _text(raw, at + 6, at + length, wide=False)
            tabs[name or ""] = unpack_from("<I", raw, at)[0]
        pictured |= kind == _DRAWINGS and _PICTURE in raw[at : at + length]
    return OldBook(raw=raw, tabs=tabs, pictured=pictured)


def _records(raw: bytes, at: int) -> Iterator[_Record]:
    """The records from `at` to the matching end; charts inside a tab are skipped."""
    depth = 0
    while at + 4 <= len(raw):
        kind, length = unpack_from("<HH", raw, at)
        depth += (kind == _Kind.BOF) - (kind == _Kind.EOF)
        if depth == 1 and at + 4 + length <= len(raw):
            yield kind, at + 4, length
        if depth < 1:
            return
        at += 4 + length


def _text(raw: bytes, at: int, end: int, *, wide: bool) -> str | None:
    """A text with its length before it (two bytes if `wide`); None if it is cut."""
    length = int.from_bytes(raw[at : at + 1 + wide], "little")
    at += 1 + wide
    size, codec = (2, "utf-16-le") if raw[at] & 1 else (1, "latin-1")
    found = raw[at + 1 : at + 1 + length * size]
    return found.decode(codec, "replace") if at + 1 + length * size <= end else None


class _Scanner:
    """Reads the records of one tab in their order."""

    def __init__(self, raw: bytes) -> None:
        self.scan = TabScan()
        self._raw = raw
        self._awaits: CellPlace | None = (
            None  # a formula whose text result follows in the next record
        )

    def take(self, kind: int, at: int, length: int) -> None:
        raw = self._raw
        match kind:
            case _Kind.FORMULA if length >= 16:
                self._formula(at)
            case _Kind.STRING if self._awaits is not None:
                text = _text(raw, at, at + length, wide=True)
                if text is not None:
                    self.scan.texts[self._awaits] = text
                    self._awaits = None
            case _Kind.BOOLERR if length >= 8 and raw[at + 7]:
                self.scan.errors[self._place(at)] = _ERRORS.get(raw[at + 6], "#VALUE!")
            case _Kind.NUMBER if length >= 14:
                self._number(self._place(at), at + 6)
            case _Kind.ROW if length >= 16 and raw[at + 12] & _HIDDEN_ROW:
                self.scan.hidden_rows.append(unpack_from("<H", raw, at)[0] + 1)
            case _Kind.COLINFO if length >= 10 and raw[at + 8] & 1:
                first, last = unpack_from("<HH", raw, at)
                self.scan.hidden_columns += range(first, min(last, 255) + 1)
            case _:
                return

    def finished(self) -> TabScan:
        self._unread()
        return self.scan

    def _formula(self, at: int) -> None:
        self._unread()
        raw, place = self._raw, self._place(at)
        if raw[at + 12 : at + 14] != b"\xff\xff":
            self._number(place, at + 6)
            if not any(raw[at + 6 : at + 14]) and (
                raw[at + 14] & _RECALCULATE or self._gives_text(at)
            ):
                self.scan.uncalculated.add(place)  # the 0 that a program writes without calculating
        elif raw[at + 6] == _TEXT:
            self._awaits = place
        elif raw[at + 6] == _ERROR:
            self.scan.errors[place] = _ERRORS.get(raw[at + 8], "#VALUE!")

    def _gives_text(self, at: int) -> bool:
        """True if the last operation of a formula gives a text, so that 0 cannot be its result."""
        (length,) = unpack_from("<H", self._raw, at + 20)
        last = self._raw[at + 22 : at + 22 + length]
        called = last[-3:-2], last[-4:-3]  # with a fixed, or a variable, number of arguments
        number = int.from_bytes(last[-2:], "little")
        is_call = called[0] in _FIXED_CALLS or called[1] in _CALLS
        return last[-1:] == _JOINED or (is_call and number in _TEXT_FUNCTIONS)

    def _unread(self) -> None:
        """Mark a formula whose text result is missing."""
        if self._awaits is not None:
            self.scan.uncalculated.add(self._awaits)
        self._awaits = None

    def _number(self, place: CellPlace, at: int) -> None:
        value: float = unpack_from("<d", self._raw, at)[0]
        if abs(value) >= _EXACT:
            self.scan.rounded[place] = repr(value)

    def _place(self, at: int) -> CellPlace:
        row, column = unpack_from("<HH", self._raw, at)
        return row, column
