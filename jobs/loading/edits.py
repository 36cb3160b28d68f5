"""Applies a person's edits to the cells of a sheet while it is read."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from jobs.job import JSON
from jobs.sheet.names import unique_headers
from jobs.store.edits import Edit


class Overlay:
    """Edits by row, for one pass over a sheet.

    A row's key comes from its unedited cells, so that an edit is found again at each load. An edit
    whose cell has changed in the sheet since goes to `outdated`: the sheet wins.
    """

    def __init__(self, edits: Iterable[Edit], headers: Sequence[str], *, by_request: bool) -> None:
        self.outdated: list[Edit] = []
        self._places = {name: place for place, name in enumerate(unique_headers(headers))}
        self._by_key: dict[str, list[Edit]] = defaultdict(list)
        self._by_request = by_request
        self._repeated: set[str] = set()
        self._seen: Counter[str] = Counter()
        for edit in edits:
            self._by_key[edit.key].append(edit)
            if by_request:
                self._repeated.add(edit.key.partition("-")[0])

    def apply(self, key: str, cells: Sequence[JSON]) -> list[JSON] | None:
        """The row's cells with its edits; None if no edit applies."""
        found = self._by_key.get(self._full(key))
        if not found:
            return None
        changed = list(cells)
        for edit in found:
            place = self._places.get(edit.header)
            if place is None:
                continue  # the column is gone; it may come back
            now = cells[place] if place < len(cells) else None
            if not _same(now, edit.before):
                self.outdated.append(edit)
                continue
            changed += [None] * (place + 1 - len(changed))
            changed[place] = edit.after
        return changed if changed != list(cells) else None

    def _full(self, key: str) -> str:
        """The key of a true duplicate with its number, as staging will give it."""
        if not self._by_request or key not in self._repeated:
            return key
        self._seen[key] += 1
        count = self._seen[key]
        return key if count == 1 else f"{key}-{count}"


def merge_edits(kept: Iterable[Edit], new: Iterable[Edit]) -> list[Edit]:
    """Both; a new edit of a cell replaces the kept one, or undoes it."""
    by_cell = {(edit.key, edit.header): edit for edit in (*kept, *new)}
    return [by_cell[cell] for cell in sorted(by_cell) if not _undone(by_cell[cell])]


def digest_of(edits: Sequence[Edit]) -> str:
    """A digest by which a load sees that the edits are the same."""
    text = json.dumps([list(edit) for edit in edits], ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _undone(edit: Edit) -> bool:
    return _same(edit.before, edit.after)


def _same(one: JSON, other: JSON) -> bool:
    blank = (None, "")
    return one == other or (one in blank and other in blank)
