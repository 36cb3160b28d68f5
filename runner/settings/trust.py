"""Remembers which settings files beside sheets the person trusts, by path and digest.

The record is kept in the user's state folder, never beside the sheet: whatever lies there may have
come with it.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from runner.settings.state_file import read_state, state_file, write_state


def trusted_files() -> Path:
    """The file that holds the digests of trusted files."""
    return state_file("trusted.json")


def is_trusted(path: Path, content: bytes) -> bool:
    """True if the person trusts exactly this content of the file."""
    return _digests().get(_name(path)) == _digest(content)


def trust(path: Path, content: bytes) -> None:
    """Trust the file until it changes. Raises OSError if that cannot be recorded."""
    write_state(trusted_files(), {**_digests(), _name(path): _digest(content)})


def distrust(path: Path) -> bool:
    """Forget the file. False if it was not trusted. Raises OSError as `trust` does."""
    digests = dict(_digests())
    if digests.pop(_name(path), None) is None:
        return False
    write_state(trusted_files(), digests)
    return True


def _digests() -> Mapping[str, str]:
    return read_state(trusted_files())


def _name(path: Path) -> str:
    return str(path.resolve())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
