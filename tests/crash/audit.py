"""Checks the bill, table, spool, files and output of a finished scene against the invariants."""

import csv
import gzip
import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jobs.store import Store
from jobs.store.queries.results import ResultRow, results
from runner.exits import Exit
from runner.protocol.pictures import CutPictureError, NotAPictureError, inspect
from runner.views.audit import BillComparison, compare
from runner.workspace.workspace import SHEET_ID

from .harness import KEY, Line, Photo, Run, Scene, read_bill, sha_of

ENDED = ("done", "failed", "in_doubt")
CODES = frozenset(map(int, Exit))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The counts, and the problems found."""

    rows: int
    kills: int
    billed: int
    repeats: int  # billed calls beyond one per row
    in_flight: int  # calls in flight when a run was killed
    spooled: int  # answers that only the spool had when a run was killed
    in_doubt: int
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.kills} kills over {self.rows} rows: {self.billed} calls billed, "
            f"{self.repeats} repeats ({self.in_flight} calls were in flight at the kills), "
            f"{self.spooled} answers saved by the spool alone, {self.in_doubt} calls in doubt, "
            f"{len(self.problems)} problems"
        )


def audit(scene: Scene, photos: Sequence[Photo], *, full: bool = True) -> Account:
    """Count everything. `full`: the last run has finished, so every row must have ended."""
    bill = read_bill(scene.bill)
    with Store.look(scene.workspace.table) as store:
        books = compare(scene.bill, store)
        with store.read() as tx:
            rows = list(results(tx, SHEET_ID))
    problems = [
        *_books(books),
        *(_rows(scene, rows) if full else ()),
        *_lost(scene, bill, photos, rows, full=full),
        *_repeats(scene, bill, photos),
        *_files(scene, full=full),
        *_said(scene.runs),
        *_key_in(scene.workspace.folder),
    ]
    billed = sum(line.billed for line in bill)
    asked = len({line.sha for line in bill if line.billed})
    return Account(
        rows=len(rows),
        kills=len(photos),
        billed=billed,
        repeats=billed - asked,
        in_flight=sum(len(photo.open_calls) for photo in photos),
        spooled=sum(len(photo.in_spool - photo.in_table) for photo in photos),
        in_doubt=books.in_doubt,
        problems=tuple(problems),
    )


def _books(books: BillComparison) -> Iterator[str]:
    """I1: the table records every billed call as billed; the bill has every answer we call paid."""
    if books.unknown_to_us:
        yield f"I1 billed and not in our books: {books.unknown_to_us[:3]}"
    if books.unpaid:
        yield f"I1 in our books as paid and not on the bill: {books.unpaid[:3]}"


def _rows(scene: Scene, rows: Sequence[ResultRow]) -> Iterator[str]:
    """I2: every row of the sheet ends once."""
    positions = [row.row for row in rows]
    if positions != list(range(2, len(scene.prompts) + 2)):
        yield f"I2 the sheet has {len(scene.prompts)} rows, the table {len(set(positions))}"
    for row in rows:
        if row.status not in ENDED:
            yield f"I2 row {row.row} is {row.status}"
        if row.error_class == "crashed":
            yield f"I2 row {row.row} failed as crashed ({row.error_cause})"
        if row.status == "done" and scene.pictures and not row.files:
            yield f"I2 row {row.row} is done without a file"
        if row.status == "done" and not scene.pictures and not row.text:
            yield f"I2 row {row.row} is done without a text"
    with scene.workspace.folder.joinpath("results.csv").open(encoding="utf-8-sig") as file:
        written = [line["result_status"] for line in csv.DictReader(file)]
    if written != [row.status for row in rows]:
        yield f"I2 the results file has {len(written)} rows that differ from the table's"


def _lost(
    scene: Scene,
    bill: Sequence[Line],
    photos: Sequence[Photo],
    rows: Sequence[ResultRow],
    *,
    full: bool,
) -> Iterator[str]:
    """I3: a usable answer that reached us is its row's result, and is never requested again.

    Without a later run, an answer that the last kill left in the spool belongs to no row yet.
    """
    by_id = {line.id: line for line in bill}
    used = {row.request_id for row in rows}
    for number, photo in enumerate(photos, 1):
        later = {line.sha for line in bill[photo.lines :]}
        replayed = full or number < len(photos)
        for request in photo.answered if replayed else photo.in_table:
            line = by_id.get(request)
            if line is None or not line.usable:  # pages of other servers carry no id
                continue
            where = "table" if request in photo.in_table else "spool"
            if line.sha in later:
                yield f"I3 kill {number}: an answer in the {where} was asked for again"
            if request not in used:
                yield f"I3 kill {number}: an answer in the {where} is not the row's ({line.fault})"


def _repeats(scene: Scene, bill: Sequence[Line], photos: Sequence[Photo]) -> Iterator[str]:
    """I4: a row is paid once, plus at most once per injected fault and call killed in flight."""
    rows_of = {sha_of(prompt): row for row, prompt in enumerate(scene.prompts, 2)}
    allowed = Counter(call.position for photo in photos for call in photo.open_calls)
    billed, faulted = Counter[int](), Counter[int]()
    for line in bill:
        if not line.billed:
            continue
        row = rows_of.get(str(line.sha))
        if row is None:
            yield f"I4 a prompt was billed that is not in the sheet: {line.sha}"
            continue
        billed[row] += 1
        faulted[row] += not line.usable
    for row, count in billed.items():
        if count > 1 + faulted[row] + allowed[row]:
            yield (
                f"I4 row {row} was billed {count} times with {faulted[row]} faults and "
                f"{allowed[row]} kills in flight"
            )


def _files(scene: Scene, *, full: bool) -> Iterator[str]:
    """I5: the files on disk are the files of the table, complete, with the recorded hashes."""
    folder = scene.files
    named = {}
    found = scene.query("SELECT name, size, sha256 FROM files WHERE state = 'done'")
    for name, size, sha256 in found:
        named[name] = sha256
        path = folder / name
        if not path.is_file():
            yield f"I5 {name} is in the table and not on the disk"
            continue
        data = path.read_bytes()
        if hashlib.sha256(data).digest() != sha256 or len(data) != size:
            yield f"I5 {name} is not the file that the table means"
    for path in folder.rglob("*") if folder.exists() else ():
        name = path.relative_to(folder).as_posix()
        if path.name.startswith(".") and path.suffix == ".part":
            if full:
                yield f"I5 {name} was left behind"
            continue
        if full and name not in named:
            yield f"I5 {name} is on the disk and not in the table"
        yield from _half(path, name)
    if full:
        for path in scene.workspace.folder.rglob("*.part"):
            yield f"I5 {path.name} was left behind in {path.parent.name}"


def _half(path: Path, name: str) -> Iterator[str]:
    try:
        inspect(path.read_bytes())
    except (CutPictureError, NotAPictureError) as error:
        yield f"I5 {name} is no whole picture: {error}"


def _said(runs: Sequence[Run]) -> Iterator[str]:
    """I6: exit codes are documented, no traceback reaches the user, and the log holds no bug."""
    for number, run in enumerate(runs, 1):
        code = run.process.returncode
        if code is not None and code >= 0 and code not in CODES - {Exit.BUG}:
            yield f"I6 run {number} exited {code}: {run.stderr[-500:]}"
        if "Traceback" in run.stderr or "never retrieved" in run.stderr:
            yield f"I6 run {number} said: {run.stderr[-1500:]}"


def _key_in(folder: Path) -> Iterator[str]:
    """I8: no file contains the key, plain or encoded."""
    forms = {KEY.encode(), quote(KEY, safe="").encode(), b64encode(KEY.encode()).rstrip(b"=")}
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        if any(form in data for form in forms):
            yield f"I8 the key is in {path.name}"
