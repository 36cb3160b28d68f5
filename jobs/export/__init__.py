"""Results beside the user's own columns, in one file that is written whole or not at all."""

from jobs.export.choice import unknown_fields
from jobs.export.expand import property_columns
from jobs.export.fixes import FixOptions, current_cells, export_fixes
from jobs.export.into_copy import COPIED_FORMATS, Original, write_into_copy
from jobs.export.placing import OutputError
from jobs.export.records import cell_problem
from jobs.export.shape import FORMATS, columns, format_for, format_of, results_path
from jobs.export.writing import (
    MAX_PICTURE_ROWS,
    ExportOptions,
    Written,
    stream_results,
    write_results,
)

__all__ = [
    "COPIED_FORMATS",
    "FORMATS",
    "MAX_PICTURE_ROWS",
    "ExportOptions",
    "FixOptions",
    "Original",
    "OutputError",
    "Written",
    "cell_problem",
    "columns",
    "current_cells",
    "export_fixes",
    "format_for",
    "format_of",
    "property_columns",
    "results_path",
    "stream_results",
    "unknown_fields",
    "write_into_copy",
    "write_results",
]
