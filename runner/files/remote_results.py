"""Writes results to any address that fsspec opens, whole, and never over somebody else's file."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path, PurePosixPath

from runner.catalogue import say
from runner.exits import Refusal
from runner.settings.state_file import read_state, state_file, write_state
from runner.workspace.target import SCHEME, FileTarget, checked, open_target

STATE_FILE = "results.json"
"""In the user's state folder: the SHA-256 of what was written last, by address."""


def is_address(text: str) -> bool:
    """True for an address that fsspec opens, False for a path of this machine."""
    return SCHEME.match(text) is not None


@dataclass(slots=True)
class RemoteResults:
    """Results on their way to an address: written to `local`, then sent with `send`."""

    local: Path
    _store: FileTarget
    _name: str
    moved: bool = field(default=False, init=False)  # True after `send` if it took another name

    def send(self) -> str:
        """Put the file, and what was written beside it; returns the address.

        An address that holds what others wrote is left alone: the file goes to a dated sibling.
        Raises FileTargetError.
        """
        for beside in sorted(self.local.parent.rglob("*")):
            if beside.is_file() and beside != self.local:
                name = beside.relative_to(self.local.parent).as_posix()
                self._store.replace(beside, name)
        name = self._free_name()
        self.moved = name != self._name
        self._store.replace(self.local, name)
        address = self._store.address_of(name)
        digest = self._store.digest_of(name)
        if digest is not None:
            known = read_state(state_file(STATE_FILE))
            with suppress(OSError):  # then the next results take another name
                write_state(state_file(STATE_FILE), {**known, address: digest.hex()})
        return address

    def _free_name(self) -> str:
        """The name, or a dated one where somebody else's file has it."""
        if self._is_ours(self._name):
            return self._name
        path = PurePosixPath(self._name)
        moment = f"{datetime.fromtimestamp(time.time()).astimezone():%Y-%m-%d %H-%M}"
        for number in count(1):
            again = f" ({number})" if number > 1 else ""
            name = str(path.with_name(f"{path.stem} {moment}{again}{path.suffix}"))
            if self._store.size_of(name) is None:
                return name
        raise AssertionError("some number is free")

    def _is_ours(self, name: str) -> bool:
        digest = self._store.digest_of(name)
        if digest is None:
            return True
        address = self._store.address_of(name)
        return read_state(state_file(STATE_FILE)).get(address) == digest.hex()


@contextmanager
def remote_results(address: str, *, name: str) -> Iterator[RemoteResults]:
    """A local file whose bytes go to this address; `name` where the address is a folder's.

    Raises Refusal for an address that cannot be one.
    """
    folder, _, last = address.rpartition("/")
    if not last:
        last = name
    try:
        checked(last)
    except FileNotFoundError as error:
        raise Refusal(say("target.unsuited", target=address)) from error
    store = open_target(folder)
    with tempfile.TemporaryDirectory(prefix="rowmill-results-") as scratch:
        yield RemoteResults(local=Path(scratch) / last, _store=store, _name=last)
