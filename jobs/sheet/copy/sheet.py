"""Adds columns to the XML of one worksheet, and changes nothing else in it."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias
from xml.sax.saxutils import escape

from jobs.sheet.copy.parts import MAX_XML_BYTES, UnfitWorkbookError
from jobs.sheet.copy.pictures import TabFiles
from jobs.sheet.copy.rows import Cells, column_pixels, row_pixels
from jobs.sheet.names import letter
from jobs.sheet.workbook.scan import column_number
from jobs.sheet.write.cells import clean

CHUNK_BYTES = 1 << 20
MAX_COLUMNS = 16_384
MAX_HELD_BYTES = 100_000_000  # of one row, and of what precedes the rows
# No pattern passes a `<`: a search that starts at each of them stays linear.
_ROW = re.compile(rb"<row\b[^<>]*>")
_ROOT = re.compile(rb"<worksheet\b[^<>]*>")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedRow:
    """A row's number, the values to be added to it, and its picture and link."""

    number: int
    values: Sequence[CellValue]
    picture: Path | None = None
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedColumns:
    """The added columns: index of the first, headers, widths.

    The first two hold pictures and links if `add_columns` is given the tab's files.
    """

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
    *,
    files: TabFiles | None = None,
) -> None:
    """Copy a worksheet with cells added at the end of its rows.

    `lines` come in row order; the header row and every row named must exist. `files` takes the
    pictures and links of the rows.
    """
    if added.first + len(added.headers) > MAX_COLUMNS:
        raise UnfitWorkbookError("copy_no_room")
    scan = _Scan(source)
    head = _head(scan.until(b"<sheetData"), added)
    write(head)
    pending = _Pending(added, lines)
    shown = _Shown(files, added.first, head) if files is not None else None
    for row in scan.rows(write):
        write(_row(row, pending, shown))
    if pending.number is not None:
        raise UnfitWorkbookError("copy_no_row", row=pending.number)
    if files is None:
        scan.rest(write)
        return
    root = _ROOT.search(head)
    if root is None:
        raise UnfitWorkbookError("copy_unusual")
    tail: list[bytes] = []
    scan.rest(tail.append, most=MAX_XML_BYTES)
    write(files.behind_rows(root[0], b"".join(tail)))


class _Shown:
    """Puts pictures and links of rows into their cells."""

    def __init__(self, files: TabFiles, column: int, head: bytes) -> None:
        self._files = files
        self._cells = Cells(
            column=column,
            width=column_pixels(head, column),
            row_height=row_pixels(head),
            kept_rows=files.kept_rows,
        )

    def add(self, line: AddedRow, opening: bytes) -> bytes:
        """Take a row's files; return its tag, high enough for the picture."""
        self._files.link(line.number, self._cells.column + 1, line.link)
        if line.picture is None:
            return opening
        opening, anchored = self._cells.fitted(line.number, opening, line.picture)
        if anchored is not None:
            self._files.pictures.append(anchored)
        return opening


class _Pending:
    """The next row to be added, starting with the header."""

    def __init__(self, added: AddedColumns, lines: Iterator[AddedRow]) -> None:
        self.added = added
        self.names = [letter(added.first + place) for place in range(len(added.headers))]
        self._lines = lines
        self._header = True
        self._line: AddedRow | None = AddedRow(number=added.header_row, values=list(added.headers))

    @property
    def number(self) -> int | None:
        """The number of the row that comes next; None at the end."""
        return self._line.number if self._line is not None else None

    def take(self, number: int, last_style: bytes | None) -> tuple[AddedRow | None, bytes]:
        """The line for this row and its cells, if it is the next one."""
        line = self._line
        if line is None or line.number != number:
            if line is not None and number > line.number:
                raise UnfitWorkbookError("copy_no_row", row=line.number)
            return None, b""
        style = last_style if self._header else None
        text = cells_xml(number, self.names, line.values, style=style)
        self._header = False
        self._line = next(self._lines, None)
        return line, text


def _row(row: tuple[bytes, bytes], pending: _Pending, shown: _Shown | None) -> bytes:
    opening, content = row
    found = _NUMBER.search(opening)
    if found is None:
        raise UnfitWorkbookError("copy_unplaced_rows")
    number = int(found[1])
    styles = _STYLE.findall(content[content.rfind(b"<c ") :]) if content else []
    line, cells = pending.take(number, styles[0] if styles else None)
    if line is None or not cells:
        return opening + content if content else opening
    opening = _SPANS.sub(b"", opening)
    if shown is not None:
        opening = shown.add(line, opening)
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

    def rest(self, write: Callable[[bytes], object], *, most: int | None = None) -> None:
        """Write everything after the rows. Raises UnfitWorkbookError if it is more than `most`."""
        chunk = self._take(len(self._held))
        size = 0
        while chunk:
            size += len(chunk)
            if most is not None and size > most:
                raise UnfitWorkbookError("copy_unusual")
            write(chunk)
            chunk = self._source.read(CHUNK_BYTES)


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
