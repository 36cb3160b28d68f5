"""Opens a sheet of any format, or raises a SheetError that says why it cannot."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from jobs.sheet.finding import Finding, Severity, SheetError, Term, excerpt
from jobs.sheet.layout import Layout, Row, Sheet
from jobs.sheet.magic import real_kind
from jobs.sheet.names import KnownHeader, known_or_named
from jobs.sheet.text.decode import undecodable
from jobs.sheet.text.delimited import open_delimited
from jobs.sheet.text.encodings import Encoding, detect
from jobs.sheet.text.lines import open_lines

__all__ = [
    "FORMATS",
    "Finding",
    "Layout",
    "Row",
    "Severity",
    "Sheet",
    "SheetError",
    "open_sheet",
]

FORMATS = {
    **{name: name for name in ("csv", "tsv", "txt", "jsonl", "json", "parquet")},
    **{name: name for name in ("xlsx", "xlsm", "xls", "xlsb", "ods")},
    "tab": "tsv",
    "ndjson": "jsonl",
}
"""File name ending → format."""

_DELIMITED = frozenset({"csv", "tsv"})
_WORKBOOKS = frozenset({"xlsx", "xlsm", "xls", "xlsb", "ods"})


def open_sheet(
    path: Path,
    *,
    encoding: str | None = None,
    tab: str | None = None,
    format: str | None = None,  # noqa: A002 - the plain word, as people say it
    delimiter: str | None = None,
    names: Collection[str] = (),
) -> Sheet:
    """The sheet at `path`, understood: format, encoding, delimiter, tab, header.

    `format` replaces the file name's ending. `names` are columns that the person's options use;
    like known names they are evidence for a header. Raises only SheetError, for any file that is
    not a sheet with at least one row.
    """
    try:
        _check_file(path)
        told = _Told(encoding=encoding, tab=tab, delimiter=delimiter, known=known_or_named(names))
        sheet = _open(path, _format(path, format), told)
        _check_rows(sheet)
    except UnicodeError as error:
        raise undecodable(path, encoding or "utf-8") from error
    except OSError as error:
        finding = Finding(
            kind="unreadable_file",
            severity="error",
            found=excerpt(error.strerror or type(error).__name__),
        )
        raise SheetError(path, [finding]) from error
    for option, used in (("--tab", tab), ("--encoding", encoding), ("--delimiter", delimiter)):
        _note_unused(sheet, option, used)
    return sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What the person's options say about a sheet."""

    encoding: str | None
    tab: str | None
    delimiter: str | None
    known: KnownHeader


def _open(path: Path, format: str, told: _Told) -> Sheet:  # noqa: A002 - as above
    kind = real_kind(path)
    wanted = "workbook" if format in _WORKBOOKS else format
    if wanted == "workbook" and kind in {"zip workbook", "ole"}:
        from jobs.sheet.workbook.workbook import open_workbook  # noqa: PLC0415 - for workbooks only

        return open_workbook(
            path,
            format=format,
            tab=told.tab,
            zipped=kind == "zip workbook",
            known=told.known,
        )
    if wanted == "parquet" and kind == "parquet":
        from jobs.sheet.parquet import open_parquet  # noqa: PLC0415 - for this format only

        return open_parquet(path)
    if wanted in {"workbook", "parquet"} or kind not in {"text", "binary", "xml", "web page"}:
        raise SheetError(path, [_wrong_kind(format, kind)])
    if kind in {"web page", "xml"} and wanted != "txt":
        raise SheetError(path, [_wrong_kind(format, kind)])
    return _open_text(path, format, detect(path, given=told.encoding), told)


def _open_text(path: Path, format: str, encoding: Encoding, told: _Told) -> Sheet:  # noqa: A002 - as above
    if any(finding.severity == "error" for finding in encoding.findings):
        raise SheetError(path, encoding.findings)
    match format:
        case "txt" if told.delimiter is None:
            return open_lines(path, encoding)
        case "jsonl" | "json":
            from jobs.sheet.text.records import open_records  # noqa: PLC0415 - for JSON only

            return open_records(path, encoding, format=format)
        case _:
            return open_delimited(
                path,
                encoding,
                format="csv" if format == "txt" else format,
                given=told.delimiter,
                known=told.known,
            )


def _check_file(path: Path) -> None:
    kind = ""
    if path.is_dir():
        kind = "folder"
    elif not path.exists():
        kind = "missing_file"
    elif not path.is_file():
        kind = "not_a_file"
    elif path.stat().st_size == 0:
        kind = "empty_file"
    if kind:
        raise SheetError(path, [Finding(kind=kind, severity="error")])


def _format(path: Path, given: str | None) -> str:
    ending = (given if given is not None else path.suffix).lower().lstrip(".")
    if ending in FORMATS:
        return FORMATS[ending]
    finding = Finding(
        kind="unknown_format",
        severity="error",
        expected=", ".join(FORMATS),
        values=(("ending", f".{excerpt(ending, 20)}" if ending else Term("no ending")),),
    )
    raise SheetError(path, [finding])


def _wrong_kind(format: str, kind: str) -> Finding:  # noqa: A002 - as above
    match kind:
        case "zip workbook" | "ole":
            remedy = "rename workbook"
        case "parquet":
            remedy = "rename parquet"
        case "web page" | "xml":
            remedy = "save as workbook"
        case "text":
            remedy = "rename text"
        case _:
            remedy = "check file"
    return Finding(
        kind="wrong_kind",
        severity="error",
        values=(("kind", Term(kind)), ("format", format), ("remedy", Term(remedy))),
    )


def _check_rows(sheet: Sheet) -> None:
    sheet.needed = frozenset()  # not known yet, so damage is no error
    rows = sheet.rows()
    sheet.needed = None
    if next(rows, None) is not None:
        return
    finding = Finding(
        kind="no_rows" if sheet.layout.header_row else "no_records",
        severity="error",
        found=excerpt(", ".join(sheet.layout.headers)),
    )
    raise SheetError(sheet.path, [*sheet.findings, finding])


def _note_unused(sheet: Sheet, option: str, used: str | None) -> None:
    layout = sheet.layout
    fits = {
        "--tab": layout.tab is not None,
        "--encoding": layout.encoding is not None,
        "--delimiter": layout.format in _DELIMITED,
    }[option]
    if used is not None and not fits:
        sheet.note(
            Finding(
                kind="unused_option",
                severity="warning",
                found=excerpt(used, 40),
                values=(("option", option), ("format", layout.format)),
            )
        )
