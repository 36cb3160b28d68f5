"""Stages the rows of a sheet: their keys, digests and requests."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from jobs.job import JSON
from jobs.loading.edits import Overlay
from jobs.loading.request import Prepare, Problem, Request, Requests
from jobs.sheet.block import RowBlock
from jobs.sheet.finding import Finding
from jobs.sheet.reader import Sheet, SheetError
from jobs.store import Transaction
from jobs.store.edits import Edit
from jobs.store.staging import FirstLoad, LoadTarget, Staged, Staging

_BAD = "bad row"  # in place of the endpoint of a row that has no request
RUNNING_NUMBER_ROWS = 1000  # rows that are checked for the numbers 1, 2, 3, …


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How rows are recognised: by an id column, or (None) by their request."""

    column: int | None = None
    header: str | None = None
    chosen: bool = False  # by the user or by the first load: then it must stay unique


class UnfitIdentityError(Exception):
    """An id column that the user did not choose is not unique and filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadInto:
    """Where a sheet is staged, and the edits of its cells.

    `first_load_at`: the time (Unix seconds) of a first load, which is written straight into empty
    tables; None for any other load.
    """

    sheet_id: int
    edits: Sequence[Edit] = ()
    first_load_at: float | None = None

    def target(self, tx: Transaction, *, by_request: bool) -> LoadTarget:
        """What the rows are written to."""
        if self.first_load_at is None or self.edits:
            return Staging(tx, sheet_id=self.sheet_id, by_request=by_request)
        return FirstLoad(tx, sheet_id=self.sheet_id, by_request=by_request, now=self.first_load_at)


def stage(
    tx: Transaction, sheet: Sheet, prepare: Prepare, identity: Identity, *, into: LoadInto
) -> tuple[LoadTarget, Identity]:
    """Stage all rows, number duplicates and match rows with jobs.

    If an id column that the user did not choose is not unique, rows are recognised by request.

    Raises SheetError if a chosen id column is not unique and filled.
    """
    identity = _trusted(sheet, identity)
    try:
        return _staged(tx, sheet, prepare, identity, into=into), identity
    except UnfitIdentityError:
        by_request = Identity()
        return _staged(tx, sheet, prepare, by_request, into=into), by_request


def _trusted(sheet: Sheet, identity: Identity) -> Identity:
    """The identity without a column that only counts rows: inserting a row renumbers it."""
    if identity.column is None or identity.chosen:
        return identity
    return Identity() if is_running_number(sheet, identity.column) else identity


def is_running_number(sheet: Sheet, column: int) -> bool:
    """True if a column counts the rows: 1, 2, 3, …"""
    first = [cells[column] for _, cells in islice(sheet.rows(), RUNNING_NUMBER_ROWS)]
    return all(str(cell).strip() == str(k) for k, cell in enumerate(first, start=1))


def _staged(
    tx: Transaction, sheet: Sheet, prepare: Prepare, identity: Identity, *, into: LoadInto
) -> LoadTarget:
    by_request = identity.column is None
    staging = into.target(tx, by_request=by_request)
    overlay = None
    if into.edits:
        overlay = Overlay(into.edits, sheet.layout.headers, by_request=by_request)
    for block in sheet.blocks():
        staging.add(_lines(sheet, block, prepare, identity, overlay))
    if identity.column is not None and (repeated := staging.repeated_keys()):
        if not identity.chosen:
            raise UnfitIdentityError
        raise SheetError(sheet.path, [_repeated(key, at, identity) for key, at in repeated])
    if overlay is not None:
        staging.edits = [edit for edit in into.edits if edit not in overlay.outdated]
    staging.number()
    staging.match()
    return staging


def _lines(
    sheet: Sheet, block: RowBlock, prepare: Prepare, identity: Identity, overlay: Overlay | None
) -> Staged:
    """A block of rows as they are staged.

    A million rows pass here, so only bad and edited rows are handled one by one.
    """
    requests = prepare.together(block)
    for place, position in enumerate(block.positions) if block.errors else ():
        if position in block.errors:
            requests.put(place, _unreadable(block.errors[position]))
    digests = _digests(requests, block.texts)
    keys = _keys(sheet, block, digests, identity)
    for place, cells in enumerate(block.rows) if overlay is not None else ():
        if overlay is not None and (edited := overlay.apply(keys[place], cells)) is not None:
            requests.put(place, found := prepare(edited))
            digests[place] = _digest_of_edited(found, edited)
    return Staged(
        positions=block.positions,
        keys=keys,
        digests=digests,
        endpoints=requests.endpoints,
        models=requests.models,
        fields=requests.fields,
        cells=block.texts,
        problems={place: problem.as_json() for place, problem in requests.problems.items()},
    )


def _digests(requests: Requests, texts: Sequence[str]) -> list[bytes]:
    """BLAKE2b of endpoint, line break and identity; of a bad row, of its cells.

    The common beginning is hashed once.
    """
    begun = {
        name: hashlib.blake2b(f"{name}\n".encode(), digest_size=16)
        for name in {*requests.endpoints, _BAD}
    }
    digests = []
    for endpoint, identity in zip(requests.endpoints, requests.identities, strict=True):
        digest = begun[endpoint].copy()
        digest.update(identity.encode())
        digests.append(digest.digest())
    for place in requests.problems:
        digest = begun[_BAD].copy()
        digest.update(texts[place].encode())
        digests[place] = digest.digest()
    return digests


def _digest_of_edited(found: Request | Problem, edited: Sequence[JSON]) -> bytes:
    """The digest of one row whose cells were edited."""
    (written,) = RowBlock.of([0], [edited], {}, typed=True).texts
    (digest,) = _digests(Requests.of([found]), [written])
    return digest


def _unreadable(error: Finding) -> Problem:
    """The reader's error about a row as a problem."""
    expected = error.expected or error.kind
    return Problem(column=error.column or "", expected=expected, found=error.found)


def _keys(sheet: Sheet, block: RowBlock, digests: Sequence[bytes], identity: Identity) -> list[str]:
    """The keys of the rows. Raises if a cell in the id column is blank."""
    column = identity.column
    if column is None:
        return [digest.hex() for digest in digests]
    cells = block.columns[column] if block.columns else [row[column] for row in block.rows]
    keys = ["" if cell is None else str(cell).strip() for cell in cells]
    if all(keys):
        return keys
    if not identity.chosen:
        raise UnfitIdentityError
    row = block.positions[keys.index("")]
    finding = Finding(kind="blank_id", severity="error", row=row, column=identity.header)
    raise SheetError(sheet.path, [finding])


def _repeated(key: str, positions: Sequence[int], identity: Identity) -> Finding:
    places = ", ".join(str(position) for position in positions[:10])
    return Finding(
        kind="repeated_id",
        severity="error",
        row=positions[0],
        column=identity.header,
        values=(("id", repr(key)), ("rows", places)),
    )
