"""The rows that a file names for `retry --from`, with the cells that were corrected in it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from jobs.job import JSON
from jobs.sheet.formula import undo
from jobs.sheet.names import unique_headers
from jobs.sheet.reader import Sheet, open_sheet
from jobs.sheet.write.cells import clean
from jobs.sheet.write.fixes import LEADING, MARK
from jobs.sheet.write.texts import is_placeholder
from jobs.sheet.write.writers import ColumnKind, cell_text
from jobs.store import Store
from jobs.store.batches import LoadedSheet
from jobs.store.edits import Edit, edited_cells
from jobs.store.queries.few_rows import OwnRow, own_rows
from runner.catalogue import say
from runner.exits import Refusal
from runner.workspace.workspace import SHEET_ID, Workspace

MOST_SHOWN = 20
KEY, STATUS = "result_key", "result_status"
FAILED = frozenset({"failed"})
DELIMITED = frozenset({"csv", "tsv"})


class RowsFileKind(StrEnum):
    """What kind of file names the rows."""

    FIXES = "fixes"  # of `errors --export`: corrected rows
    RESULTS = "results"  # a results file: its failed rows, unless others are asked for
    TICKS = "ticks"  # any other list of keys: all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRows:
    """What a file asks for. `unchanged` rows of a fixes file are those without an edit."""

    file: Path
    source: RowsFileKind
    keys: tuple[str, ...]
    edits: tuple[Edit, ...] = ()

    @property
    def edited(self) -> frozenset[str]:
        """The rows that were corrected."""
        return frozenset(edit.key for edit in self.edits)

    @property
    def unchanged(self) -> tuple[str, ...]:
        """The rows that were not."""
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
    statuses: frozenset[str] | None = FAILED,
) -> NamedRows:
    """Read the file. Raises Refusal where a row of it is not one of this sheet's.

    Of a results file the rows with one of `statuses` are meant; None: all of them.
    """
    sheet = open_sheet(path)
    source = _source(sheet)
    store = Store.look(workspace.table)
    try:
        with store.read() as tx:
            lines = list(_lines(sheet, source, statuses))
            own = own_rows(tx, SHEET_ID, _spellings(lines, sheet))
            edited = edited_cells(tx, SHEET_ID) if source is RowsFileKind.FIXES else {}
    finally:
        store.close()
    lines = _known(path, _respelt(lines, own, sheet), own)
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
    headers = sheet.layout.headers
    if KEY not in headers:
        raise Refusal(say("from.no_key", file=str(sheet.path)))
    if MARK in headers:
        return RowsFileKind.FIXES
    return RowsFileKind.RESULTS if STATUS in headers else RowsFileKind.TICKS


def _lines(sheet: Sheet, source: RowsFileKind, statuses: frozenset[str] | None) -> Iterator[_Line]:
    headers = sheet.layout.headers
    # A user's own column may have one of our names: in a results file ours are the last ones.
    last = len(headers) - 1 - headers[::-1].index(KEY)
    key_at = last if source is RowsFileKind.RESULTS else headers.index(KEY)
    status_at = None
    if source is RowsFileKind.RESULTS and statuses is not None:
        status_at = len(headers) - 1 - headers[::-1].index(STATUS)
    own = _own_places(headers) if source is RowsFileKind.FIXES else {}
    for number, cells in sheet.rows():
        row = [*cells, *([None] * (len(headers) - len(cells)))]
        if statuses is not None and status_at is not None and row[status_at] not in statuses:
            continue
        key = cell_text(row[key_at], ColumnKind.OWN)
        if key:
            texts = {name: cell_text(row[place], ColumnKind.OWN) for name, place in own.items()}
            yield _Line(at=number, key=key, cells=texts)


def _own_places(headers: Sequence[str]) -> dict[str, int]:
    """Where the user's columns are: all but the first column of each of our names."""
    ours = {headers.index(name) for name in LEADING if name in headers}
    places = [place for place in range(len(headers)) if place not in ours]
    names = unique_headers([headers[place] for place in places])
    return dict(zip(names, places, strict=True))


def _spellings(lines: Sequence[_Line], sheet: Sheet) -> set[str]:
    """Every key as written, and as it was before a csv made it harmless."""
    keys = {line.key for line in lines}
    return keys | {undo(key) for key in keys} if sheet.layout.format in DELIMITED else keys


def _respelt(lines: Sequence[_Line], own: Mapping[str, OwnRow], sheet: Sheet) -> list[_Line]:
    if sheet.layout.format not in DELIMITED:
        return list(lines)
    return [
        line if line.key in own else _Line(at=line.at, key=undo(line.key), cells=line.cells)
        for line in lines
    ]


def _known(path: Path, lines: list[_Line], own: Mapping[str, OwnRow]) -> list[_Line]:
    unknown = [line for line in lines if line.key not in own or own[line.key].parked]
    if not unknown:
        return lines
    told = [say("from.unknown_rows", file=str(path))]
    told += [say("from.unknown_row", row=line.at, key=line.key) for line in unknown[:MOST_SHOWN]]
    if len(unknown) > MOST_SHOWN:
        told.append(say("from.more_unknown", count=f"{len(unknown) - MOST_SHOWN:,}"))
    raise Refusal("\n".join(told))


def _refuse_repeated(path: Path, lines: Sequence[_Line]) -> None:
    """One row corrected twice, differently: nobody can know which is meant."""
    counted = Counter(line.key for line in lines)
    first: dict[str, _Line] = {}
    for line in lines:
        if counted[line.key] > 1 and first.setdefault(line.key, line).cells != line.cells:
            before = first[line.key].at
            raise Refusal(
                say("from.repeated", file=str(path), first=before, second=line.at, key=line.key)
            )


def edits_in(
    cells: Mapping[str, str], own: OwnRow, names: Sequence[str], edited: Mapping[str, JSON]
) -> Iterator[Edit]:
    """The cells that say something else than what was written out for them."""
    for place, name in enumerate(names):
        if name not in cells:
            continue
        before = own.cells[place] if place < len(own.cells) else None
        shown = cell_text(edited.get(name, before), ColumnKind.OWN)
        found = cells[name]
        if is_placeholder(found) or _as_kept(found) == _as_kept(shown):
            continue
        yield Edit(own.key, name, before, _typed(found, like=before))


def _as_kept(text: str) -> str:
    """A text as a workbook gives it back: line breaks alike, without what it cannot hold."""
    return clean(text)[0].replace("\r\n", "\n").replace("\r", "\n")


def _typed(text: str, *, like: JSON) -> JSON:
    """The text as the kind of value that stood there: jsonl and parquet keep their types."""
    if isinstance(like, str) or like is None:
        return text
    try:
        found: JSON = json.loads(text)
    except ValueError:
        return text
    return found
