"""An opened sheet, whatever its format."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from jobs.job import JSON
from jobs.sheet.block import MAX_BLOCK_CHARACTERS, RowBlock, count_characters, rows_per_block
from jobs.sheet.finding import Finding

Row: TypeAlias = tuple[int, list[JSON]]
Note: TypeAlias = Callable[[Finding], None]
NeededColumns: TypeAlias = frozenset[int] | None
"""The columns that requests are made of; None if not known, and then any column may be."""
RowSource: TypeAlias = Callable[[Note, NeededColumns], Iterator[Row]]
RowGroup: TypeAlias = tuple[Sequence[int], Sequence[list[JSON]]]
"""Several rows: their numbers and their cells."""
GroupSource: TypeAlias = Callable[[Note, int], Iterator[RowGroup]]
"""A source that reads up to a number of rows at once, which is far cheaper than one by one."""

MAX_FINDINGS_OF_A_KIND = 1_000  # a sheet may have a million odd rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a sheet was understood. `header_row` is 0 if the format has no header row."""

    format: str
    encoding: str | None = None
    delimiter: str | None = None  # None also for delimited sheets of one column
    tab: str | None = None
    header_row: int = 0
    headers: tuple[str, ...] = ()
    types: tuple[str, ...] = ()  # of a parquet sheet: the Arrow type of each column
    hidden_columns: tuple[int, ...] = ()  # that a person hid
    typed: bool = False  # cells keep their JSON types (jsonl, json, parquet)


class Sheet:
    """An opened sheet. It streams its rows and can be read more than once.

    `findings` holds what opening found and grows while rows are read, up to a limit per kind;
    reading again adds nothing twice. Set `needed` to the columns that requests are made of, and
    damage in other columns is no error.
    """

    def __init__(
        self,
        path: Path,
        layout: Layout,
        *,
        source: RowSource,
        together: GroupSource | None = None,
        findings: tuple[Finding, ...] = (),
        hidden_rows: frozenset[int] = frozenset(),
    ) -> None:
        self.path = path
        self.layout = layout
        self.findings: list[Finding] = []
        self.hidden_rows = hidden_rows  # numbers of the rows that a filter or a person hid
        self.needed: NeededColumns = None
        self._seen: set[Finding] = set()
        self._kinds: Counter[str] = Counter()
        self._source = source
        self._together = together
        self._errors: dict[int, Finding] | None = (
            None  # by row number, for rows that are in no block yet
        )
        for finding in findings:
            self.note(finding)

    def rows(self) -> Iterator[Row]:
        """Row numbers and cells in header order; blank rows are skipped.

        A row longer than the header comes whole, with an error in `findings`. Raises SheetError
        if the rest of the file cannot be read.
        """
        return self._source(self.note, self.needed)

    def blocks(self) -> Iterator[RowBlock]:
        """The same rows in blocks, each with all errors of its rows."""
        errors: dict[int, Finding] = {}
        self._errors = errors
        try:
            for positions, cells in self._several(rows_per_block(len(self.layout.headers))):
                # A source may already have read rows of the next block.
                mine = {at: errors.pop(at) for at in positions if at in errors} if errors else {}
                yield RowBlock.of(positions, cells, mine, typed=self.layout.typed)
        finally:
            self._errors = None

    def _several(self, size: int) -> Iterator[RowGroup]:
        if self._together is not None:
            yield from self._together(self.note, size)
            return
        rows = self.rows()
        while some := list(_portion(rows, size)):
            positions, cells = zip(*some, strict=True)
            yield positions, cells

    def note(self, finding: Finding) -> None:
        """Add a finding, unless it was added before."""
        if self._errors is not None and finding.severity == "error" and finding.row is not None:
            self._errors[finding.row] = finding
        if self._kinds[finding.kind] < MAX_FINDINGS_OF_A_KIND and finding not in self._seen:
            self._kinds[finding.kind] += 1
            self._seen.add(finding)
            self.findings.append(finding)


def _portion(rows: Iterator[Row], size: int) -> Iterator[Row]:
    """At most `size` rows, fewer if their texts are long."""
    text = 0
    for row in islice(rows, size):
        yield row
        text += count_characters(row[1])
        if text >= MAX_BLOCK_CHARACTERS:
            return
