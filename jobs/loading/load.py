"""A sheet's rows on their way to jobs: keys, digests, and what changed since the last load."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from jobs.job import JSON
from jobs.loading.edits import Overlay
from jobs.loading.request import Prepare, Problem, Request, Requests
from jobs.sheet.block import Block
from jobs.sheet.finding import Finding
from jobs.sheet.reader import Sheet, SheetError
from jobs.store import Transaction
from jobs.store.edits import Edit
from jobs.store.staging import FirstLoad, LoadTarget, Staged, Staging

_BAD = "bad row"  # stands for the endpoint of a row that has no request
RUNNING_NUMBERS = 1000  # this many rows numbered 1, 2, 3, … are taken for a refilled column


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How rows are known: by an id column, or (None) by their request."""

    column: int | None = None
    header: str | None = None
    chosen: bool = False  # by the user, or by the first load; then it must hold


class UnfitIdentityError(Exception):
    """An id column that nobody insisted on is not unique and filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadInto:
    """Where a sheet is staged, and the edits that lie over its cells there.

    `straight`: the time (Unix seconds) of a first load, which goes into empty tables as it is read.
    """

    batch_id: int
    edits: Sequence[Edit] = ()
    straight: float | None = None

    def landing(self, tx: Transaction, *, by_request: bool) -> LoadTarget:
        """Where the rows come down."""
        if self.straight is None or self.edits:
            return Staging(tx, batch_id=self.batch_id, by_request=by_request)
        return FirstLoad(tx, batch_id=self.batch_id, by_request=by_request, now=self.straight)


def stage(
    tx: Transaction, sheet: Sheet, prepare: Prepare, identity: Identity, *, into: LoadInto
) -> tuple[LoadTarget, Identity]:
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
    tx: Transaction, sheet: Sheet, prepare: Prepare, identity: Identity, *, into: LoadInto
) -> LoadTarget:
    by_request = identity.column is None
    staging = into.landing(tx, by_request=by_request)
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
    sheet: Sheet, block: Block, prepare: Prepare, identity: Identity, overlay: Overlay | None
) -> Staged:
    """A block of rows as they are staged. A million rows pass here: nothing is done to one alone,
    but to one that is bad or edited.
    """
    asked = prepare.together(block)
    for place, position in enumerate(block.positions) if block.errors else ():
        if position in block.errors:
            asked.put(place, _unreadable(block.errors[position]))
    digests = _digests(asked, block.texts)
    keys = _keys(sheet, block, digests, identity)
    for place, cells in enumerate(block.rows) if overlay is not None else ():
        if overlay is not None and (edited := overlay.over(keys[place], cells)) is not None:
            asked.put(place, found := prepare(edited))
            digests[place] = _digest_of_edited(found, edited)
    return Staged(
        positions=block.positions,
        keys=keys,
        digests=digests,
        endpoints=asked.endpoints,
        models=asked.models,
        fields=asked.fields,
        cells=block.texts,
        problems={place: problem.as_json() for place, problem in asked.problems.items()},
    )


def _digests(asked: Requests, texts: Sequence[str]) -> list[bytes]:
    """BLAKE2b of endpoint, line break and identity; what it begins with is hashed once.

    A bad row is known by its cells.
    """
    begun = {
        name: hashlib.blake2b(f"{name}\n".encode(), digest_size=16)
        for name in {*asked.endpoints, _BAD}
    }
    digests = []
    for endpoint, identity in zip(asked.endpoints, asked.identities, strict=True):
        digest = begun[endpoint].copy()
        digest.update(identity.encode())
        digests.append(digest.digest())
    for place in asked.problems:
        digest = begun[_BAD].copy()
        digest.update(texts[place].encode())
        digests[place] = digest.digest()
    return digests


def _digest_of_edited(found: Request | Problem, edited: Sequence[JSON]) -> bytes:
    """The same for one row whose cells were edited."""
    (written,) = Block.of([0], [edited], {}, typed=True).texts
    (digest,) = _digests(Requests.of([found]), [written])
    return digest


def _unreadable(error: Finding) -> Problem:
    """What the reader just said about this row, as the table keeps it."""
    expected = error.expected or error.kind
    return Problem(column=error.column or "", expected=expected, found=error.found)


def _keys(sheet: Sheet, block: Block, digests: Sequence[bytes], identity: Identity) -> list[str]:
    """How the rows are known. Raises where a row's cell in the id column is blank."""
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
