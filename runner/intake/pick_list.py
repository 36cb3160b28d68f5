"""Reads picks from a list: of the page, or the column `result_pick` of a results file."""

import re
import time
from collections import defaultdict
from pathlib import Path

from jobs.sheet.formula import undo
from jobs.sheet.reader import open_sheet
from jobs.sheet.result_names import result_name
from jobs.sheet.write.writers import ColumnKind, cell_text
from jobs.store.picks import REJECTED, Mark, MarkedRow, mark_rows
from jobs.store.queries.few_rows import own_rows
from jobs.store.queue.choices import RowChoice
from runner.catalogue import say
from runner.exits import Refusal
from runner.workspace.workspace import SHEET_ID, Workspace

KEY_COLUMN, PICK_COLUMN = "result_key", "result_pick"
NO_MARK = "none"  # in a list of the page: a mark that was taken back
_PICK = re.compile(r"([1-5])?\s*(?:file (.+))?", re.DOTALL)


def read_pick_list(path: Path, workspace: Workspace) -> dict[Mark, list[str]]:
    """The keys of the rows to mark, by mark. Raises Refusal for a file that is no such list."""
    sheet = open_sheet(path)
    names = [result_name(header) for header in sheet.layout.headers]
    if KEY_COLUMN not in names or PICK_COLUMN not in names:
        raise Refusal(say("pick.no_list", file=str(path)))
    # A user's column may have one of our names: in a results file ours come last.
    key_at, pick_at = (len(names) - 1 - names[::-1].index(one) for one in (KEY_COLUMN, PICK_COLUMN))
    found: dict[Mark, list[str]] = defaultdict(list)
    for number, cells in sheet.rows():
        row = [*cells, *([None] * (len(names) - len(cells)))]
        key, text = (cell_text(row[place], ColumnKind.OWN) for place in (key_at, pick_at))
        if not key or not text.strip():
            continue
        mark = mark_of(text)
        if mark is None:
            raise Refusal(say("pick.bad_cell", file=str(path), row=number, found=text[:80]))
        found[mark].append(key)
    return _known(found, path, workspace)


def keep_pick_list(path: Path, workspace: Workspace) -> list[MarkedRow]:
    """Mark the rows of a list in the table; returns every row that it names."""
    marks = read_pick_list(path, workspace)
    with workspace.place.open() as store, store.write() as tx:
        return [
            row
            for mark, keys in marks.items()
            for row in mark_rows(tx, SHEET_ID, RowChoice(keys=keys), mark, now=time.time())
        ]


def _known(found: dict[Mark, list[str]], path: Path, workspace: Workspace) -> dict[Mark, list[str]]:
    """The marks with each key as the table has it. Raises Refusal for a row it has not."""
    keys = {key for some in found.values() for key in some}
    with workspace.place.look() as store, store.read() as tx:
        own = own_rows(tx, SHEET_ID, keys | {undo(key) for key in keys})
    as_kept = {key: key if key in own else undo(key) for key in keys}
    strange = sorted(key for key, kept in as_kept.items() if kept not in own)
    if strange:
        raise Refusal(
            say("pick.strange_row", file=str(path), key=strange[0], count=f"{len(strange):,}")
        )
    return {mark: [as_kept[key] for key in some] for mark, some in found.items()}


def mark_of(text: str) -> Mark | None:
    """The mark that a text of `result_pick` means; None if it is no such text."""
    plain = text.strip()
    if plain == REJECTED:
        return Mark(rejected=True)
    if plain == NO_MARK:
        return Mark()
    found = _PICK.fullmatch(plain)
    if found is None or not plain:
        return None
    stars, file = found.groups()
    named: int | str | None = file
    if file is not None and re.fullmatch("[1-9][0-9]{0,5}", file):
        named = int(file)
    return Mark(stars=int(stars) if stars else None, file=named)
