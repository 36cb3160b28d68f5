"""Turns rows into the compact records that the page's script reads."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from jobs.job import JSON
from jobs.store.queries.gallery import PageRow
from runner.catalogue.phrases import detail
from runner.protocol.drawings import is_picture
from runner.report.story import IN_DOUBT, meaning_of
from runner.secret import redacted

MAX_PAGE_CHARACTERS = 24_000_000  # characters for all prompts of a page, and for all texts
MAX_TEXT_CHARACTERS = 4_000  # characters of one prompt or text
MIN_TEXT_CHARACTERS = 300
MAX_DETAIL_CHARACTERS = 600  # characters of an error
MAX_COLUMNS = 40  # of the sheet's own that a page tells
MAX_COLUMN_VALUES = 300  # different values of a column that a page can filter and group by
MAX_CELL_CHARACTERS = 120
PROMPT_FIELDS = ("prompt", "input", "text")
"""The fields that hold the words of a request, in this order."""


@dataclass(slots=True)
class SharedValues:
    """Values that many rows share, each stored once: models, endpoints, reasons."""

    names: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def place(self, name: str) -> int:
        """The index of this name; a new name is added."""
        if name not in self.places:
            self.places[name] = len(self.names)
            self.names.append(name)
        return self.places[name]


class OwnColumn:
    """One column of the sheet, whose values are stored once for the rows that share them.

    A column with too many different ones, such as names or addresses, is not told at all.
    """

    def __init__(self, place: int, name: str) -> None:
        self._place = place
        self._name = redacted(name)[:MAX_CELL_CHARACTERS]
        self._values: SharedValues | None = SharedValues()

    def value_of(self, cells: Sequence[JSON]) -> int:
        """The number of this column's value in a row; -1 if the column is not told."""
        if self._values is None:
            return -1
        cell = cells[self._place] if self._place < len(cells) else None
        number = self._values.place(redacted(_cell_text(cell))[:MAX_CELL_CHARACTERS])
        if len(self._values.names) > MAX_COLUMN_VALUES:
            self._values = None
            return -1
        return number

    def told(self) -> JSON:
        """Its name and its values; None instead of them if it is not told."""
        return [self._name, None if self._values is None else list(self._values.names)]


def _cell_text(cell: JSON) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


class Records:
    """Makes the records of one page, and of its later changes while it is live."""

    def __init__(
        self,
        *,
        sheet_word: str,
        has_thumb: Callable[[str], bool],
        rows: int,
        columns: Sequence[tuple[int, str]] = (),
    ) -> None:
        self.models = SharedValues()
        self._reasons = SharedValues()
        self._told: list[JSON] = []
        self._sheet = sheet_word
        self.has_thumb = has_thumb
        self._columns = [OwnColumn(place, name) for place, name in columns[:MAX_COLUMNS]]
        self._longest = max(
            MIN_TEXT_CHARACTERS, min(MAX_TEXT_CHARACTERS, MAX_PAGE_CHARACTERS // max(rows, 1))
        )

    @property
    def shared(self) -> dict[str, JSON]:
        """The shared values that records refer to by number."""
        return {
            "models": list(self.models.names),
            "reasons": list(self._told),
            "columns": [column.told() for column in self._columns],
        }

    def of(self, row: PageRow) -> list[JSON]:
        """The record of a row, in the order of `FIELDS`."""
        fields = json.loads(row.fields)
        cells = json.loads(row.cells) if self._columns else []
        prompt, cut = _cut(prompt_of(fields), self._longest)
        text, text_cut = _cut(row.text or "", self._longest)
        failed = row.status in ("failed", IN_DOUBT)
        return [
            row.row,
            redacted(row.key) if row.key != str(row.row) else "",
            row.status,
            self.models.place(row.model),
            prompt,
            text,
            int(cut) + 2 * int(text_cut),
            self._reason(row) if failed else -1,
            redacted(detail(row.detail or ""))[:MAX_DETAIL_CHARACTERS] if failed else "",
            _rounded(row.seconds, 3),
            _rounded(row.cost, 6),
            row.tokens,
            row.attempts,
            _rounded(row.finished_at, 0),
            [self._file(name) for name in row.files],
            [row.stars, row.file] if row.stars or row.file else 0,
            [column.value_of(cells) for column in self._columns],
            list(_inputs(fields.get("image"))),
            [
                [
                    one.version,
                    [self._file(name) for name in one.files],
                    _rounded(one.seconds, 3),
                    _rounded(one.cost, 6),
                ]
                for one in row.versions
            ],
        ]

    def _file(self, name: str) -> JSON:
        """A file's name, in a list if the page shows no thumbnail of it."""
        return name if self._is_shown(name) else [name]

    def _is_shown(self, name: str) -> bool:
        """True if the page shows a thumbnail of the file.

        A drawing may hold scripts, and is linked only; films and sounds have a player instead.
        """
        return is_picture(name) and self.has_thumb(name)

    def _reason(self, row: PageRow) -> int:
        kind = IN_DOUBT if row.status == IN_DOUBT else row.kind or "crashed"
        place = self._reasons.place(f"{kind}.{row.cause or ''}")
        if place == len(self._told):
            told = meaning_of(kind, row.cause or "", self._sheet)
            self._told.append([kind, told.meaning, told.remedy, told.command])
        return place


def _inputs(value: JSON) -> Iterator[str]:
    """The local pictures that a row sends, in order: a path below the sheet's folder, else empty.

    Addresses are left out: a page asks nobody for anything.
    """
    for one in value if isinstance(value, list) else ():
        if isinstance(one, dict) and one.get("kind") == "file":
            path = str(one.get("value") or "").replace("\\", "/")
            plain = is_picture(path) and not _LEADS_OUT.search(path) and redacted(path) == path
            yield path if plain else ""


_LEADS_OUT = re.compile(r"^/|^[A-Za-z][A-Za-z0-9+.-]*:|(^|/)\.\.(/|$)|#xl/")

FIELDS = (
    *("row", "key", "status", "model", "prompt", "text", "cut", "reason", "detail"),
    *("seconds", "cost", "tokens", "attempts", "finished", "files"),
    *("pick", "own", "inputs", "versions"),
)
"""The fields of a record, as the page's script names them."""


def prompt_of(fields: Mapping[str, JSON]) -> str:
    """The words of a request: its prompt, else any text field."""
    for name in PROMPT_FIELDS:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
    texts: Sequence[str] = [value for value in fields.values() if isinstance(value, str)]
    return max(texts, key=len, default="")


def _cut(text: str, longest: int) -> tuple[str, bool]:
    return redacted(text[:longest]), len(text) > longest


def _rounded(value: float | None, digits: int) -> float | int | None:
    if value is None:
        return None
    return round(value, digits) if digits else int(value)
