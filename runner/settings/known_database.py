"""Remembers which database holds the table of a workspace, without its password.

It is kept in the user's state folder: a workspace may come from anybody, so its folder must not
decide which server is asked.
"""

from contextlib import suppress
from pathlib import Path

from runner.settings.database_url import DatabaseUrl, DatabaseUrlError, read_database_url
from runner.settings.state_file import read_state, state_file, write_state


def known_database(workspace: Path) -> DatabaseUrl | None:
    """The database of this workspace folder; None if its table is in the folder."""
    return _read(read_state(_file()).get(str(workspace.resolve()), ""))


def known_databases_in(folder: Path) -> dict[Path, DatabaseUrl]:
    """The workspace folders directly in this folder whose table is in a database."""
    there = folder.resolve()
    found = {}
    for name, text in sorted(read_state(_file()).items()):
        url = _read(text)
        if url is not None and Path(name).parent == there:
            found[Path(name)] = url
    return found


def remember_database(workspace: Path, url: DatabaseUrl | None) -> None:
    """Remember it, or forget it. If that fails, --db must be given again."""
    databases = dict(read_state(_file()))
    name = str(workspace.resolve())
    before = dict(databases)
    if url is None:
        databases.pop(name, None)
    else:
        databases[name] = str(url.without_password())
    if databases != before:
        with suppress(OSError):
            write_state(_file(), databases)


def _read(text: str) -> DatabaseUrl | None:
    try:
        return read_database_url(text) if text else None
    except DatabaseUrlError:
        return None  # written by another version, or by hand


def _file() -> Path:
    return state_file("databases.json")
