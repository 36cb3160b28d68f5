"""What all writers of results share: columns, records, cells as text, text as bytes."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from json.encoder import encode_basestring
from typing import BinaryIO, TypeAlias

from jobs.errors import ObstacleError
from jobs.job import JSON
from jobs.sheet.names import numbered

FLUSH_BYTES = 1 << 20
REPLACEMENT = "\ufffd"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_SURROGATE = re.compile("[\ud800-\udfff]")


class WriteError(ObstacleError):
    """A format cannot hold these results."""


class ColumnKind(StrEnum):
    """What a column holds."""

    OWN = "own"  # the user's: text, or any JSON value if the sheet is typed
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    LIST = "list"  # of texts
    OBJECT = "object"  # a JSON object


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a results file. `foreign`: its text may come from outside."""

    name: str
    kind: ColumnKind
    foreign: bool = False
    hidden: bool = False  # in the sheet, and so in workbooks
    arrow: str = ""  # the Arrow type of an own column of a parquet sheet
    title: str = ""  # its header, if that is not the name

    @property
    def header(self) -> str:
        """What stands above the column."""
        return self.title or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultColumns:
    """The columns of a results file: the user's first, then ours. `typed`: own cells have types."""

    columns: tuple[Column, ...]
    typed: bool = False
    hidden_rows: frozenset[int] = frozenset()  # as `result_row` numbers them

    @property
    def own(self) -> int:
        """The number of columns that are the user's."""
        return sum(column.kind is ColumnKind.OWN for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The headers in order; the user's may repeat."""
        return tuple(column.header for column in self.columns)


Record: TypeAlias = Sequence[JSON]
"""One row's values in column order; None for unknown values."""

RecordStream: TypeAlias = Iterable[Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was written. `replaced` characters could not be; `texts` went to separate files."""

    rows: int = 0
    replaced: int = 0
    texts: int = 0


def encoded(value: JSON) -> str:
    """A value as JSON text, without escaping non-ASCII characters."""
    kind = type(value)
    if kind is str:
        return encode_basestring(value)  # type: ignore[arg-type]  # it is text, as just seen
    return repr(value) if kind is int or kind is float else _encode(value)


def cell_text(value: JSON, kind: ColumnKind) -> str:
    """A value as the text of a cell: empty for None, one list entry per line."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if kind is ColumnKind.LIST:
        assert isinstance(value, list)
        return "\n".join(map(str, value))
    return encoded(value)


def unique_names(grid: ResultColumns) -> tuple[str, ...]:
    """The names made unique: a repeated own header gets a number, ours never do."""
    ours = {column.header for column in grid.columns if column.kind is not ColumnKind.OWN}
    own = numbered((one.name for one in grid.columns if one.kind is ColumnKind.OWN), ours)
    return tuple(
        next(own) if column.kind is ColumnKind.OWN else column.header for column in grid.columns
    )


def without_surrogates(text: str) -> tuple[str, int]:
    """The text without lone surrogates, and how many were replaced."""
    return _SURROGATE.subn(REPLACEMENT, text)


class Utf8Writer:
    """Writes text to a binary file in large pieces. Replaces and counts lone surrogates."""

    def __init__(self, file: BinaryIO) -> None:
        self.replaced = 0
        self._file = file
        self._waiting: list[str] = []
        self._size = 0

    def write(self, text: str) -> int:
        """Buffer some text. The csv module calls this, too."""
        self._waiting.append(text)
        self._size += len(text)
        if self._size > FLUSH_BYTES:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Write out the buffer. Must be called at the end."""
        text = "".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        try:
            raw = text.encode()
        except UnicodeEncodeError:
            text, replaced = without_surrogates(text)
            self.replaced += replaced
            raw = text.encode()
        self._file.write(raw)
