"""The summary tab of a results workbook: counts rows as they are written, then writes one tab."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs.job import JSON
from jobs.sheet.result_names import chinese_name
from jobs.sheet.write.statistics import Fact, by_model
from jobs.sheet.write.writers import ColumnKind, Record, Tally, cell_text

_SUMMED_COLUMNS = (
    *("result_cost", "result_prompt_tokens", "result_completion_tokens", "result_total_tokens"),
)
Label = Callable[[str], str]
"""Translates an English label; data is returned as it is."""
_MODEL_TITLES = ("rows", "done", "failed", "median seconds", "p95 seconds", "cost")


@dataclass(slots=True)
class SummaryCounts:
    """The counts. `ours` gives the index of each of our columns in a record."""

    ours: Mapping[str, int]
    words: Mapping[str, str] = field(default_factory=dict)  # for states
    statuses: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    numbers: dict[str, float] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    unpriced: int = 0

    def __post_init__(self) -> None:
        self._summed = [(name, self.ours[name]) for name in _SUMMED_COLUMNS]
        names = ("result_model", "result_status", "result_seconds", "result_cost")
        self._at = [self.ours[name] for name in (*names, "result_error_class")]

    _summed: list[tuple[str, int]] = field(init=False, default_factory=list)
    _at: list[int] = field(init=False, default_factory=list)

    def add(self, record: Record) -> None:
        """Count one row."""
        model, status, seconds, cost, kind = (record[place] for place in self._at)
        named = str(status)
        self.facts.append((str(model or ""), named, _number(seconds), _number(cost)))
        self.statuses[named] += 1
        if isinstance(kind, str) and named == "failed":
            self.classes[kind] += 1
        self.unpriced += named == "done" and cost is None
        for name, place in self._summed:
            value = record[place]
            if isinstance(value, int | float):
                self.numbers[name] = self.numbers.get(name, 0) + value


def _number(value: JSON) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def summary_lines(sums: SummaryCounts, tally: Tally, label: Label) -> list[tuple[str, JSON]]:
    """One number per line. The cost is that of the answers in this file, maybe not of all calls."""
    lines: list[tuple[str, JSON]] = [(label("rows"), tally.rows)]
    words = sums.words
    lines += [(words.get(name, name), count) for name, count in sorted(sums.statuses.items())]
    lines += [
        (f"{words.get('failed', 'failed')}: {name}", count)
        for name, count in sorted(sums.classes.items())
    ]
    lines += [
        (chinese_name(name) if words else name, sums.numbers[name])
        for name in _SUMMED_COLUMNS
        if name in sums.numbers
    ]
    if sums.unpriced:
        lines.append((label("done rows without a known cost"), sums.unpriced))
    if tally.replaced:
        lines.append((label("characters Excel cannot hold, replaced"), tally.replaced))
    if tally.texts:
        lines.append((label("texts too long for a cell, in files"), tally.texts))
    return lines


def write_summary(
    page: Any, sums: SummaryCounts, lines: Sequence[tuple[str, JSON]], label: Label
) -> None:
    """Write the lines, and the results of each model below them."""
    for place, (name, value) in enumerate(lines):
        page.write_string(place, 0, name)
        if isinstance(value, int | float):
            page.write_number(place, 1, value)
        else:
            page.write_string(place, 1, cell_text(value, ColumnKind.TEXT))
    _write_models(page, sums, label, below=len(lines) + 1)
    page.set_column(0, 0, 42)
    page.set_column(1, len(_MODEL_TITLES), 16)


def _write_models(page: Any, sums: SummaryCounts, label: Label, *, below: int) -> None:
    """Write a small table of each model's results."""
    for column, title in enumerate(("model", *_MODEL_TITLES)):
        page.write_string(below, column, label(title))
    for place, line in enumerate(by_model(sums.facts), below + 1):
        page.write_string(place, 0, cell_text(line.model, ColumnKind.TEXT))
        numbers = (line.rows, line.done, line.failed)
        known = (line.median_seconds, line.p95_seconds, line.cost)
        for column, value in enumerate((*numbers, *known), 1):
            if value is not None:
                page.write_number(place, column, value)
