"""Reads csv and tsv sheets: cells as written, rows never cut and never shifted."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from jobs.job import JSON
from jobs.sheet.area import Area
from jobs.sheet.block import MAX_BLOCK_CHARACTERS, rows_per_block
from jobs.sheet.damage import noting_damage
from jobs.sheet.finding import Finding, SheetError, excerpt
from jobs.sheet.header import SEARCHED_ROWS, find_header, header_findings
from jobs.sheet.layout import Layout, NeededColumns, Note, Row, RowGroup, RowSource, Sheet
from jobs.sheet.names import KnownHeader, is_known
from jobs.sheet.text.decode import open_text, undecodable
from jobs.sheet.text.delimiters import (
    SEPARATOR_LINE,
    best_delimiter,
    has_spaced_quotes,
    read_delimiter,
)
from jobs.sheet.text.encodings import Encoding
from jobs.sheet.text.quote_folds import QuoteFolds, ShortRows, lines_in
from jobs.sheet.text.safe_csv import is_marked, safe_finding, unsafed

if TYPE_CHECKING:
    import _csv  # the type of csv.reader has no public name

SAMPLE_CHARACTERS = 1 << 18  # from the start of the file, to find the delimiter
MAX_BLANKS = 40  # between a delimiter and a quote
ROWS_PER_READ = 10  # between two checks of how much text was read

# A picture as a data URI in a cell passes the module's own limit of 128 KiB. sys.maxsize would
# overflow where a C long has 32 bits, as on Windows.
csv.field_size_limit(2**31 - 1)

# Passed to csv as the delimiter of one-column sheets: a noncharacter, which no text contains.
_NEVER = "\ufdd0"
_CURLY = frozenset("“”„‟«»＂")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dialect:
    """How one delimited file is parsed."""

    path: Path
    encoding: str
    delimiter: str | None
    plain: bool = False  # quotes are text
    spaced: bool = False  # blanks after a delimiter are not part of the cell
    skip: int = 0  # physical lines before the first row: Excel's sep= line
    header: int = 0  # rows before the header
    headers: tuple[str, ...] = ()


def open_delimited(
    path: Path,
    encoding: Encoding,
    *,
    format: str,  # noqa: A002 - as in reader.open_sheet
    given: str | None = None,
    known: KnownHeader = is_known,
) -> Sheet:
    """A csv or tsv sheet in a known encoding. `given` is the value of --delimiter."""
    sample, separator = _sample(path, encoding.name)
    delimiter = (
        separator or _guessed_delimiter(sample, format, known)
        if given is None
        else _given_delimiter(path, given)
    )
    dialect = _Dialect(
        path=path, encoding=encoding.name, delimiter=delimiter, skip=1 if separator else 0
    )
    findings = list(encoding.findings)
    if delimiter == "\t" or format == "tsv":
        bare = _plain_quotes_finding(dialect)
        if bare is not None:
            findings.append(bare)
            dialect = replace(dialect, plain=True)
    if (spaced := _spaced_quotes_finding(dialect)) is not None:
        findings.append(spaced)
        dialect = replace(dialect, spaced=spaced.severity == "note")
    top = _top(dialect)
    header = find_header(top, known)
    if header is None:
        raise SheetError(path, [_nothing_in_it()])
    Area().check(path, len(top[header]))
    findings += header_findings(top, header, known)
    dialect = replace(dialect, header=header, headers=tuple(top[header]))
    layout = Layout(
        format=format,
        encoding=encoding.label,
        delimiter=delimiter,
        header_row=header + 1,
        headers=dialect.headers,
    )
    safe = None
    if is_marked(sample, delimiter):
        safe = safe_finding(dialect.headers, lambda: _rows(dialect, lambda _: None))
        findings += [safe] if safe else []
    excel_damage = encoding.excel_damage
    source = _source(dialect, excel_damage=excel_damage, safe=safe is not None)
    plain = safe is None and not excel_damage
    together = partial(_row_groups, dialect) if plain else None
    return Sheet(path, layout, source=source, together=together, findings=tuple(findings))


def _source(dialect: _Dialect, *, excel_damage: bool, safe: bool) -> RowSource:
    """The rows; cells are inspected only if the file shows damage by Excel, or --safe-csv."""

    def rows(note: Note, needed: NeededColumns) -> Iterator[Row]:
        found = _rows(dialect, note)
        if safe:
            found = unsafed(found)
        return noting_damage(found, dialect.headers, needed, note) if excel_damage else found

    return rows


def _nothing_in_it() -> Finding:
    return Finding(kind="empty_sheet", severity="error")


def _sample(path: Path, encoding: str) -> tuple[str, str | None]:
    """The start of the file in whole lines, and the delimiter that a first line `sep=;` names."""
    with open_text(path, encoding) as stream:
        text = stream.read(SAMPLE_CHARACTERS)
        if len(text) == SAMPLE_CHARACTERS:
            text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
    lines = text.splitlines(keepends=True)
    named = SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    return text, named[1] if named else None


def _given_delimiter(path: Path, given: str) -> str | None:
    found = read_delimiter(given)
    if found is None:
        finding = Finding(kind="unknown_delimiter", severity="error", found=excerpt(given, 40))
        raise SheetError(path, [finding])
    return found or None


def _guessed_delimiter(
    sample: str,
    format: str,  # noqa: A002 - as in reader.open_sheet
    known: KnownHeader,
) -> str | None:
    if format == "tsv" and "\t" in sample:
        return "\t"
    return best_delimiter(sample, known)


def _reader(dialect: _Dialect, stream: Iterable[str]) -> "_csv.Reader":
    delimiter = dialect.delimiter or _NEVER
    if dialect.plain:
        return csv.reader(stream, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(stream, delimiter=delimiter, strict=True, skipinitialspace=dialect.spaced)


def _open(dialect: _Dialect) -> TextIO:
    stream = open_text(dialect.path, dialect.encoding)
    for _ in range(dialect.skip):
        stream.readline()
    return stream


def _plain_quotes_finding(dialect: _Dialect) -> Finding | None:
    """A finding if the quotes of a tab-separated file are text and not quoting; else None.

    There are two tab-separated formats. It is the one without quoting if csv's rules fail, or if a
    quoted cell would swallow lines that each have the width of the header.
    """
    lines: list[str] = []
    tabs = 0
    number = 0

    def kept(stream: TextIO) -> Iterator[str]:
        for line in stream:
            lines.append(line)
            yield line

    with _open(dialect) as stream:
        try:
            for number, row in enumerate(_reader(dialect, kept(stream)), 1):  # noqa: B007 - used below
                tabs = tabs or len(row) - 1
                if len(lines) > 1 and tabs > 0 and all(x.count("\t") == tabs for x in lines):
                    break
                lines.clear()
            else:
                return None
        except csv.Error:
            number += 1
    return Finding(
        kind="bare_quotes",
        severity="note",
        row=number,
        found=excerpt(lines[0] if lines else ""),
    )


def _spaced_quotes_finding(dialect: _Dialect) -> Finding | None:
    """A finding if blanks precede quotes that open cells, as people write csv by hand; else None.

    To csv such a quote is text, and its delimiters cut the cell. The blanks are left out, and a
    note says so, if the whole file can be read that way; else a warning names the first such row.
    """
    mark = dialect.delimiter
    if dialect.plain or mark in {None, " "} or not _may_have_spaced_quotes(dialect):
        return None
    with _open(dialect) as one, _open(dialect) as other:
        spaced = _reader(replace(dialect, spaced=True), other)
        try:
            number, cell, fits = _first_spaced_quote(_reader(dialect, one), spaced)
        except (csv.Error, UnicodeError):
            return None  # the rows are read next, and name the line
        if not number:
            return None
        fits = fits and _reads_on(spaced)
    return Finding(
        kind="spaced_quotes" if fits else "spaced_quotes_kept",
        severity="note" if fits else "warning",
        row=number,
        found=excerpt(cell.strip()),
    )


def _first_spaced_quote(as_is: "_csv.Reader", spaced: "_csv.Reader") -> tuple[int, str, bool]:
    """The first row with such a quote, its cell, and True if it can be read without the blanks.

    Row 0 if there is none.
    """
    for number, row in enumerate(as_is, 1):
        try:
            other = next(spaced, None)
        except csv.Error:
            other = None
        if row != other:
            for cell in row:
                if _is_spaced_quote(cell):
                    return number, cell, other is not None
        if other is None:
            break
    return 0, "", False


def _reads_on(reader: "_csv.Reader") -> bool:
    try:
        for _ in reader:
            pass
    except (csv.Error, UnicodeError):
        return False
    return True


def _is_spaced_quote(cell: str) -> bool:
    return cell[:1] == " " and cell.lstrip(" ")[:1] == '"'


def _may_have_spaced_quotes(dialect: _Dialect) -> bool:
    tail = ""
    with _open(dialect) as stream:
        try:
            while piece := stream.read(SAMPLE_CHARACTERS):
                if has_spaced_quotes(tail + piece, dialect.delimiter or _NEVER):
                    return True
                tail = piece[-MAX_BLANKS:]
        except UnicodeError:
            return False  # the rows are read next, and name the line
    return False


def _top(dialect: _Dialect) -> list[list[str]]:
    """The first rows, enough of them not blank to find the header."""
    top: list[list[str]] = []
    filled = 0
    with _open(dialect) as stream:
        reader = _reader(dialect, stream)
        try:
            for row in reader:
                top.append(row)
                filled += any(row)
                if filled > SEARCHED_ROWS:
                    break
        except csv.Error as error:
            if not filled:
                raise _broken_row(dialect, 1, error) from error
    return top


def _rows(dialect: _Dialect, note: Note) -> Iterator[Row]:
    """The rows under the header, one by one."""
    for numbers, rows in _row_groups(dialect, note, rows_per_block(len(dialect.headers))):
        yield from zip(numbers, rows, strict=True)


def _row_groups(dialect: _Dialect, note: Note, size: int) -> Iterator[RowGroup]:
    """The rows under the header, up to `size` at once.

    Every row of a delimited sheet passes here, so regular rows are checked as a group, and only
    irregular ones one by one.
    """
    number = dialect.header + 1
    width = {len(dialect.headers)}
    with _open(dialect) as stream:
        parsed = _reader(dialect, stream)
        reader = cast("Iterator[list[JSON]]", parsed)
        look = _RowCheck(dialect, note)
        try:
            next(islice(reader, number, number), None)
            broken = None
            while broken is None:
                lines = parsed.line_num
                some, broken = _read_some(reader, size)
                if not some:
                    break
                plain = parsed.line_num - lines == len(some) and set(map(len, some)) == width
                if plain and all(map(any, some)):
                    yield range(number + 1, number + 1 + len(some)), some
                elif (found := look(number, lines, some))[0]:
                    yield found
                number += len(some)
            if broken is not None:
                raise broken
        except csv.Error as error:
            raise _broken_row(dialect, number + 1, error) from error
        except UnicodeError as error:
            raise undecodable(dialect.path, dialect.encoding) from error
    look.finish()


def _read_some(
    reader: Iterator[list[JSON]], size: int
) -> tuple[list[list[JSON]], csv.Error | UnicodeError | None]:
    """At most `size` rows, fewer if their texts are long, and the error that stopped the reader."""
    some: list[list[JSON]] = []
    seen = text = 0
    try:
        while seen < size and text < MAX_BLOCK_CHARACTERS:
            # An error keeps the rows that came before it.
            some.extend(islice(reader, min(ROWS_PER_READ, size - seen)))
            if len(some) == seen:
                break
            cells = cast("Iterator[str]", chain.from_iterable(some[seen:]))
            text += sum(map(len, cells))
            seen = len(some)
    except (csv.Error, UnicodeError) as error:
        return some, error
    return some, None


class _RowCheck:
    """Checks rows one by one: drops blank ones, pads short ones, reports odd ones."""

    def __init__(self, dialect: _Dialect, note: Note) -> None:
        self._width = len(dialect.headers)
        self._skip = dialect.skip
        self._note = note
        self._folds = QuoteFolds(dialect.delimiter or _NEVER, self._width)
        self._fit = _WidthFit(dialect, note)

    def __call__(self, number: int, line: int, some: list[list[JSON]]) -> RowGroup:
        """The rows to keep, of those after row `number`, which ended in line `line`."""
        numbers: list[int] = []
        kept: list[list[JSON]] = []
        for row in some:
            number += 1
            first, line = line + 1, line + lines_in(row)
            if line > first:
                self._folds.look(number, row, (first + self._skip, line + self._skip), self._note)
            cells = row if len(row) == self._width else self._fit(number, row)
            if any(cells):
                numbers.append(number)
                kept.append(cells)
        return numbers, kept

    def finish(self) -> None:
        """Report what was only counted."""
        for finding in (*self._folds.findings(), *self._fit.short.findings()):
            self._note(finding)


class _WidthFit:
    """Pads or trims rows to the width of the header; drops only empty cells."""

    def __init__(self, dialect: _Dialect, note: Note) -> None:
        self.short = ShortRows(len(dialect.headers))
        self._area = Area()  # of rows that are not as wide as the header
        self._dialect = dialect
        self._note = note

    def __call__(self, number: int, row: list[JSON]) -> list[JSON]:
        """The row, empty if it is blank. A row that is still too long is noted as an error."""
        width = len(self._dialect.headers)
        if not any(cell.strip() for cell in cast("list[str]", row)):
            return []
        self._area.add_row(len(row))
        if len(row) < width:
            self.short.count(number)
            self._area.check(self._dialect.path, width)
        while len(row) > width and not row[-1]:
            row.pop()
        if len(row) > width:
            self._note(_long_row(self._dialect, number, row))
        return row + [""] * (width - len(row))


def _long_row(dialect: _Dialect, number: int, row: list[JSON]) -> Finding:
    width = len(dialect.headers)
    curly = any(isinstance(cell, str) and cell.lstrip()[:1] in _CURLY for cell in row)
    return Finding(
        kind="curly_quotes" if curly else "long_row",
        severity="error",
        row=number,
        found=excerpt(", ".join(map(str, row[width:]))),
        expected=f"{width} cells",
        values=(("width", width), ("count", len(row))),
    )


def _broken_row(dialect: _Dialect, row: int, error: csv.Error) -> SheetError:
    """The error for broken quoting, at which csv stops: names the row and its lines."""
    with _open(dialect) as stream:
        reader = _reader(dialect, stream)
        try:
            for _ in islice(reader, row - 1):
                pass
            begin = reader.line_num + 1 + dialect.skip
            next(reader, None)
        except csv.Error:
            pass
        end = reader.line_num + dialect.skip
    finding = Finding(
        kind="open_quote" if "end of data" in str(error) else "broken_quotes",
        severity="error",
        row=row,
        found=_line(dialect, begin),
        values=(("line", begin), ("end", end)),
    )
    return SheetError(dialect.path, [finding])


def _line(dialect: _Dialect, number: int) -> str:
    with open_text(dialect.path, dialect.encoding) as stream:
        return excerpt(next(islice(stream, number - 1, None), ""))
