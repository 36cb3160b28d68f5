"""Reads txt sheets: one prompt a line."""

import json
from collections.abc import Iterator
from pathlib import Path

from jobs.sheet.finding import Finding, SheetError, excerpt
from jobs.sheet.layout import Layout, Row, Sheet
from jobs.sheet.names import ALIASES, normalise
from jobs.sheet.text.decode import open_text, undecodable
from jobs.sheet.text.delimiters import SEPARATOR_LINE, looks_like_table
from jobs.sheet.text.encodings import Encoding


def open_lines(path: Path, encoding: Encoding) -> Sheet:
    """A txt sheet with the one column `prompt`; rows are numbered by line.

    A first line that is only a name of the prompt column is the header. Raises SheetError if the
    lines are a table or JSON, because each line would be paid for as a prompt.
    """
    number, line = _first_line(path, encoding.name)
    named = ALIASES.get(normalise(line)) == "prompt"
    findings = list(encoding.findings)
    if named:
        findings.append(
            Finding(
                kind="header_in_text",
                severity="note",
                row=number,
                found=excerpt(line),
            )
        )
    elif looks_like_table(line) or SEPARATOR_LINE.fullmatch(line):
        raise SheetError(path, [_no_prompt("table_in_text", number, line)])
    elif _is_record(line):
        raise SheetError(path, [_no_prompt("records_in_text", number, line)])
    layout = Layout(
        format="txt",
        encoding=encoding.label,
        header_row=number if named else 0,
        headers=(line.strip() if named else "prompt",),
    )
    return Sheet(
        path,
        layout,
        source=lambda *_: _rows(path, encoding.name, layout.header_row),
        findings=tuple(findings),
    )


def _first_line(path: Path, encoding: str) -> tuple[int, str]:
    with open_text(path, encoding, newline=None) as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                return number, line.rstrip("\n")
    return 0, ""


def _is_record(line: str) -> bool:
    try:
        return line.lstrip().startswith(("{", "[")) and isinstance(json.loads(line), dict | list)
    except (ValueError, RecursionError):
        return False


def _no_prompt(kind: str, number: int, line: str) -> Finding:
    return Finding(
        kind=kind,
        severity="error",
        row=number,
        found=excerpt(line),
    )


def _rows(path: Path, encoding: str, header_row: int) -> Iterator[Row]:
    with open_text(path, encoding, newline=None) as stream:
        try:
            for number, line in enumerate(stream, 1):
                if number > header_row and not line.isspace():
                    yield number, [line.removesuffix("\n")]
        except UnicodeError as error:
            raise undecodable(path, encoding) from error
