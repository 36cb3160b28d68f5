"""Remembers the base URLs of each workspace: the one a flag gave, and the one last used.

They are kept in the user's state folder: a workspace may come from anybody, so it must not decide
where requests and keys go.
"""

from contextlib import suppress
from pathlib import Path

from runner.settings.state_file import read_state, state_file, write_state


def known_address(workspace: Path) -> str | None:
    """The base URL that a flag gave for this workspace, or None."""
    return read_state(_file()).get(str(workspace.resolve()))


def remember_address(workspace: Path, base_url: str) -> None:
    """Remember a base URL that a flag gave. If that fails, the flag must be given again."""
    addresses = read_state(_file())
    name = str(workspace.resolve())
    if addresses.get(name) != base_url:
        with suppress(OSError):
            write_state(_file(), {**addresses, name: base_url})


def was_used(workspace: Path, base_url: str) -> bool:
    """True if the last run of this workspace here sent its requests to this base URL."""
    return read_state(_used()).get(str(workspace.resolve())) == base_url


def note_use(workspace: Path, base_url: str) -> None:
    """Note where a run sends its requests; only for an address that the person named."""
    used = read_state(_used())
    name = str(workspace.resolve())
    if used.get(name) != base_url:
        with suppress(OSError):
            write_state(_used(), {**used, name: base_url})


def _file() -> Path:
    return state_file("addresses.json")


def _used() -> Path:
    return state_file("used-addresses.json")
