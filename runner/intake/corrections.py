"""Reads the rows that a file names for `retry --from`, and the cells corrected in it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from jobs.sheet.formula import undo
from jobs.sheet.names import unique_headers
from jobs.sheet.reader import Sheet, open_sheet
from jobs.sheet.result_names import result_name, state_name
from jobs.sheet.write.fixes import LEADING_COLUMNS, MARKER_COLUMN
from jobs.sheet.write.writers import ColumnKind, cell_text
from jobs.store.edits import Edit, edited_cells
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.picks import REJECTED
from jobs.store.queries.few_rows import OwnRow, own_rows
from runner.catalogue import say
from runner.exits import Refusal
from runner.views.edited_cells import edits_in
from runner.workspace.workspace import SHEET_ID, Workspace

MAX_ROWS_SHOWN = 20
KEY_COLUMN, STATUS_COLUMN, PICK_COLUMN = "result_key", "result_status", "result_pick"
FAILED_STATUSES = frozenset({"failed"})
DELIMITED_FORMATS = frozenset({"csv", "tsv"})


class RowsFileKind(StrEnum):
    """The kinds of file that name rows."""

    FIXES = "fixes"  # from `errors --export`: corrected rows
    RESULTS = "results"  # a results file: its failed rows, unless other statuses are given
    TICKS = "ticks"  # any other list of keys: all its rows; of picks: the rejected ones


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRows:
    """The rows that a file names, and the edits in it."""

    file: Path
    source: RowsFileKind
    keys: tuple[str, ...]
    edits: tuple[Edit, ...] = ()

    @property
    def edited(self) -> frozenset[str]:
        """Keys of the rows that have an edit."""
        return frozenset(edit.key for edit in self.edits)

    @property
    def unchanged(self) -> tuple[str, ...]:
        """Keys of the rows that have none."""
        edited = self.edited
        return tuple(key for key in self.keys if key not in edited)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One row of the file: its number there, the row it names, its cells by own header."""

    at: int
    key: str
    cells: Mapping[str, str]


def read_named(
    path: Path,
    workspace: Workspace,
    loaded: LoadedSheet,
    *,
    statuses: frozenset[str] | None = FAILED_STATUSES,
) -> NamedRows:
    """Read the file. Raises Refusal if one of its rows is not in this sheet.

    A results file names its rows with one of `statuses`; None: all its rows.
    """
    sheet = open_sheet(path)
    source = _source(sheet)
    with workspace.place.look() as store, store.read() as tx:
        lines = list(_lines(sheet, source, statuses))
        own = own_rows(tx, SHEET_ID, _spellings(lines, sheet))
        edited = edited_cells(tx, SHEET_ID) if source is RowsFileKind.FIXES else {}
    lines = _known(path, _respelled(lines, own, sheet), own)
    edits: tuple[Edit, ...] = ()
    if source is RowsFileKind.FIXES:
        _refuse_repeated(path, lines)
        names = unique_headers(loaded.headers)
        edits = tuple(
            edit
            for line in lines
            for edit in edits_in(line.cells, own[line.key], names, edited.get(line.key, {}))
        )
    keys = tuple(dict.fromkeys(line.key for line in lines))
    return NamedRows(file=path, source=source, keys=keys, edits=edits)


def _source(sheet: Sheet) -> RowsFileKind:
    headers = _names(sheet)
    if KEY_COLUMN not in headers:
        raise Refusal(say("from.no_key", file=str(sheet.path)))
    if MARKER_COLUMN in headers:
        return RowsFileKind.FIXES
    return RowsFileKind.RESULTS if STATUS_COLUMN in headers else RowsFileKind.TICKS


def _names(sheet: Sheet) -> list[str]:
    """The headers, ours by their own names in whatever language they are."""
    return [result_name(header) for header in sheet.layout.headers]


def _lines(sheet: Sheet, source: RowsFileKind, statuses: frozenset[str] | None) -> Iterator[_Line]:
    headers = _names(sheet)
    # A user's column may have one of our names: in a results file ours come last.
    last = len(headers) - 1 - headers[::-1].index(KEY_COLUMN)
    key_at = last if source is RowsFileKind.RESULTS else headers.index(KEY_COLUMN)
    picks_at = headers.index(PICK_COLUMN) if PICK_COLUMN in headers else None
    status_at = None
    if source is RowsFileKind.RESULTS and statuses is not None:
        status_at = len(headers) - 1 - headers[::-1].index(STATUS_COLUMN)
    own = _own_places(sheet.layout.headers) if source is RowsFileKind.FIXES else {}
    for number, cells in sheet.rows():
        row = [*cells, *([None] * (len(headers) - len(cells)))]
        if (
            statuses is not None
            and status_at is not None
            and state_name(row[status_at]) not in statuses
        ):
            continue
        if source is RowsFileKind.TICKS and picks_at is not None and row[picks_at] != REJECTED:
            continue
        key = cell_text(row[key_at], ColumnKind.OWN)
        if key:
            texts = {name: cell_text(row[place], ColumnKind.OWN) for name, place in own.items()}
            yield _Line(at=number, key=key, cells=texts)


def _own_places(headers: Sequence[str]) -> dict[str, int]:
    """Place of each user column: all but the first column of each of our names."""
    ours_of = [result_name(header) for header in headers]
    ours = {ours_of.index(name) for name in LEADING_COLUMNS if name in ours_of}
    places = [place for place in range(len(headers)) if place not in ours]
    names = unique_headers([headers[place] for place in places])
    return dict(zip(names, places, strict=True))


def _spellings(lines: Sequence[_Line], sheet: Sheet) -> set[str]:
    """Every key as written, and as it was before --safe-csv changed it."""
    keys = {line.key for line in lines}
    return keys | {undo(key) for key in keys} if sheet.layout.format in DELIMITED_FORMATS else keys


def _respelled(lines: Sequence[_Line], own: Mapping[str, OwnRow], sheet: Sheet) -> list[_Line]:
    if sheet.layout.format not in DELIMITED_FORMATS:
        return list(lines)
    return [
        line if line.key in own else _Line(at=line.at, key=undo(line.key), cells=line.cells)
        for line in lines
    ]


def _known(path: Path, lines: list[_Line], own: Mapping[str, OwnRow]) -> list[_Line]:
    unknown = [line for line in lines if line.key not in own or own[line.key].parked]
    if not unknown:
        return lines
    sentences = [say("from.unknown_rows", file=str(path))]
    sentences += [
        say("from.unknown_row", row=line.at, key=line.key) for line in unknown[:MAX_ROWS_SHOWN]
    ]
    if len(unknown) > MAX_ROWS_SHOWN:
        sentences.append(say("from.more_unknown", count=f"{len(unknown) - MAX_ROWS_SHOWN:,}"))
    raise Refusal("\n".join(sentences))


def _refuse_repeated(path: Path, lines: Sequence[_Line]) -> None:
    """Raises Refusal for a row that is corrected twice in different ways."""
    counted = Counter(line.key for line in lines)
    first: dict[str, _Line] = {}
    for line in lines:
        if counted[line.key] > 1 and first.setdefault(line.key, line).cells != line.cells:
            before = first[line.key].at
            raise Refusal(
                say("from.repeated", file=str(path), first=before, second=line.at, key=line.key)
            )
