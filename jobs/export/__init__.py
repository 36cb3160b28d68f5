"""Results beside the user's own columns, as one file that is written whole or not at all."""

from jobs.export.placing import OutputError
from jobs.export.shape import FORMATS, columns, format_for, format_of, results_path
from jobs.export.writing import Options, Written, stream_results, write_results

__all__ = [
    "FORMATS",
    "Options",
    "OutputError",
    "Written",
    "columns",
    "format_for",
    "format_of",
    "results_path",
    "stream_results",
    "write_results",
]
