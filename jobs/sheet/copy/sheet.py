"""Adds columns to the XML of one worksheet, and changes nothing else in it."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias
from xml.sax.saxutils import escape

from jobs.sheet.copy.parts import UnfitWorkbookError
from jobs.sheet.names import letter
from jobs.sheet.workbook.scan import column_number
from jobs.sheet.write.cells import clean

CHUNK_BYTES = 1 << 20
MAX_COLUMNS = 16_384
MAX_HELD_BYTES = 100_000_000  # of one row, and of what precedes the rows
# No pattern passes a `<`: a search that starts at each of them stays linear.
_ROW = re.compile(rb"<row\b[^<>]*>")
_CELL = re.compile(rb"<c\b([^<>]*)>")
_REFERENCE = re.compile(rb'\br="([A-Z]{1,3})[0-9]+"')
_NUMBER = re.compile(rb'\br="([0-9]+)"')
_STYLE = re.compile(rb'\bs="([0-9]+)"')
_SPANS = re.compile(rb'\sspans="[^"]*"')
_DIMENSION = re.compile(rb'(<dimension\b[^<>]{0,500}?\bref=")([^"<>]{0,100})(")')
_LAST_COLUMN = re.compile(rb'<col\b[^<>]{0,500}?\bmax="([0-9]{1,9})"')
_ODD = (b"<!--", b"<![CDATA[", b"<!DOCTYPE", b"<!ENTITY", b'encoding="UTF-16', b"encoding='UTF-16")
_ESCAPED = re.compile(r"_x[0-9A-Fa-f]{4}_")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")  # of XML, these need an escape of Excel's own

CellValue: TypeAlias = str | int | float | None
AddedRow: TypeAlias = tuple[int, Sequence[CellValue]]
"""A row's number, and the values to be added to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedColumns:
    """The added columns: index of the first, headers, widths."""

    first: int
    header_row: int
    headers: Sequence[str]
    widths: Sequence[int]


def used_columns(source: BinaryIO) -> int:
    """The number of columns that hold cells. Raises UnfitWorkbookError for odd XML."""
    last = 0
    names: dict[bytes, int] = {}
    for piece in _pieces(source):
        for word in _ODD:
            if word in piece:
                raise UnfitWorkbookError("copy_unusual")
        for attributes in _CELL.findall(piece):
            found = _REFERENCE.search(attributes)
            if found is None:
                raise UnfitWorkbookError("copy_unplaced_cells")
            name = found[1]
            if name not in names:
                names[name] = column_number(name) + 1
                last = max(last, names[name])
    return last


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    """The stream in pieces that do not end inside a tag."""
    rest = b""
    while chunk := source.read(CHUNK_BYTES):
        whole = rest + chunk
        end = whole.rfind(b">") + 1
        yield whole[:end]
        rest = whole[end:]
    yield rest


def add_columns(
    source: BinaryIO,
    write: Callable[[bytes], object],
    added: AddedColumns,
    lines: Iterator[AddedRow],
) -> None:
    """Copy a worksheet with cells added at the end of its rows.

    `lines` come in row order; the header row and every row named must exist.
    """
    if added.first + len(added.headers) > MAX_COLUMNS:
        raise UnfitWorkbookError("copy_no_room")
    scan = _Scan(source)
    head = scan.until(b"<sheetData")
    write(_head(head, added))
    pending = _Pending(added, lines)
    for row in scan.rows(write):
        write(_row(row, pending))
    if pending.number is not None:
        raise UnfitWorkbookError("copy_no_row", row=pending.number)
    scan.rest(write)


class _Pending:
    """The next row to be added, starting with the header."""

    def __init__(self, added: AddedColumns, lines: Iterator[AddedRow]) -> None:
        self.added = added
        self.names = [letter(added.first + place) for place in range(len(added.headers))]
        self._lines = lines
        self._header = True
        self._line: AddedRow | None = (added.header_row, list(added.headers))

    @property
    def number(self) -> int | None:
        """The number of the row that comes next; None at the end."""
        return self._line[0] if self._line is not None else None

    def take(self, number: int, last_style: bytes | None) -> bytes:
        """The cells for this row, if it is the next one."""
        if self._line is None or self._line[0] != number:
            if self._line is not None and number > self._line[0]:
                raise UnfitWorkbookError("copy_no_row", row=self._line[0])
            return b""
        style = last_style if self._header else None
        text = cells_xml(number, self.names, self._line[1], style=style)
        self._header = False
        self._line = next(self._lines, None)
        return text


def _row(row: tuple[bytes, bytes], pending: _Pending) -> bytes:
    opening, content = row
    found = _NUMBER.search(opening)
    if found is None:
        raise UnfitWorkbookError("copy_unplaced_rows")
    number = int(found[1])
    styles = _STYLE.findall(content[content.rfind(b"<c ") :]) if content else []
    cells = pending.take(number, styles[0] if styles else None)
    if not cells:
        return opening + content if content else opening
    opening = _SPANS.sub(b"", opening)
    if opening.endswith(b"/>"):
        return opening[:-2].rstrip() + b">" + cells + b"</row>"
    return opening + content[: -len(b"</row>")] + cells + b"</row>"


class _Scan:
    """Reads a worksheet's XML row by row, in constant memory."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._held = b""
        self._at = 0  # what precedes it is done with

    def _more(self) -> bool:
        chunk = self._source.read(CHUNK_BYTES)
        self._held = self._held[self._at :] + chunk
        self._at = 0
        if len(self._held) > MAX_HELD_BYTES:
            raise UnfitWorkbookError("copy_unusual")
        return bool(chunk)

    def _take(self, end: int) -> bytes:
        """Everything up to an offset in what is held."""
        taken, self._at = self._held[self._at : end], end
        return taken

    def until(self, tag: bytes) -> bytes:
        """Everything before a tag."""
        return self._take(self._find(tag, UnfitWorkbookError("copy_unusual")))

    def rows(self, write: Callable[[bytes], object]) -> Iterator[tuple[bytes, bytes]]:
        """Each row as opening tag and content with closing tag (empty for a self-closed row)."""
        while (opening := self._next_tag(write)) is not None:
            if opening.endswith(b"/>"):
                yield opening, b""
            else:
                end = self._find(b"</row>", UnfitWorkbookError("copy_cut")) + len(b"</row>")
                yield opening, self._take(end)

    def _next_tag(self, write: Callable[[bytes], object]) -> bytes | None:
        """The next row's tag, after writing what precedes it; None after the last row."""
        while True:
            found = _ROW.search(self._held, self._at)
            limit = found.start() if found is not None else len(self._held)
            if self._held.find(b"</sheetData", self._at, limit) >= 0:
                return None
            if found is not None:
                write(self._take(found.start()))
                return self._take(found.end())
            if not self._more():
                return None

    def _find(self, tag: bytes, error: UnfitWorkbookError) -> int:
        """The offset of a tag. Raises the error if there is none."""
        start = self._at
        while (place := self._held.find(tag, start)) < 0:
            known = len(self._held) - self._at  # that is searched already
            if not self._more():
                raise error
            start = max(known - len(tag), 0)
        return place

    def rest(self, write: Callable[[bytes], object]) -> None:
        """Write everything after the rows."""
        write(self._take(len(self._held)))
        while chunk := self._source.read(CHUNK_BYTES):
            write(chunk)


def _head(head: bytes, added: AddedColumns) -> bytes:
    last = letter(added.first + len(added.headers) - 1)

    def wider(found: re.Match[bytes]) -> bytes:
        first, _, end = found[2].decode().partition(":")
        row = re.sub(r"[A-Z$]", "", end or first)
        return found[1] + f"{first}:{last}{row}".encode() + found[3]

    head = _DIMENSION.sub(wider, head, count=1)
    columns = b"".join(
        f'<col min="{added.first + at}" max="{added.first + at}" width="{width}"'
        ' customWidth="1"/>'.encode()
        for at, width in enumerate(added.widths, 1)
    )
    if b"</cols>" not in head:
        return head if b"<cols" in head else head + b"<cols>" + columns + b"</cols>"
    taken = max(map(int, _LAST_COLUMN.findall(head)), default=0)
    return head.replace(b"</cols>", columns + b"</cols>", 1) if taken <= added.first else head


def cells_xml(
    number: int, names: Sequence[str], values: Sequence[CellValue], *, style: bytes | None = None
) -> bytes:
    """Cells of one row as XML. Every text is an inline string, and nothing is a formula."""
    styled = f' s="{style.decode()}"' if style else ""
    pieces = []
    for name, value in zip(names, values, strict=True):
        if value is None or value == "":
            continue
        if isinstance(value, str):
            pieces.append(
                f'<c r="{name}{number}"{styled} t="inlineStr"><is><t xml:space="preserve">'
                f"{_text(value)}</t></is></c>"
            )
        else:
            pieces.append(f'<c r="{name}{number}"{styled}><v>{value!r}</v></c>')
    return "".join(pieces).encode()


def _text(text: str) -> str:
    fit, _ = clean(text)
    fit = _ESCAPED.sub(lambda found: f"_x005F{found[0]}", fit)
    return _CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", escape(fit))
