"""Repairs ratios that Excel took for times of day: 16:9 becomes 16:09:00 in a workbook."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jobs.job import JSON
from jobs.sheet.finding import Finding, excerpt
from jobs.sheet.reader import Sheet
from runner.endpoints.fields import InputError

_TIME = re.compile(r"\s*0?(\d{1,3}):0?(\d{1,2})(:00(?:\.0+)?)?\s*")
_WRITTEN = re.compile(r"\s*(\d{1,3})\s*[:：∶]\s*(\d{1,3})\s*")
_DATE = re.compile(r"\s*\d{4}-\d\d-\d\d(?:T[\d:.]+)?\s*")
EXPECTED_RATIO = "a ratio such as 16:9, or a size such as 1024x1024"


class Ratios:
    """Repairs cells, and remembers the texts it repaired by column."""

    def __init__(self) -> None:
        self.repairs: dict[int, dict[str, str]] = {}
        """Column → text of the cell → ratio that was sent."""

    def repairing(
        self, column: int, field: str, convert: Callable[[JSON], JSON]
    ) -> Callable[[JSON], JSON]:
        """The converter of a field, then the repair. It raises InputError for a date."""

        def repair(cell: JSON) -> JSON:
            value = convert(cell)
            if not isinstance(value, str) or not value[:1].strip().isdecimal():
                return value
            if _DATE.fullmatch(value):
                raise InputError(field, expected=EXPECTED_RATIO, found=f"{value!r}, a date")
            ratio = ratio_of(value)
            if ratio is None or ratio == value:
                return value
            self.repairs.setdefault(column, {})[value] = ratio
            return ratio

        return repair


def ratio_of(text: str) -> str | None:
    """`16:09:00` and `16：9` as 16:9; None if the text is not a ratio."""
    found = _TIME.fullmatch(text) or _WRITTEN.fullmatch(text)
    if found is None or not int(found[1]) or not int(found[2]):
        return None
    return f"{int(found[1])}:{int(found[2])}"


@dataclass(slots=True)
class _Repairs:
    """The repaired cells of one column, and the first of them."""

    row: int
    before: str
    count: int = 0


def repair_findings(sheet: Sheet, repairs: Mapping[int, Mapping[str, str]]) -> list[Finding]:
    """One finding for each column: its first repaired cell, and the number of such cells."""
    if not repairs:
        return []
    found: dict[int, _Repairs] = {}
    for row, cells in sheet.rows():
        for column, texts in repairs.items():
            if column < len(cells) and cells[column] in texts:
                found.setdefault(column, _Repairs(row, str(cells[column]))).count += 1
    return [
        Finding(
            kind="repaired_ratio",
            severity="warning",
            row=one.row,
            column=sheet.layout.headers[column],
            values=(
                ("count", one.count),
                ("before", excerpt(one.before)),
                ("after", repairs[column][one.before]),
            ),
        )
        for column, one in found.items()
    ]
