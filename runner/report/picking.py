"""Marks results for a page, and gives it the pictures that a row sent."""

import json
import time
from dataclasses import dataclass

from jobs.job import JSON
from jobs.place import Place
from jobs.store.picks import Mark, MarkedRow, mark_rows
from jobs.store.queries.gallery import fields_at
from jobs.store.queue.choices import RowChoice
from jobs.store.spans import spans_of_numbers
from runner.files.attachments import AttachmentError, Reference
from runner.files.inputs import InputPlace
from runner.protocol.pictures import Attachment
from runner.workspace.workspace import SHEET_ID, Workspace

MAX_MARKED_ROWS = 50_000  # of one request
MAX_STARS = 5
MAX_NAME = 1_000  # characters of a file's name


@dataclass(frozen=True, slots=True, kw_only=True)
class PickRequest:
    """What a page asks for: these rows, this mark."""

    rows: tuple[int, ...]
    mark: Mark


def read_pick_request(text: str) -> PickRequest | None:
    """The request that a page sends as JSON; None if it is none.

    `{"rows": [2], "stars": 1…5 | null, "file": name | null}`, or `"rejected": true`. A mark with
    none of them takes back what was there.
    """
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    rows = told.get("rows")
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_MARKED_ROWS:
        return None
    if not all(type(row) is int and 0 < row < 1 << 31 for row in rows):
        return None
    mark = _mark(told)
    return None if mark is None else PickRequest(rows=tuple(rows), mark=mark)


def _mark(told: dict[str, JSON]) -> Mark | None:
    stars, file, rejected = told.get("stars"), told.get("file"), told.get("rejected", False)
    if stars is not None and (type(stars) is not int or not 1 <= stars <= MAX_STARS):
        return None
    if file is not None and not (isinstance(file, str) and 0 < len(file) <= MAX_NAME):
        return None
    if not isinstance(rejected, bool) or (rejected and (stars is not None or file is not None)):
        return None
    return Mark(stars=stars, rejected=rejected, file=file)


def mark(place: Place, asked: PickRequest) -> list[MarkedRow]:
    """Mark these rows in the table; returns what became of each that is there."""
    choice = RowChoice(positions=spans_of_numbers(asked.rows))
    with place.open() as store, store.write() as tx:
        return mark_rows(tx, SHEET_ID, choice, asked.mark, now=time.time())


def input_picture(workspace: Workspace, row: int, place: int) -> Attachment | None:
    """The picture that a row sent, byte for byte as it was; None if there is no such picture.

    FileTargetError: the target of a shared table cannot be read now.
    """
    with workspace.place.look() as store, store.read() as tx:
        loaded = workspace.loaded_in(tx)
        fields = fields_at(tx, SHEET_ID, row)
    reference = _reference(fields.get("image"), place)
    if reference is None:
        return None
    here = InputPlace(
        folder=workspace.sheet_of(loaded).parent,
        shared=workspace.place.shared,
        target=workspace.target,
    )
    try:
        found = here.load(reference)
    except (AttachmentError, FileNotFoundError, PermissionError):
        return None
    kind = found.media_type or ""
    shown = found.data is not None and kind.startswith("image/") and "svg" not in kind
    return found if shown else None


def _reference(images: JSON, place: int) -> Reference | None:
    files = [
        one
        for one in (images if isinstance(images, list) else ())
        if isinstance(one, dict) and one.get("kind") == "file"
    ]
    if not 0 <= place < len(files):
        return None
    value, digest = files[place].get("value"), files[place].get("digest")
    if not isinstance(value, str) or not isinstance(digest, str):
        return None
    return Reference(kind="file", value=value, digest=digest)
