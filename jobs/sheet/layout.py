"""An opened sheet, whatever its format."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from jobs.job import JSON
from jobs.sheet.finding import Finding

Row: TypeAlias = tuple[int, list[JSON]]
Note: TypeAlias = Callable[[Finding], None]
Source: TypeAlias = Callable[[Note], Iterator[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a sheet was understood; `header_row` is 0 where the format has no header row."""

    format: str
    encoding: str | None = None
    delimiter: str | None = None  # None also for delimited sheets of one column
    tab: str | None = None
    header_row: int = 0
    headers: tuple[str, ...] = ()
    typed: bool = False  # cells keep their JSON types (jsonl, json, parquet)


class Sheet:
    """An opened, understood sheet; it streams, and can be read more than once.

    `findings` holds what opening found and grows while rows are read; reading again adds nothing
    twice.
    """

    def __init__(
        self, path: Path, layout: Layout, *, source: Source, findings: tuple[Finding, ...] = ()
    ) -> None:
        self.path = path
        self.layout = layout
        self.findings: list[Finding] = []
        self._seen: set[Finding] = set()
        self._source = source
        for finding in findings:
            self.note(finding)

    def rows(self) -> Iterator[Row]:
        """Row numbers and cells in header order; blank rows are skipped.

        A row longer than the header comes whole, with an error in `findings`. Raises SheetError
        where the rest of the file cannot be read.
        """
        return self._source(self.note)

    def note(self, finding: Finding) -> None:
        """Add a finding once."""
        if finding not in self._seen:
            self._seen.add(finding)
            self.findings.append(finding)
