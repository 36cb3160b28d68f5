"""Finds what a workbook shows of a row's files: a thumbnail, and a link."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.sheet.write.workbook import SAFE_LINK
from jobs.thumbnails import thumb_path


@dataclass(frozen=True, slots=True)
class ResultThumbnails:
    """The thumbnails of a workspace, by the names that results give to files."""

    workspace: Path
    files_at: str

    def of(self, name: str) -> Path | None:
        """The thumbnail of one file; None if there is none."""
        found = thumb_path(self.workspace, name.removeprefix(f"{self.files_at}/"))
        return found if found.is_file() else None

    def first(self, names: Sequence[str]) -> Path | None:
        """The first thumbnail of several files."""
        return next((path for name in names if (path := self.of(name))), None)


def link_to(names: Sequence[str]) -> str:
    """Where a link to these files leads: to the file, or to the folder of several.

    Empty for a name that is no plain relative path to a medium or text: a link opens a program.
    """
    if not names or not all(map(SAFE_LINK.fullmatch, names)):
        return ""
    if len(names) == 1:
        return names[0]
    folders = {name.rpartition("/")[0] for name in names}
    return folders.pop() if len(folders) == 1 else ""
