"""Stores a sheet from stdin in a file, so that it can be read twice and kept."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from jobs.sheet.magic import real_kind
from runner.catalogue import say
from runner.exits import Refusal

STDIN = "-"
CHUNK_BYTES = 1 << 20
_ENDINGS = {"zip workbook": "xlsx", "ole": "xls", "parquet": "parquet"}


def store_stdin(folder: Path) -> Path:
    """Store the sheet from stdin in a folder, whole or not at all; returns the file."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / "stdin.part"
    with part.open("wb") as file:
        _copy(_source(), file)
    sheet = folder / f"stdin.{ending(part)}"
    part.replace(sheet)
    return sheet


@contextmanager
def temporary_stdin() -> Iterator[Path]:
    """The same in a temporary folder, for commands that only read."""
    with tempfile.TemporaryDirectory(prefix="rowmill-") as folder:
        yield store_stdin(Path(folder))


def ending(path: Path) -> str:
    """The file name ending of a sheet by its content; a JSON object in the first line is jsonl."""
    known = _ENDINGS.get(real_kind(path))
    if known is not None:
        return known
    with path.open("rb") as file:
        line = file.readline(CHUNK_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
    if line[:1] == b"[":
        return "json"
    try:
        return "jsonl" if isinstance(json.loads(line), dict) else "csv"
    except (ValueError, RecursionError):
        return "csv"


def _source() -> BinaryIO:
    if sys.stdin is None or sys.stdin.isatty():
        raise Refusal(say("stdin.terminal"))
    return sys.stdin.buffer


def _copy(source: BinaryIO, target: BinaryIO) -> None:
    while piece := source.read(CHUNK_BYTES):
        target.write(piece)
