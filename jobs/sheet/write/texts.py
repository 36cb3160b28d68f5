"""Keeps texts that are too long for a cell as files beside the workbook."""

import os
import re
from pathlib import Path

from jobs.sheet.write.writers import without_surrogates

TEXTS_FOLDER = "texts"
_PLACEHOLDER = re.compile(r"\[[0-9,]+ characters: texts/[^\]\n]+\]")


def placeholder(text: str, path: str) -> str:
    """What stands in a cell for a text that is too long for it."""
    return f"[{len(text):,} characters: {path}]"


def is_placeholder(cell: str) -> bool:
    """Does this cell only say where its text is?"""
    return _PLACEHOLDER.fullmatch(cell) is not None


class TextFiles:
    """Files in the folder `texts`. One that is there with another text is never overwritten."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / TEXTS_FOLDER
        self.written = 0

    def keep(self, name: str, text: str) -> str:
        """Write a text under this name, or a later version of it; its path from the workbook."""
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
        with part.open(
            "xb"
        ) as file:  # a new file: nothing that a stranger laid there is written to
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        part.replace(final)
        return f"{TEXTS_FOLDER}/{final.name}"
