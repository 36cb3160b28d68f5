"""Writes results into a copy of the person's own workbook, leaving all else as it is."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.export.expand import property_records, with_properties
from jobs.export.options import ExportOptions, Written
from jobs.export.placing import checked_target, named_errors, part_beside, put
from jobs.export.records import records
from jobs.export.shape import grid, own_columns
from jobs.export.shown import ResultThumbnails, link_to
from jobs.export.traces import Traces
from jobs.export.writing import write_results
from jobs.loading.columns import RESULT_COLUMNS
from jobs.sheet.copy.parts import UnfitWorkbookError
from jobs.sheet.copy.pictures import SHOWN_COLUMNS
from jobs.sheet.copy.sheet import AddedRow, CellValue
from jobs.sheet.copy.workbook import SheetLocation, copy_with_columns, verify_copy
from jobs.sheet.result_names import CHINESE_STATES, chinese_name
from jobs.sheet.write.cells import clean, is_long
from jobs.sheet.write.texts import TextFiles, placeholder
from jobs.sheet.write.writers import Column, ColumnKind, cell_text
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.queries.results import ResultRow

COPIED_FORMATS = frozenset({"xlsx", "xlsm"})
_ROW = RESULT_COLUMNS.index("result_row")
_FILES = RESULT_COLUMNS.index("result_files")
_NUMBER_KINDS = frozenset({ColumnKind.INTEGER, ColumnKind.NUMBER})
RowReader = Callable[[], Iterable[ResultRow]]
"""Gives the rows each time it is called: to write them, and to verify what was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The person's own workbook, as it was loaded."""

    path: Path
    loaded: LoadedSheet


def write_into_copy(
    rows: RowReader, original: Original, target: Path, *, options: ExportOptions
) -> Written:
    """Write a copy with our columns, verified by reading it; else a new workbook.

    `unfit` of the result says why it became a new workbook. Raises OutputError.
    """
    real = checked_target(target)
    try:
        place = _place(original)
        with named_errors(target):
            return _copied(rows, original, place, (target, real), options)
    except UnfitWorkbookError as error:
        # A new workbook has no macros, so it must not be named .xlsm.
        if target.suffix.lower() == ".xlsm":
            target = target.with_suffix(".xlsx")
        written = write_results(rows(), original.loaded, target, format="xlsx", options=options)
        return replace(written, unfit=error)


def _place(original: Original) -> SheetLocation:
    loaded = original.loaded
    layout = loaded.layout
    tab, header = layout.get("tab"), layout.get("header_row")
    if layout.get("format") not in COPIED_FORMATS or not isinstance(tab, str):
        raise UnfitWorkbookError("copy_format")
    if not isinstance(header, int) or header < 1:
        raise UnfitWorkbookError("copy_no_header")
    if len(own_columns(loaded)) != len(loaded.headers):
        raise UnfitWorkbookError("copy_has_results")
    try:
        with original.path.open("rb") as file:
            digest = hashlib.file_digest(file, "blake2b").digest()
    except OSError as error:
        raise UnfitWorkbookError("copy_unreadable", reason=error) from error
    if digest != loaded.sheet_digest:
        raise UnfitWorkbookError("copy_changed")
    return SheetLocation(tab=tab, header_row=header)


def _copied(
    rows: RowReader,
    original: Original,
    place: SheetLocation,
    targets: tuple[Path, Path],
    options: ExportOptions,
) -> Written:
    target, real = targets
    loaded = original.loaded
    own = grid(loaded).own
    columns = with_properties(grid(loaded), options.properties).columns[own:]
    shows = any(row.files for row in rows())
    names = [*(SHOWN_COLUMNS if shows else ()), *(column.name for column in columns)]
    chinese = options.headers == "zh"
    headers = [clean(chinese_name(name) if chinese else name)[0] for name in names]
    files_at = options.files_from(real.parent)
    picture = ResultThumbnails(options.workspace, files_at) if options.thumbs else None

    def lines(texts: TextFiles) -> Iterator[AddedRow]:
        placed = (row for row in rows() if row.status != "parked")
        found = records(placed, loaded, files_at=files_at)
        for record in property_records(found, options.properties):
            ours = record[own:]
            number = ours[_ROW]
            assert isinstance(number, int)
            values = _values(columns, ours, texts, number)
            if chinese:
                values[0] = CHINESE_STATES.get(str(values[0]), values[0])
            if not shows:
                yield AddedRow(number=number, values=values)
                continue
            names = [str(name) for name in ours[_FILES] or ()]  # type: ignore[union-attr]  # a list
            yield AddedRow(
                number=number,
                values=[None, clean("\n".join(map(_last, names)))[0], *values],
                picture=picture.first(names) if picture is not None else None,
                link=link_to(names),
            )

    texts = TextFiles(real.parent)
    with part_beside(real) as (part, file):
        copied = copy_with_columns(original.path, file, place, headers, lines(texts))
        file.flush()
        verify_copy(original.path, part, copied, place, lines(TextFiles(real.parent)))
        count = sum(1 for row in rows() if row.status != "parked")
        path, moved = put(file, real, traces=Traces(options.workspace), now=options.now)
    return Written(path=path if moved else target, rows=count, moved=moved, texts=texts.written)


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _values(
    columns: Iterable[Column], ours: Iterable[object], texts: TextFiles, number: int
) -> list[CellValue]:
    found: list[CellValue] = []
    for column, value in zip(columns, ours, strict=True):
        if column.kind in _NUMBER_KINDS and isinstance(value, int | float):
            found.append(value)
            continue
        text = cell_text(value, column.kind)  # type: ignore[arg-type]  # a record holds JSON
        if is_long(text):
            text = placeholder(text, texts.keep(f"{number}-{column.name}", text))
        found.append(clean(text)[0])
    return found
