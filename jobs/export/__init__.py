"""Results beside the user's own columns, in one file that is written whole or not at all.

What only few commands do has files of its own, which those import: `fixes`, `into_copy`, `vectors`.
"""

from jobs.export.choice import unknown_fields
from jobs.export.expand import property_columns
from jobs.export.options import ExportOptions, Written
from jobs.export.placing import OutputError
from jobs.export.records import cell_problem
from jobs.export.shape import FORMATS, columns, format_for, format_of, results_path
from jobs.export.writing import (
    MAX_PICTURE_ROWS,
    stream_results,
    write_results,
)

__all__ = [
    "FORMATS",
    "MAX_PICTURE_ROWS",
    "ExportOptions",
    "OutputError",
    "Written",
    "cell_problem",
    "columns",
    "format_for",
    "format_of",
    "property_columns",
    "results_path",
    "stream_results",
    "unknown_fields",
    "write_results",
]
