"""Refuses sheets whose rows, laid out under their header, are nearly all blank cells."""

from dataclasses import dataclass
from pathlib import Path

from jobs.sheet.finding import Finding, SheetError

MAX_COLUMNS = 16_384  # as in Excel
MAX_SPARSE_CELLS = 2_000_000  # an area of this size does no harm, however empty it is
MAX_SPARSENESS = 50  # cells of the area for each cell that is given


@dataclass(slots=True)
class Area:
    """The rows and cells of a sheet, counted while it is read."""

    rows: int = 0
    cells: int = 0

    def add_row(self, cells: int) -> None:
        """Count a row with so many cells of its own."""
        self.rows += 1
        self.cells += cells

    def check(self, path: Path, columns: int) -> None:
        """Raise SheetError if the rows cannot be laid out under so many columns."""
        if columns > MAX_COLUMNS:
            values = (("count", columns), ("most", MAX_COLUMNS))
            raise SheetError(
                path, [Finding(kind="too_many_columns", severity="error", values=values)]
            )
        area = self.rows * columns
        if area > MAX_SPARSE_CELLS and area > MAX_SPARSENESS * self.cells:
            values = (("count", columns), ("rows", self.rows))
            raise SheetError(path, [Finding(kind="too_sparse", severity="error", values=values)])
