"""Reads and writes small JSON tables in the user's state folder."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def state_file(name: str) -> Path:
    """A file of this name in the user's state folder."""
    from platformdirs import user_state_path  # noqa: PLC0415 - most commands do without it

    return user_state_path("rowmill", appauthor=False) / name


def read_state(file: Path) -> Mapping[str, str]:
    """The table of texts in the file; empty if it is missing or damaged."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def write_state(file: Path, table: Mapping[str, str]) -> None:
    """Write the table whole or not at all, readable only by its owner. Raises OSError."""
    from tempfile import mkstemp  # noqa: PLC0415 - 3 ms, and most commands write nothing here

    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, part = mkstemp(dir=file.parent, prefix=f".{file.stem}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(json.dumps(dict(sorted(table.items())), ensure_ascii=False))
        Path(part).replace(file)
    finally:
        with suppress(FileNotFoundError):  # renamed if all went well
            Path(part).unlink()
