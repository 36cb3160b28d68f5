"""Stages the rows of a sheet: their keys, digests and requests."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from jobs.job import JSON
from jobs.loading.edits import Overlay
from jobs.loading.request import Prepare, Problem, Request, Requests
from jobs.sheet.block import RowBlock
from jobs.sheet.finding import Finding
from jobs.sheet.reader import Sheet, SheetError
from jobs.store import Transaction, limits_keys
from jobs.store.edits import Edit
from jobs.store.staging import EMPTY, HIDDEN, FirstLoad, LoadTarget, Staged, Staging

_BAD = "bad row"  # in place of the endpoint of a row that has no request
MAX_CELL_LENGTH_READ = 100  # characters of a cell that show whether it holds text
MAX_ROWS_NAMED = 10  # numbers of empty rows that a message names
_NO_TEXT = re.compile(r"[\d\s.,:/%+-]*|true|false", re.IGNORECASE)
MAX_KEY_BYTES, MAX_KEY_START_BYTES = 1000, 900  # PostgreSQL's indexes take 2,700
MAX_BYTES_OF_CHARACTER = 4
RUNNING_NUMBER_ROWS = 1000  # rows that are checked for the numbers 1, 2, 3, …


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How rows are recognised: by an id column, or (None) by their request."""

    column: int | None = None
    header: str | None = None
    chosen: bool = False  # by the user or by the first load: then it must stay unique


@dataclass(slots=True, kw_only=True)
class SkippedRows:
    """The rows of a load that are not sent."""

    empty: int = 0
    with_text: int = 0  # empty rows whose other cells hold text
    hidden: int = 0
    first_empty: list[int] = field(default_factory=list)  # their row numbers
    first_with_text: list[int] = field(default_factory=list)

    def add_empty(self, position: int, *, with_text: bool) -> None:
        """Count one empty row."""
        self.empty += 1
        self.with_text += with_text
        for numbers, wanted in ((self.first_empty, True), (self.first_with_text, with_text)):
            if wanted and len(numbers) < MAX_ROWS_NAMED:
                numbers.append(position)


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
    left_out: frozenset[int] = frozenset()  # numbers of hidden rows that are not to be sent
    last_options: Prepare | None = None  # makes the requests of the last load's options

    def target(self, tx: Transaction, *, by_request: bool) -> LoadTarget:
        """What the rows are written to."""
        if self.first_load_at is None or self.edits:
            return Staging(tx, sheet_id=self.sheet_id, by_request=by_request)
        return FirstLoad(tx, sheet_id=self.sheet_id, by_request=by_request, now=self.first_load_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedSheet:
    """A sheet that is staged, numbered and matched."""

    target: LoadTarget
    identity: Identity
    skipped: SkippedRows


def stage(
    tx: Transaction, sheet: Sheet, prepare: Prepare, identity: Identity, *, into: LoadInto
) -> StagedSheet:
    """Stage all rows, number duplicates and match rows with jobs.

    If an id column that the user did not choose is not unique, rows are recognised by request.

    Raises SheetError if a chosen id column is not unique and filled, UnsuitedColumnError if a
    column should not be used as the field that its name resembles.
    """
    identity = _trusted(sheet, identity)
    try:
        return _Stager(tx, sheet, prepare, identity, into).staged()
    except UnfitIdentityError:
        return _Stager(tx, sheet, prepare, Identity(), into).staged()


def _trusted(sheet: Sheet, identity: Identity) -> Identity:
    """The identity without a column that only counts rows: inserting a row renumbers it."""
    if identity.column is None or identity.chosen:
        return identity
    return Identity() if is_running_number(sheet, identity.column) else identity


def is_running_number(sheet: Sheet, column: int) -> bool:
    """True if a column counts the rows: 1, 2, 3, …"""
    first = [cells[column] for _, cells in islice(sheet.rows(), RUNNING_NUMBER_ROWS)]
    return all(str(cell).strip() == str(k) for k, cell in enumerate(first, start=1))


class _Stager:
    """Stages one sheet, block by block."""

    def __init__(
        self, tx: Transaction, sheet: Sheet, prepare: Prepare, identity: Identity, into: LoadInto
    ) -> None:
        self._sheet = sheet
        self._prepare = prepare
        self._identity = identity
        self._into = into
        self._by_request = identity.column is None
        self._limits_keys = limits_keys(tx)
        self._target = into.target(tx, by_request=self._by_request)
        self._skipped = SkippedRows()
        self._overlay: Overlay | None = None
        if into.edits:
            headers = sheet.layout.headers
            self._overlay = Overlay(into.edits, headers, by_request=self._by_request)

    def staged(self) -> StagedSheet:
        target, identity = self._target, self._identity
        for block in self._sheet.blocks():
            target.add(self._lines(block))
        if not self._by_request and (repeated := target.repeated_keys()):
            if not identity.chosen:
                raise UnfitIdentityError
            raise SheetError(
                self._sheet.path, [_repeated(key, at, identity) for key, at in repeated]
            )
        if self._overlay is not None:
            outdated = self._overlay.outdated
            target.edits = [edit for edit in self._into.edits if edit not in outdated]
        target.number()
        target.match()
        return StagedSheet(target=target, identity=identity, skipped=self._skipped)

    def _lines(self, block: RowBlock) -> Staged:
        """A block of rows as they are staged.

        A million rows pass here, so only bad, empty, hidden and edited rows are handled one by one.
        """
        requests = self._prepare.together(block)
        for place, position in enumerate(block.positions) if block.errors else ():
            if position in block.errors:
                requests.put(place, _unreadable(block.errors[position]))
        digests = _digests(requests, block.texts)
        keys = _keys(self._sheet, block, digests, self._identity)
        if self._overlay is not None:
            self._edit(self._overlay, block, requests, keys, digests)
        if self._limits_keys:
            self._shorten(keys, requests)
        skips = self._skips(block, requests)
        problems = {
            place: problem.as_json()
            for place, problem in requests.problems.items()
            if place not in skips
        }
        last = self._into.last_options
        return Staged(
            positions=block.positions,
            keys=keys,
            digests=digests,
            endpoints=requests.endpoints,
            models=requests.models,
            fields=requests.fields,
            cells=block.texts,
            problems=problems,
            skips=skips,
            earlier=None if last is None else _digests(last.together(block), block.texts),
        )

    def _shorten(self, keys: list[str], requests: Requests) -> None:
        """A row whose key no index takes is a bad row, known by the start of its key."""
        if max(map(len, keys), default=0) * MAX_BYTES_OF_CHARACTER <= MAX_KEY_BYTES:
            return
        for place, key in enumerate(keys):
            data = key.encode(errors="replace")
            if len(data) > MAX_KEY_BYTES:
                start = data[:MAX_KEY_START_BYTES].decode(errors="ignore")
                keys[place] = f"{start}…{hashlib.blake2b(data, digest_size=16).hexdigest()}"
                requests.problems[place] = Problem(
                    column=self._identity.header or "",
                    expected=f"an id of at most {MAX_KEY_BYTES:,} bytes",
                    found=f"{len(data):,} bytes",
                )

    def _edit(
        self,
        overlay: Overlay,
        block: RowBlock,
        requests: Requests,
        keys: Sequence[str],
        digests: list[bytes],
    ) -> None:
        """Put the requests of edited rows in place of those of their cells."""
        for place, cells in enumerate(block.rows):
            if (edited := overlay.apply(keys[place], cells)) is not None:
                requests.put(place, found := self._prepare(edited))
                digests[place] = _digest_of_edited(found, edited)

    def _skips(self, block: RowBlock, requests: Requests) -> dict[int, str]:
        """Why rows are not sent, by place: empty ones, and hidden ones if they are left out."""
        skips = {}
        for place in sorted(requests.empty):
            skips[place] = EMPTY
            with_text = _holds_text(block.rows[place], besides=self._identity.column)
            self._skipped.add_empty(block.positions[place], with_text=with_text)
        left_out = self._into.left_out
        for place, position in enumerate(block.positions) if left_out else ():
            if position in left_out and place not in skips:
                skips[place] = HIDDEN
                self._skipped.hidden += 1
        return skips


def _holds_text(cells: Sequence[JSON], *, besides: int | None) -> bool:
    """True if a cell other than the row's id holds more than a number, a date or a yes or no."""
    for index, cell in enumerate(cells):
        if index == besides or cell is None or isinstance(cell, bool | int | float):
            continue
        if not isinstance(cell, str) or not _NO_TEXT.fullmatch(cell[:MAX_CELL_LENGTH_READ]):
            return True
    return False


def _digests(requests: Requests, texts: Sequence[str]) -> list[bytes]:
    """BLAKE2b of endpoint, line break and identity; of a row without a request, of its cells.

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
    for place in (*requests.problems, *requests.empty):
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
