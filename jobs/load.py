"""A sheet's rows on their way to jobs: keys, digests, and what changed since the last load."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from json.encoder import encode_basestring
from typing import NamedTuple, TypeAlias

from jobs.edits import Overlay
from jobs.job import JSON
from jobs.sheet.finding import Finding
from jobs.sheet.reader import Sheet, SheetError
from jobs.store import Transaction
from jobs.store.edits import Edit
from jobs.store.staging import FirstLoad, Landing, Staged, Staging

CHUNK = 2000
RUNNING_NUMBERS = 1000  # this many rows numbered 1, 2, 3, … are taken for a refilled column
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Request(NamedTuple):
    """A row that can become a job. `identity` is what its digest is made of; both are JSON."""

    endpoint: str
    model: str
    fields: str
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a row cannot become a job."""

    column: str
    expected: str
    found: str

    def as_json(self) -> str:
        """For the table."""
        return _encode({"column": self.column, "expected": self.expected, "found": self.found})


Prepare: TypeAlias = Callable[[Sequence[JSON]], Request | Problem]
"""One row's cells in header order → its request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How rows are known: by an id column, or (None) by their request."""

    column: int | None = None
    header: str | None = None
    chosen: bool = False  # by the user, or by the first load; then it must hold


class UnfitIdentityError(Exception):
    """An id column that nobody insisted on is not unique and filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Into:
    """Where a sheet is staged, and the edits that lie over its cells there.

    `straight`: the time (Unix seconds) of a first load, which goes into empty tables as it is read.
    """

    batch_id: int
    edits: Sequence[Edit] = ()
    straight: float | None = None

    def landing(self, tx: Transaction, *, by_request: bool) -> Landing:
        """Where the rows come down."""
        if self.straight is None or self.edits:
            return Staging(tx, batch_id=self.batch_id, by_request=by_request)
        return FirstLoad(tx, batch_id=self.batch_id, by_request=by_request, now=self.straight)


def stage(
    tx: Transaction, sheet: Sheet, prepare: Prepare, identity: Identity, *, into: Into
) -> tuple[Landing, Identity]:
    """Stage all rows, numbered and matched.

    A column that nobody chose, and that does not hold as an id, gives way to the request.

    Raises SheetError where an id column that was chosen holds no longer.
    """
    identity = _trusted(sheet, identity)
    try:
        return _staged(tx, sheet, prepare, identity, into=into), identity
    except UnfitIdentityError:
        by_request = Identity()
        return _staged(tx, sheet, prepare, by_request, into=into), by_request


def _trusted(sheet: Sheet, identity: Identity) -> Identity:
    """A bare 1…n is refilled when rows are inserted: no identity unless somebody insists."""
    if identity.column is None or identity.chosen:
        return identity
    return Identity() if is_running_number(sheet, identity.column) else identity


def is_running_number(sheet: Sheet, column: int) -> bool:
    """Does a column count the rows: 1, 2, 3, …?"""
    first = [cells[column] for _, cells in islice(sheet.rows(), RUNNING_NUMBERS)]
    return all(str(cell).strip() == str(k) for k, cell in enumerate(first, start=1))


def _staged(
    tx: Transaction, sheet: Sheet, prepare: Prepare, identity: Identity, *, into: Into
) -> Landing:
    by_request = identity.column is None
    staging = into.landing(tx, by_request=by_request)
    overlay = None
    if into.edits:
        overlay = Overlay(into.edits, sheet.layout.headers, by_request=by_request)
    staged = _rows(sheet, prepare, identity, overlay)
    while chunk := list(islice(staged, CHUNK)):
        staging.add(chunk)
    if identity.column is not None and (repeated := staging.repeated_keys()):
        if not identity.chosen:
            raise UnfitIdentityError
        raise SheetError(sheet.path, [_repeated(key, at, identity) for key, at in repeated])
    if overlay is not None:
        staging.edits = [edit for edit in into.edits if edit not in overlay.outdated]
    staging.number()
    staging.match()
    return staging


def _rows(
    sheet: Sheet, prepare: Prepare, identity: Identity, overlay: Overlay | None
) -> Iterator[Staged]:
    """The hot loop of a load: a million rows pass here."""
    encode = _encode if sheet.layout.typed else _encode_texts
    blake2b = hashlib.blake2b
    column = identity.column
    for position, cells in sheet.rows():
        written = encode(cells)
        found = prepare(cells)
        if sheet.row_error is not None and sheet.row_error.row == position:
            found = _unreadable(sheet.row_error)
        if isinstance(found, Request):
            digest = blake2b(found.identity.encode(), digest_size=16).digest()
            endpoint, model, fields, problem = found.endpoint, found.model, found.fields, None
        else:
            digest = _digest_of_bad(written)
            endpoint, model, fields, problem = "", "", "{}", found.as_json()
        key = digest.hex() if column is None else _key(cells[column], position, identity, sheet)
        if overlay is not None and (edited := overlay.over(key, cells)) is not None:
            yield position, key, *_edited(prepare(edited), encode(edited), written)
            continue
        yield position, key, digest, endpoint, model, fields, written, problem


def _digest_of_bad(written: str) -> bytes:
    return hashlib.blake2b(f"bad row\n{written}".encode(), digest_size=16).digest()


def _edited(
    found: Request | Problem, edited: str, own: str
) -> tuple[bytes, str, str, str, str, str | None]:
    """A staged row's rest where its cells were edited: asked for as edited, kept as they are."""
    if isinstance(found, Problem):
        return _digest_of_bad(edited), "", "", "{}", own, found.as_json()
    digest = hashlib.blake2b(found.identity.encode(), digest_size=16).digest()
    return digest, found.endpoint, found.model, found.fields, own, None


def _unreadable(error: Finding) -> Problem:
    """What the reader just said about this row, as the table keeps it."""
    expected = error.expected or error.kind
    return Problem(column=error.column or "", expected=expected, found=error.found)


def _encode_texts(cells: Sequence[JSON]) -> str:
    """A JSON list of texts, several times faster than the general encoder."""
    return "[" + ",".join(map(encode_basestring, cells)) + "]"  # type: ignore[arg-type]  # all text


def _key(cell: JSON, position: int, identity: Identity, sheet: Sheet) -> str:
    key = "" if cell is None else str(cell).strip()
    if key:
        return key
    if not identity.chosen:
        raise UnfitIdentityError
    raise SheetError(
        sheet.path,
        [
            Finding(
                kind="blank_id",
                severity="error",
                row=position,
                column=identity.header,
            )
        ],
    )


def _repeated(key: str, positions: Sequence[int], identity: Identity) -> Finding:
    places = ", ".join(str(position) for position in positions[:10])
    return Finding(
        kind="repeated_id",
        severity="error",
        row=positions[0],
        column=identity.header,
        values=(("id", repr(key)), ("rows", places)),
    )


def digest_of_options(options: JSON) -> bytes:
    """BLAKE2b over options as canonical JSON."""
    text = json.dumps(options, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
