"""Decodes text strictly in a known encoding, and names the lines that do not decode."""

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from jobs.sheet.finding import Finding, SheetError

MAX_NAMED_LINES = 20  # the rest is counted

ENCODING_LABELS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
    "gb18030": "GB18030 (GBK)",
    "cp950": "Big5",
    "big5hkscs": "Big5",
    "cp932": "Shift-JIS",
    "shift_jis_2004": "Shift-JIS",
    "euc_jp": "EUC-JP",
    "euc_jis_2004": "EUC-JP",
    "cp949": "EUC-KR (CP949)",
}


def label(name: str) -> str:
    """The name that people use for an encoding."""
    return ENCODING_LABELS.get(name, name.upper().replace("CP125", "Windows-125"))


def open_text(path: Path, encoding: str, *, newline: str | None = "") -> TextIO:
    """Open a file for strict decoding, positioned after its byte order mark."""
    stream = path.open(encoding=encoding, errors="strict", newline=newline)
    try:
        if stream.read(1) != "\ufeff":
            stream.seek(0)
    except UnicodeError:
        stream.seek(0)  # the caller meets the same error while reading, and names the line
    return stream


def undecodable(path: Path, encoding: str) -> SheetError:
    """The error for a file that turned out not to be in `encoding` while it was read."""
    findings = bad_line_findings(path, encoding) or [
        Finding(kind="changed_while_reading", severity="error")
    ]
    return SheetError(path, findings)


def physical_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Physical lines with their numbers, for encodings whose line end is one byte."""
    number = 0
    with path.open("rb") as file:
        for piece in file:
            for line in piece.splitlines(keepends=True):
                number += 1
                yield number, line


def bad_line_findings(path: Path, name: str) -> list[Finding]:
    """An error for each line that does not decode, up to MAX_NAMED_LINES."""
    bad = _bad_lines(path, name)
    findings = [
        Finding(
            kind="undecodable_line",
            severity="error",
            found=found,
            values=(("line", number), ("label", label(name))),
        )
        for number, found in bad[:MAX_NAMED_LINES]
    ]
    if len(bad) > MAX_NAMED_LINES:
        findings.append(
            Finding(
                kind="undecodable_lines",
                severity="error",
                values=(("count", len(bad) - MAX_NAMED_LINES),),
            )
        )
    return findings


def _bad_lines(path: Path, name: str) -> list[tuple[int, str]]:
    if name.startswith(("utf-16", "utf-32")):
        return _first_bad_line(path, name)
    bad = []
    for number, line in physical_lines(path):
        try:
            line.decode(name)
        except UnicodeDecodeError as error:
            bad.append((number, line[error.start : error.end].hex(" ")))
        except UnicodeError:
            bad.append((number, line[:8].hex(" ")))
    return bad or _first_bad_line(path, name)


def _first_bad_line(path: Path, name: str) -> list[tuple[int, str]]:
    """The first bad line only, for encodings whose line end is more than one byte."""
    inner = codecs.getincrementaldecoder(name)("strict")
    decoder = io.IncrementalNewlineDecoder(inner, translate=True)
    number = 1
    with path.open("rb") as file:
        for piece in file:
            try:
                number += decoder.decode(piece).count("\n")
            except UnicodeDecodeError:
                return [_bad_place(decoder, piece, number)]
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return [(number, error.object[error.start :].hex(" "))]
    return []


def _bad_place(decoder: io.IncrementalNewlineDecoder, piece: bytes, number: int) -> tuple[int, str]:
    """Decode byte by byte, because the piece may begin with the second half of a line end."""
    for index in range(len(piece)):
        try:
            number += decoder.decode(piece[index : index + 1]).count("\n")
        except UnicodeDecodeError as error:
            return number, error.object[error.start : error.end].hex(" ")
    return number, ""


def nul_findings(path: Path, name: str) -> list[Finding]:
    """One warning with the lines that hold NUL characters."""
    with open_text(path, name) as stream:
        numbers = [number for number, line in enumerate(stream, 1) if "\0" in line]
    shown = ", ".join(str(number) for number in numbers[:MAX_NAMED_LINES])
    more = f", … (+{len(numbers) - MAX_NAMED_LINES:,})" if len(numbers) > MAX_NAMED_LINES else ""
    return [
        Finding(
            kind="nul_character",
            severity="warning",
            values=(("lines", f"{shown}{more}"),),
        )
    ]
