"""How results are written, and where they went."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.export.records import path_of_files
from jobs.sheet.write.writers import Column
from jobs.store.queries.totals import Spent

if TYPE_CHECKING:
    from jobs.sheet.copy.parts import UnfitWorkbookError


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """How results are written.

    `workspace` holds the record of what we wrote, and the files that results name, unless
    `files_at` is the address of their folder. `safe`
    neutralises the user's own columns too, in csv and tsv. `properties` are columns for structured
    output. `fields` chooses among our columns, and names hidden ones of the sheet that csv leaves
    out otherwise. `thumbs` shows thumbnails in a workbook. `spent` goes on the summary tab of a
    workbook, whose labels `label` translates. `now` (Unix seconds) dates a sibling.
    """

    workspace: Path
    files_at: str | None = None
    safe: bool = False
    properties: tuple[Column, ...] = ()
    fields: frozenset[str] | None = None  # in lower case
    thumbs: bool = False
    spent: Spent | None = None
    label: Callable[[str], str] = str
    headers: str = "en"  # the language of our headers, in workbooks also of states
    now: float = field(default_factory=time.time)

    def files_from(self, folder: Path) -> str:
        """The folder of the files, as results in this folder name it."""
        return self.files_at or path_of_files(self.workspace, folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where the results went. `moved`: to a sibling, since the target was changed or is open.

    `replaced` characters could not be written; `texts` too long for a cell are in files beside it.
    `unfit` says why a copy of the user's workbook became a new one.
    """

    path: Path
    rows: int
    moved: bool
    replaced: int = 0
    texts: int = 0
    unfit: "UnfitWorkbookError | None" = None
