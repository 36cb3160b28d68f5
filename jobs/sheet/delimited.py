"""Reads csv and tsv sheets: cells as written, rows never cut and never shifted."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from jobs.job import JSON
from jobs.sheet.damage import spoilt
from jobs.sheet.delimiters import SEPARATOR_LINE, best_delimiter
from jobs.sheet.encodings import Encoding
from jobs.sheet.finding import Finding, SheetError, excerpt
from jobs.sheet.folds import Folds, Short
from jobs.sheet.header import TOP, find_header, header_findings
from jobs.sheet.layout import Layout, Needed, Note, Row, Sheet, Source
from jobs.sheet.safe_csv import marked, safe_finding, unsafed
from jobs.sheet.text import open_text, undecodable

if TYPE_CHECKING:
    import _csv  # the type of csv.reader has no public name

SAMPLE = 1 << 18  # characters that the search for the delimiter looks at

# A picture as a data URI in a cell passes the module's own limit of 128 KiB. sys.maxsize would
# overflow where a C long has 32 bits, as on Windows.
csv.field_size_limit(2**31 - 1)

# Stands for "no delimiter": a noncharacter, which no text contains.
_NEVER = "\ufdd0"
_CURLY = frozenset("“”„‟«»＂")


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
    safe = None
    if marked(sample, delimiter):
        safe = safe_finding(dialect.headers, lambda: _rows(dialect, lambda _: None))
        findings += [safe] if safe else []
    source = _source(dialect, marred=encoding.marred, safe=safe is not None)
    return Sheet(path, layout, source=source, findings=tuple(findings))


def _source(dialect: _Dialect, *, marred: bool, safe: bool) -> Source:
    """The rows; cell by cell only where a file has traces of Excel, or of --safe-csv."""

    def rows(note: Note, needed: Needed) -> Iterator[Row]:
        found = _rows(dialect, note)
        if safe:
            found = unsafed(found)
        return spoilt(found, dialect.headers, needed, note) if marred else found

    return rows


def _nothing_in_it() -> Finding:
    return Finding(kind="empty_sheet", severity="error")


def _sample(path: Path, encoding: str) -> tuple[str, str | None]:
    """The beginning in whole lines, and the delimiter that a first line `sep=;` names."""
    with open_text(path, encoding) as stream:
        text = stream.read(SAMPLE)
        if len(text) == SAMPLE:
            text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
    lines = text.splitlines(keepends=True)
    named = SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
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
    folds, fit = Folds(dialect.delimiter or _NEVER, width), _Fit(dialect, note)
    with _open(dialect) as stream:
        parsed = _reader(dialect, stream)
        reader = cast("Iterator[list[JSON]]", parsed)
        try:
            next(islice(reader, number, number), None)
            more = parsed.line_num - number  # lines beyond one a row, so far
            for number, row in enumerate(reader, dialect.header + 2):
                if parsed.line_num - number != more:
                    first, last = number + more + dialect.skip, parsed.line_num + dialect.skip
                    folds.look(number, row, (first, last), note)
                    more = parsed.line_num - number
                cells = row if len(row) == width else fit(number, row)
                if any(cells):
                    yield number, cells
        except csv.Error as error:
            raise _broken_row(dialect, number + 1, error) from error
        except UnicodeError as error:
            raise undecodable(dialect.path, dialect.encoding) from error
    for finding in (*folds.findings(), *fit.short.findings()):
        note(finding)


class _Fit:
    """Makes rows of another width than the header as wide as it; only empty cells are dropped."""

    def __init__(self, dialect: _Dialect, note: Note) -> None:
        self.short = Short(len(dialect.headers))
        self._dialect = dialect
        self._note = note

    def __call__(self, number: int, row: list[JSON]) -> list[JSON]:
        """The row; no cells where it is blank. One that is still longer is told as an error."""
        width = len(self._dialect.headers)
        if not any(cell.strip() for cell in cast("list[str]", row)):
            return []
        if len(row) < width:
            self.short.count(number)
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
