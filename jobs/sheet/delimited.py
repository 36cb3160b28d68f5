"""Reads csv and tsv sheets: cells as written, rows never cut and never shifted."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from jobs.job import JSON
from jobs.sheet.delimiters import best_delimiter
from jobs.sheet.encodings import Encoding
from jobs.sheet.finding import Finding, SheetError, excerpt
from jobs.sheet.header import TOP, find_header, header_findings
from jobs.sheet.layout import Layout, Note, Row, Sheet
from jobs.sheet.text import open_text, undecodable

if TYPE_CHECKING:
    import _csv  # the type of csv.reader has no public name

SAMPLE = 1 << 18  # characters that the search for the delimiter looks at

# A picture as a data URI in a cell passes the module's own limit of 128 KiB. sys.maxsize would
# overflow where a C long has 32 bits, as on Windows.
csv.field_size_limit(2**31 - 1)

# Stands for "no delimiter": a noncharacter, which no text contains.
_NEVER = "\ufdd0"
_SEPARATOR_LINE = re.compile(r'"?sep=([^"\w\r\n])"?[;,\t|]*\r?\n?', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dialect:
    """How one delimited file is to be taken apart."""

    path: Path
    encoding: str
    delimiter: str | None
    plain: bool = False  # quotes are text
    skip: int = 0  # physical lines before the first row: Excel's sep= line
    header: int = 0  # rows before the header
    headers: tuple[str, ...] = ()


def open_delimited(path: Path, encoding: Encoding, *, format: str) -> Sheet:  # noqa: A002 - as in reader.open_sheet
    """A csv or tsv sheet whose encoding is known."""
    sample, separator = _sample(path, encoding.name)
    delimiter = separator or _delimiter(sample, format)
    dialect = _Dialect(
        path=path, encoding=encoding.name, delimiter=delimiter, skip=1 if separator else 0
    )
    findings = list(encoding.findings)
    if delimiter == "\t" or format == "tsv":
        bare = _bare_quote(dialect)
        if bare is not None:
            findings.append(bare)
            dialect = replace(dialect, plain=True)
    top = _top(dialect)
    header = find_header(top)
    if header is None:
        raise SheetError(path, [_nothing_in_it()])
    findings += header_findings(top, header)
    dialect = replace(dialect, header=header, headers=tuple(top[header]))
    layout = Layout(
        format=format,
        encoding=encoding.label,
        delimiter=delimiter,
        header_row=header + 1,
        headers=dialect.headers,
    )
    return Sheet(path, layout, source=lambda note: _rows(dialect, note), findings=tuple(findings))


def _nothing_in_it() -> Finding:
    return Finding(
        kind="empty_sheet",
        severity="error",
        expected="a header row and at least one row below it",
        message="the sheet has no text in it",
    )


def _sample(path: Path, encoding: str) -> tuple[str, str | None]:
    """The beginning in whole lines, and the delimiter that a first line `sep=;` names."""
    with open_text(path, encoding) as stream:
        text = stream.read(SAMPLE)
        if len(text) == SAMPLE:
            text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
    lines = text.splitlines(keepends=True)
    named = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    return text, named[1] if named else None


def _delimiter(sample: str, format: str) -> str | None:  # noqa: A002 - as in reader.open_sheet
    if format == "tsv" and "\t" in sample:
        return "\t"
    return best_delimiter(sample)


def _reader(dialect: _Dialect, stream: Iterable[str]) -> "_csv.Reader":
    delimiter = dialect.delimiter or _NEVER
    if dialect.plain:
        return csv.reader(stream, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(stream, delimiter=delimiter, strict=True)


def _open(dialect: _Dialect) -> TextIO:
    stream = open_text(dialect.path, dialect.encoding)
    for _ in range(dialect.skip):
        stream.readline()
    return stream


def _bare_quote(dialect: _Dialect) -> Finding | None:
    """A finding where the quotes of a tab-separated file are text and not quoting.

    There are two tab-separated formats. It is the plain one where csv's rules fail, and where a
    quoted cell would swallow lines that are each as wide as the header.
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
        message="quotes in this tab-separated sheet are taken as text",
    )


def _top(dialect: _Dialect) -> list[list[str]]:
    """The first rows, up to enough that are not blank to find a header among them."""
    top: list[list[str]] = []
    filled = 0
    with _open(dialect) as stream:
        reader = _reader(dialect, stream)
        try:
            for row in reader:
                top.append(row)
                filled += any(row)
                if filled > TOP:
                    break
        except csv.Error as error:
            if not filled:
                raise _broken_row(dialect, 1, error) from error
    return top


def _rows(dialect: _Dialect, note: Note) -> Iterator[Row]:
    """The rows under the header. This loop runs for every row of every sheet: nothing per cell."""
    width = len(dialect.headers)
    number = dialect.header + 1
    first_short = 0
    with _open(dialect) as stream:
        reader = cast("Iterator[list[JSON]]", _reader(dialect, stream))
        try:
            below = islice(reader, dialect.header + 1, None)
            for number, row in enumerate(below, dialect.header + 2):
                if len(row) == width:
                    if any(row):
                        yield number, row
                    continue
                fitted = _fit(row, width)
                if fitted is None:
                    continue
                if len(row) < width:
                    first_short = first_short or number
                elif len(fitted) > width:
                    note(_long_row(dialect, number, fitted))
                yield number, fitted
        except csv.Error as error:
            raise _broken_row(dialect, number + 1, error) from error
        except UnicodeError as error:
            raise undecodable(dialect.path, dialect.encoding) from error
    if first_short:
        note(_short_row(dialect, first_short))


def _fit(row: list[JSON], width: int) -> list[JSON] | None:
    """A row of another width than the header; None if it is blank. Only empty cells are dropped."""
    if not any(cell.strip() for cell in cast("list[str]", row)):
        return None
    while len(row) > width and not row[-1]:
        row.pop()
    return row + [""] * (width - len(row))


def _long_row(dialect: _Dialect, number: int, row: list[JSON]) -> Finding:
    width = len(dialect.headers)
    return Finding(
        kind="long_row",
        severity="error",
        row=number,
        found=f"{len(row)} cells, beyond the header: {excerpt(', '.join(map(str, row[width:])))}",
        expected=f"{width} cells, as in the header",
        message="the row is longer than the header;"
        ' put quotes around a cell that holds the delimiter ("a cat, a dog")',
    )


def _short_row(dialect: _Dialect, number: int) -> Finding:
    return Finding(
        kind="short_row",
        severity="warning",
        row=number,
        expected=f"{len(dialect.headers)} cells, as in the header",
        message="this row is shorter than the header, and it may not be the only one;"
        " the missing cells count as empty",
    )


def _broken_row(dialect: _Dialect, row: int, error: csv.Error) -> SheetError:
    """csv stops for good at a quoting error: name the row, and the lines it began and broke at."""
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
    open_end = "end of data" in str(error)
    where = f"line {begin}" if begin == end else f"lines {begin} to {end}"
    finding = Finding(
        kind="open_quote" if open_end else "broken_quotes",
        severity="error",
        row=row,
        found=f"{where}: {_line(dialect, begin)}",
        expected='cells with quotes as "the word ""red"" in quotes"',
        message=f'the quote (") that opens in line {begin} is never closed; close or remove it'
        if open_end
        else f"a quoted cell ends before its text does, at line {end}; write a quote inside a"
        ' quoted cell twice ("")',
    )
    return SheetError(dialect.path, [finding])


def _line(dialect: _Dialect, number: int) -> str:
    with open_text(dialect.path, dialect.encoding) as stream:
        return excerpt(next(islice(stream, number - 1, None), ""))
