"""Mends ratios that Excel took for times of day: 16:9 becomes 16:09:00 in a workbook."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jobs.job import JSON
from jobs.sheet.finding import Finding, excerpt
from jobs.sheet.reader import Sheet
from runner.endpoints.inputs import InputError

_TIME = re.compile(r"\s*0?(\d{1,3}):0?(\d{1,2})(:00(?:\.0+)?)?\s*")
_WRITTEN = re.compile(r"\s*(\d{1,3})\s*[:：∶]\s*(\d{1,3})\s*")
_DATE = re.compile(r"\s*\d{4}-\d\d-\d\d(?:T[\d:.]+)?\s*")
EXPECTED = "a ratio such as 16:9, or a size such as 1024x1024"


class Ratios:
    """Mends, and remembers which texts stood in which columns."""

    def __init__(self) -> None:
        self.mended: dict[int, dict[str, str]] = {}
        """Column → what stood there → what it was taken for."""

    def mending(
        self, column: int, field: str, convert: Callable[[JSON], JSON]
    ) -> Callable[[JSON], JSON]:
        """The converter of a field, behind the mending. It raises InputError for a date."""

        def mend(cell: JSON) -> JSON:
            value = convert(cell)
            if not isinstance(value, str) or not value[:1].strip().isdecimal():
                return value
            if _DATE.fullmatch(value):
                raise InputError(field, expected=EXPECTED, found=f"{value!r}, a date")
            ratio = mended(value)
            if ratio is None or ratio == value:
                return value
            self.mended.setdefault(column, {})[value] = ratio
            return ratio

        return mend


def mended(text: str) -> str | None:
    """`16:09:00` and `16：9` as 16:9; None where the text is no ratio."""
    found = _TIME.fullmatch(text) or _WRITTEN.fullmatch(text)
    if found is None or not int(found[1]) or not int(found[2]):
        return None
    return f"{int(found[1])}:{int(found[2])}"


@dataclass(slots=True)
class _Mends:
    """The mended cells of one column; the first of them is told."""

    row: int
    before: str
    count: int = 0


def repaired(sheet: Sheet, mended_texts: Mapping[int, Mapping[str, str]]) -> list[Finding]:
    """One finding a column: where the first mended cell is, and how many there are."""
    if not mended_texts:
        return []
    found: dict[int, _Mends] = {}
    for row, cells in sheet.rows():
        for column, texts in mended_texts.items():
            if column < len(cells) and cells[column] in texts:
                found.setdefault(column, _Mends(row, str(cells[column]))).count += 1
    return [
        Finding(
            kind="repaired_ratio",
            severity="warning",
            row=one.row,
            column=sheet.layout.headers[column],
            values=(
                ("count", one.count),
                ("before", excerpt(one.before)),
                ("after", mended_texts[column][one.before]),
            ),
        )
        for column, one in found.items()
    ]
