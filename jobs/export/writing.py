"""Writes the results of a sheet in any format, to a file or to a stream."""

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from jobs.export.choice import chosen, projected
from jobs.export.expand import property_records, with_properties
from jobs.export.lines import write_built
from jobs.export.options import ExportOptions, Written
from jobs.export.placing import OutputError, checked_target, named_errors, part_beside, put
from jobs.export.records import records
from jobs.export.shape import format_of, grid, titled
from jobs.export.traces import Traces
from jobs.sheet.write.delimited import write_delimited
from jobs.sheet.write.lines import write_lines
from jobs.sheet.write.writers import RecordStream, ResultColumns, Tally
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.queries.result_json import can_build
from jobs.store.queries.results import ResultRow, Results

SEEKING_FORMATS = frozenset({"xlsx", "parquet"})
"""Formats whose writer seeks in its file, which a pipe cannot."""

MAX_PICTURE_ROWS = 5_000
"""Up to so many rows a workbook shows thumbnails by default: about 50 MB."""


def write_results(
    rows: Iterable[ResultRow],
    loaded: LoadedSheet,
    target: Path,
    *,
    format: str | None = None,  # noqa: A002 - the plain word, as people say it
    options: ExportOptions | None = None,
) -> Written:
    """Write all rows to `target`, whole or not at all; to a sibling if the target is not ours.

    The default format is that of the sheet's own results; the default workspace is the target's
    folder. Raises OutputError if the results cannot be written.
    """
    real = checked_target(target)
    options = options or ExportOptions(workspace=real.parent)
    format = format or format_of(loaded)  # noqa: A001 - as above
    with named_errors(target), part_beside(real) as (_, file):
        job = _Job(loaded=loaded, folder=real.parent, format=format, options=options)
        tally = job.write(file, rows)
        path, moved = put(file, real, traces=Traces(options.workspace), now=options.now)
    return Written(
        path=path if moved else target,
        rows=tally.rows,
        moved=moved,
        replaced=tally.replaced,
        texts=tally.texts,
    )


def stream_results(
    rows: Iterable[ResultRow],
    loaded: LoadedSheet,
    stream: BinaryIO,
    *,
    format: str,  # noqa: A002 - as above
    options: ExportOptions,
) -> Tally:
    """Write all rows to a stream; paths in them are relative to the workspace."""
    job = _Job(loaded=loaded, folder=options.workspace, format=format, options=options)
    if format not in SEEKING_FORMATS:
        return job.write(stream, rows)
    with tempfile.TemporaryFile() as file:
        tally = job.write(cast("BinaryIO", file), rows)  # on Windows it is wrapped
        file.seek(0)
        shutil.copyfileobj(file, stream)
    return tally


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One results file to be written. `folder` is that of the file."""

    loaded: LoadedSheet
    folder: Path
    format: str
    options: ExportOptions

    def write(self, file: BinaryIO, rows: Iterable[ResultRow]) -> Tally:
        files_at = self.options.files_from(self.folder)
        properties = self.options.properties
        plain = (
            self.format == "jsonl"
            and not properties
            and self.options.fields is None
            and self.options.headers == "en"
        )
        if plain and isinstance(rows, Results) and can_build(rows):
            return write_built(file, rows, self.loaded, files_at=files_at)
        columns, lines = grid(self.loaded), records(rows, self.loaded, files_at=files_at)
        if properties:
            return self._put(
                file, with_properties(columns, properties), property_records(lines, properties)
            )
        return self._put(file, columns, lines)

    def _put(self, file: BinaryIO, columns: ResultColumns, lines: RecordStream) -> Tally:
        columns, places = chosen(columns, kind=self.format, fields=self.options.fields)
        if places is not None:
            lines = projected(lines, places)
        columns = titled(columns, self.options.headers)
        safe = self.options.safe
        match self.format:
            case "csv":
                return write_delimited(file, columns, lines, delimiter=",", safe=safe)
            case "tsv":
                return write_delimited(file, columns, lines, delimiter="\t", safe=safe)
            case "jsonl":
                return write_lines(file, columns, lines)
            case "parquet":
                # Most results are text, so only these formats import their writers.
                from jobs.sheet.write.parquet import write_parquet  # noqa: PLC0415 - see above

                return write_parquet(file, columns, lines)
            case "xlsx":
                from jobs.export.workbook import put_workbook  # noqa: PLC0415 - as above

                return put_workbook(file, columns, lines, folder=self.folder, options=self.options)
            case _:
                raise OutputError("output_format", format=self.format)
