"""Turns rows into the compact records that the page's script reads."""

import json
from collections.abc import Callable, Mapping, Sequence
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


class Records:
    """Makes the records of one page, and of its later changes while it is live."""

    def __init__(self, *, sheet_word: str, has_thumb: Callable[[str], bool], rows: int) -> None:
        self.models = SharedValues()
        self._reasons = SharedValues()
        self._told: list[JSON] = []
        self._sheet = sheet_word
        self.has_thumb = has_thumb
        self._longest = max(
            MIN_TEXT_CHARACTERS, min(MAX_TEXT_CHARACTERS, MAX_PAGE_CHARACTERS // max(rows, 1))
        )

    @property
    def shared(self) -> dict[str, JSON]:
        """The shared values that records refer to by number."""
        return {"models": list(self.models.names), "reasons": list(self._told)}

    def of(self, row: PageRow) -> list[JSON]:
        """The record of a row, in the order of `FIELDS`."""
        prompt, cut = _cut(prompt_of(json.loads(row.fields)), self._longest)
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
            [name if self._is_shown(name) else [name] for name in row.files],
        ]

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


FIELDS = (
    *("row", "key", "status", "model", "prompt", "text", "cut", "reason", "detail"),
    *("seconds", "cost", "tokens", "attempts", "finished", "files"),
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
