"""Turns rows into the compact records that the page's script reads."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from jobs.job import JSON
from jobs.store.queries.gallery import PageRow
from runner.catalogue.phrases import detail
from runner.report.story import HELD, meaning_of
from runner.secret import redacted

TEXT_BUDGET = 24_000_000  # characters that all prompts of a page may take, and all texts
LONGEST = 4_000  # characters of one of them
SHORTEST = 300
DETAIL = 600  # characters of an error
PROMPTS = ("prompt", "input", "text")
"""Where a request has its words, in this order."""


@dataclass(slots=True)
class SharedValues:
    """What many rows share, each kept once: models, endpoints, reasons."""

    names: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def place(self, name: str) -> int:
        """Where this name stands; it is put there when it is new."""
        if name not in self.places:
            self.places[name] = len(self.names)
            self.names.append(name)
        return self.places[name]


class Records:
    """Makes the records of one page, or of a page and all that follows it while it is live."""

    def __init__(self, *, sheet_word: str, has_thumb: Callable[[str], bool], rows: int) -> None:
        self.models = SharedValues()
        self._reasons = SharedValues()
        self._told: list[JSON] = []
        self._sheet = sheet_word
        self.has_thumb = has_thumb
        self._longest = max(SHORTEST, min(LONGEST, TEXT_BUDGET // max(rows, 1)))

    @property
    def shared(self) -> dict[str, JSON]:
        """What the records point to, by number."""
        return {"models": list(self.models.names), "reasons": list(self._told)}

    def of(self, row: PageRow) -> list[JSON]:
        """The record of a row; `FIELDS` says what stands where."""
        prompt, cut = _cut(prompt_of(json.loads(row.fields)), self._longest)
        text, text_cut = _cut(row.text or "", self._longest)
        failed = row.status in ("failed", HELD)
        return [
            row.row,
            redacted(row.key) if row.key != str(row.row) else "",
            row.status,
            self.models.place(row.model),
            prompt,
            text,
            int(cut) + 2 * int(text_cut),
            self._reason(row) if failed else -1,
            redacted(detail(row.detail or ""))[:DETAIL] if failed else "",
            _rounded(row.seconds, 3),
            _rounded(row.cost, 6),
            row.tokens,
            row.attempts,
            _rounded(row.finished_at, 0),
            [name if self.has_thumb(name) else [name] for name in row.files],
        ]

    def _reason(self, row: PageRow) -> int:
        kind = HELD if row.status == HELD else row.kind or "crashed"
        place = self._reasons.place(f"{kind}.{row.cause or ''}")
        if place == len(self._told):
            told = meaning_of(kind, row.cause or "", self._sheet)
            self._told.append([kind, told.meaning, told.remedy, told.command])
        return place


FIELDS = (
    *("row", "key", "status", "model", "prompt", "text", "cut", "reason", "detail"),
    *("seconds", "cost", "tokens", "attempts", "finished", "files"),
)
"""The places of a record, as the page's script names them."""


def prompt_of(fields: Mapping[str, JSON]) -> str:
    """The words of a request: its prompt, or else whatever text it has."""
    for name in PROMPTS:
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
