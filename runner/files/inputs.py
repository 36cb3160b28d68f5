"""Reads the local files that rows send: in the sheet's folder, or as copies on a target."""

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runner.files.attachments import (
    MAX_FILE_BYTES,
    AttachmentError,
    Reference,
    checked_attachment,
    load,
)
from runner.protocol.pictures import Attachment
from runner.workspace.target import INPUTS, FileTarget

COPY_THREADS = 16  # threads that wait for a target
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPlace:
    """Where the files are that the rows of a sheet send.

    Those of a shared table are on its target: no path that such a table names is ever opened.
    """

    folder: Path  # relative paths start here
    allowed: tuple[Path, ...] = ()  # further folders that files may come from
    shared: bool = False
    target: FileTarget | None = None

    def load(self, reference: Reference) -> Attachment:
        """The file for sending, with the digest that it had at load.

        Raises AttachmentError or OSError; FileTargetError if the target cannot be read now.
        """
        if reference.kind != "file" or not self.shared:
            return load(reference, folder=self.folder, allowed=self.allowed)
        if self.target is None or not _DIGEST.fullmatch(reference.digest or ""):
            raise AttachmentError(f"{reference.value[:80]!r}, which is on no target")
        name = PurePosixPath(reference.value.replace("\\", "/").rpartition("#")[2]).name[:100]
        try:
            data = self.target.read(_name(reference), most=MAX_FILE_BYTES)
        except FileNotFoundError as error:
            raise AttachmentError(f"{name!r}, which is not on the target") from error
        return checked_attachment(data, reference, name=name if name.isprintable() else "file")


def put_inputs(references: Iterable[Reference], here: InputPlace, *, scratch: Path) -> None:
    """Copy local files to the target, each once, under the digest of its bytes.

    Raises AttachmentError for a file that changed since the sheet was read, or FileTargetError.
    """
    target = here.target
    assert target is not None

    def copy(reference: Reference) -> None:
        name = _name(reference)
        if target.size_of(name) == reference.size and reference.size:
            return  # it is read again, by its digest, whenever a row sends it
        found = load(reference, folder=here.folder, allowed=here.allowed)
        if not target.put_bytes(found.data or b"", name, scratch=scratch):
            target.remove(name)  # damaged: its name says which bytes belong there
            target.put_bytes(found.data or b"", name, scratch=scratch)

    with ThreadPoolExecutor(COPY_THREADS) as pool:
        for _ in pool.map(copy, {one.digest: one for one in references}.values()):
            pass


def _name(reference: Reference) -> str:
    return f"{INPUTS}/{reference.digest}"
