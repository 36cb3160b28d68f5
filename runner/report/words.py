"""The words that a row's request is made of, as a page shows and changes them."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.export.shape import grid, own_columns
from jobs.job import JSON
from jobs.loading.edits import merge_edits
from jobs.sheet.names import unique_headers
from jobs.sheet.write.writers import ColumnKind, cell_text
from jobs.store import Transaction
from jobs.store.edits import ask_for_changed_words, edited_cells, edits_of, replace_edits
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.queries.few_rows import OwnRow, own_row_at
from runner.secret import redacted
from runner.views.edited_cells import edits_in, sent_columns
from runner.workspace.workspace import SHEET_ID, Workspace

MAX_WORDS = 100_000  # characters of one cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell that a request is made of; `text` is what is sent, `own` what the sheet says."""

    header: str
    field: str
    text: str
    own: str


def words_of(workspace: Workspace, row: int) -> list[Cell]:
    """The cells of a row that can be changed; empty if there is no such row.

    Columns that the sheet hides are left out, and texts that hold a secret.
    """
    with workspace.place.look() as store, store.read() as tx:
        loaded = workspace.loaded_in(tx)
        own = own_row_at(tx, SHEET_ID, row)
        return [] if own is None else _cells(tx, loaded, own)


def change_words(workspace: Workspace, row: int, cells: Mapping[str, str]) -> bool:
    """Keep these texts as edits of the row, which hold at the next load; False if none differs.

    The sheet's own text takes an edit back.
    """
    with workspace.place.open() as store, store.write() as tx:
        loaded = workspace.loaded_in(tx)
        own = own_row_at(tx, SHEET_ID, row)
        if own is None:
            return False
        known = {cell.header for cell in _cells(tx, loaded, own)}
        wanted = {name: text for name, text in cells.items() if name in known}
        edited = edited_cells(tx, SHEET_ID).get(own.key, {})
        new = list(edits_in(wanted, own, unique_headers(loaded.headers), edited))
        if new:
            replace_edits(tx, SHEET_ID, merge_edits(edits_of(tx, SHEET_ID), new))
            ask_for_changed_words(tx, SHEET_ID, own.key)
        return bool(new)


def _cells(tx: Transaction, loaded: LoadedSheet, own: OwnRow) -> list[Cell]:
    names = unique_headers(loaded.headers)
    edited: Mapping[str, JSON] = edited_cells(tx, SHEET_ID).get(own.key, {})
    columns = grid(loaded).columns
    shown = {
        place
        for place, column in zip(own_columns(loaded), columns, strict=False)
        if not column.hidden
    }
    found = []
    for place, field in sorted(sent_columns(loaded).items()):
        if place not in shown:
            continue
        before = own.cells[place] if place < len(own.cells) else None
        texts = [
            cell_text(one, ColumnKind.OWN) for one in (edited.get(names[place], before), before)
        ]
        if all(redacted(text) == text for text in texts):
            found.append(Cell(header=names[place], field=field, text=texts[0], own=texts[1]))
    return found
