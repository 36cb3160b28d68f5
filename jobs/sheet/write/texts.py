"""Writes texts that are too long for a cell to files beside the workbook."""

import os
import re
from pathlib import Path

from jobs.sheet.write.writers import without_surrogates

TEXTS_FOLDER = "texts"
_PLACEHOLDER = re.compile(r"\[[0-9,]+ characters: texts/[^\]\n]+\]")


def placeholder(text: str, path: str) -> str:
    """What a cell holds in place of a text that is too long."""
    return f"[{len(text):,} characters: {path}]"


def is_placeholder(cell: str) -> bool:
    """True if a cell only says where its text is."""
    return _PLACEHOLDER.fullmatch(cell) is not None


class TextFiles:
    """Files in the folder `texts`. An existing file with another text is never overwritten."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / TEXTS_FOLDER
        self.written = 0

    def keep(self, name: str, text: str) -> str:
        """Write a text under this name or a later version; return its path from the workbook."""
        raw = without_surrogates(text)[0].encode()
        self.folder.mkdir(exist_ok=True)
        self.written += 1
        version = 1
        while True:
            final = self.folder / (f"{name}.txt" if version == 1 else f"{name}_v{version}.txt")
            if not final.exists():
                break
            if final.stat().st_size == len(raw) and final.read_bytes() == raw:
                return f"{TEXTS_FOLDER}/{final.name}"
            version += 1
        part = final.with_suffix(".part")
        part.unlink(missing_ok=True)
        # A new file: never writes to one that somebody else put there.
        with part.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        part.replace(final)
        return f"{TEXTS_FOLDER}/{final.name}"
