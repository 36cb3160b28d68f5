"""Checks bill, table and provider of a sheet that was bought in provider batches."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from runner.lanes.batch_wire import number_in
from runner.mock.bill import BilledRequest

from .audit import _key_in, _said
from .harness import Scene

PENNY = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAccount:
    """The counts, and the problems found."""

    rows: int
    kills: int
    batches: int
    billed: int
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.kills} kills over {self.rows} rows in {self.batches} batches: "
            f"{self.billed} rows billed, {len(self.problems)} problems"
        )


def batch_audit(scene: Scene, *, kills: int) -> BatchAccount:
    """Audit a scene whose last run ended well."""
    bill = [one for one in scene.gateway.gateway.requests if one.billed]
    problems = (
        *_rows(scene),
        *_bought_once(scene, bill),
        *_books(scene, bill),
        *_left_over(scene),
        *_said(scene.runs),
        *_key_in(scene.workspace.folder),
    )
    return BatchAccount(
        rows=len(scene.prompts),
        kills=kills,
        batches=len(scene.gateway.gateway.batches),
        billed=len(bill),
        problems=problems,
    )


def _rows(scene: Scene) -> Iterator[str]:
    """Every row is done, with the answer to its own prompt, and nothing waits."""
    with (scene.workspace.folder / "results.csv").open(encoding="utf-8-sig") as file:
        results = list(csv.DictReader(file))
    if len(results) != len(scene.prompts):
        yield f"the results have {len(results)} rows"
    for row in results:
        if row["result_status"] != "done" or not row["result_text"]:
            why = row["result_error_class"], row["result_error"]
            yield f"row {row['result_row']} is {row['result_status']}: {why}"
        if row["result_lane"] != "batch":
            yield f"row {row['result_row']} was bought {row['result_lane']}"
    for state, count in scene.query(
        "SELECT state, count(*) FROM provider_batches WHERE state != 'taken_in' GROUP BY state"
    ):
        yield f"{count} batches are {state}"


def _bought_once(scene: Scene, bill: list[BilledRequest]) -> Iterator[str]:
    """No row was ever billed twice, and none was in two batches that worked on it."""
    for sha, count in Counter(one.prompt_sha for one in bill).items():
        if count > 1:
            yield f"a row was billed {count} times: {sha}"
    asked = {one.prompt_sha for one in bill}
    if len(asked) != len(scene.prompts):
        yield f"{len(asked)} rows were billed"
    seen = Counter[str]()
    for batch in scene.gateway.gateway.batches:
        seen.update(batch.row_ids)
    yield from (f"{row} was in {count} batches" for row, count in seen.items() if count > 1)


def _books(scene: Scene, bill: list[BilledRequest]) -> Iterator[str]:
    """Each billed row has its call in our books, at its price; and we book nothing else."""
    ours = dict(scene.query("SELECT id, cost FROM calls WHERE cost > 0"))
    for one in bill:
        number = number_in(one.row or "")
        booked = ours.pop(number, None)
        if booked is None:
            yield f"billed and not in our books: {one.row}"
        elif abs(booked - one.price) > PENNY:
            yield f"{one.row} was billed {one.price} and is booked as {booked}"
    if ours:
        yield f"in our books and not billed: {list(ours)[:3]}"


def _left_over(scene: Scene) -> Iterator[str]:
    """No results stay at the provider, and no lines or results on our disk.

    An upload whose answer a kill took is not known to us: it is of lines that were uploaded again.
    """
    kept = scene.gateway.gateway.batch_files.names
    uploads = [name for name in kept if name.startswith(("file-in-", "files/in-"))]
    if len(kept) > len(uploads):
        yield f"results are left at the provider: {sorted(set(kept) - set(uploads))[:3]}"
    folder = scene.workspace.folder / "batches"
    if left := [path.name for path in folder.glob("*")]:
        yield f"files are left on the disk: {left[:3]}"


def told(scene: Scene) -> str:
    """What the table says about batches, for a failing test."""
    rows = scene.query("SELECT id, state, rows, remote_id, told, problem FROM provider_batches")
    return json.dumps(rows, default=str, indent=1)
