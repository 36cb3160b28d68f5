"""Reads txt sheets: one prompt a line."""

from collections.abc import Iterator
from pathlib import Path

from jobs.sheet.delimiters import looks_like_table
from jobs.sheet.encodings import Encoding
from jobs.sheet.finding import Finding, excerpt
from jobs.sheet.layout import Layout, Row, Sheet
from jobs.sheet.names import ALIASES, normalise
from jobs.sheet.text import open_text, undecodable


def open_lines(path: Path, encoding: Encoding) -> Sheet:
    """A txt sheet with the one column `prompt`; rows are numbered by line.

    A first line that is only a name of the prompt column is its header.
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
    elif looks_like_table(line):
        findings.append(_table(number, line))
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


def _table(number: int, line: str) -> Finding:
    return Finding(
        kind="table_in_text",
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
