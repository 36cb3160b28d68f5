"""Builds tables with settled rows through the store's own functions."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.claimed import Claimed, Holding
from jobs.job import JSON, Failure, FailureClass, Step
from jobs.outcome import Answered, Finished, GiveUp, Held, Outcome, WireClass
from jobs.result import Picture, Result, Usage
from jobs.store import Store, Transaction
from jobs.store.ids import Ids
from jobs.store.loaded_sheets import LoadedSheet, loaded_sheet
from jobs.store.log import open_run
from jobs.store.queue.claims import ClaimRequest, claim
from jobs.store.queue.settles import CallEnd, SavedFile, Settlement, settle
from jobs.store.staging import Staged, Staging

SHEET_ID = 1
NOW = 1_790_000_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """The result of a row; a row with None everywhere stays pending."""

    text: str | None = None
    files: tuple[str, ...] = ()  # names in the workspace's files folder
    data: Mapping[str, JSON] | None = None
    failure: Failure | None = None
    in_doubt: bool = False
    cost: float | None = None
    tokens: tuple[int, int] | None = None
    request_id: str | None = "req-1"
    model: str | None = "m-2026"
    finish: str | None = "stop"


PENDING = Fate()
REFUSED = Fate(failure=Failure(kind=FailureClass.REFUSED, cause="moderation", detail="=no, sorry"))
IN_DOUBT = Fate(in_doubt=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet to load. Keys default to the row numbers."""

    headers: Sequence[str]
    rows: Sequence[Sequence[JSON]]
    format: str = "csv"
    typed: bool = False
    keys: Sequence[str] | None = None
    options: Mapping[str, JSON] | None = None


def make_table(folder: Path, sheet: Sheet, fates: Iterable[Fate] = ()) -> LoadedSheet:
    """A table `jobs.db` in the folder with all rows loaded, the first ones settled."""
    folder.mkdir(parents=True, exist_ok=True)
    with Store.open(folder / "jobs.db") as store:
        return fill(store, sheet, fates)


def fill(store: Store, sheet: Sheet, fates: Iterable[Fate] = ()) -> LoadedSheet:
    """Load all rows into an empty table, and settle the first ones."""
    with store.write() as tx:
        _load(tx, sheet)
    _settle(store, list(fates))
    with store.read() as tx:
        loaded = loaded_sheet(tx, SHEET_ID)
    assert loaded is not None
    return loaded


def _load(tx: Transaction, sheet: Sheet) -> None:
    staging = Staging(tx, sheet_id=SHEET_ID, by_request=False)
    staging.add(_staged(sheet))
    staging.number()
    staging.match()
    values: dict[str, object] = {
        "sheet": f"prompts.{sheet.format}",
        "sheet_digest": b"",
        "options_digest": b"",
        "headers": list(sheet.headers),
        "layout": {"format": sheet.format, "typed": sheet.typed},
        "id_column": None,
        "options": dict(sheet.options or {}),
        "attached": [],
    }
    staging.apply(now=NOW, sheet=values)


def _staged(sheet: Sheet) -> Staged:
    numbers = range(2, len(sheet.rows) + 2)
    return Staged(
        positions=numbers,
        keys=sheet.keys or [str(number) for number in numbers],
        digests=[
            hashlib.blake2b(str(number).encode(), digest_size=16).digest() for number in numbers
        ],
        endpoints=["chat"] * len(numbers),
        models=["m"] * len(numbers),
        fields=["{}"] * len(numbers),
        cells=[json.dumps(list(cells), ensure_ascii=False) for cells in sheet.rows],
    )


def _settle(store: Store, fates: Sequence[Fate]) -> None:
    holding = Holding(sheet_id=SHEET_ID, run_id=1, owner="builder")
    with store.write() as tx:
        open_run(tx, holding, program="test", options={}, now=NOW)
        order = ClaimRequest(step=Step.SEND, limit=len(fates))
        taken = claim(tx, holding, order, ids=Ids(), now=NOW) if fates else []
        sent = [
            Settlement(job=job, outcome=_outcome(fate), ended=_ended(fate))
            for job, fate in zip(taken, fates, strict=True)
            if fate != PENDING
        ]
        assert not sent or not settle(tx, holding, sent, now=NOW + 60)
        by_id = dict(zip((job.id for job in taken), fates, strict=True))
        order = ClaimRequest(step=Step.FETCH, limit=max(len(fates), 1))
        fetched = claim(tx, holding, order, ids=Ids(), now=NOW + 90)
        done = [_saved(job, by_id[job.id]) for job in fetched]
        assert not done or not settle(tx, holding, done, now=NOW + 120)


def _outcome(fate: Fate) -> Outcome:
    usage = None
    if fate.tokens is not None:
        prompt, completion = fate.tokens
        usage = Usage(
            raw={},
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=prompt + completion,
        )
    result = Result(
        text=fate.text,
        finish=fate.finish,
        model=fate.model,
        usage=usage,
        pictures=tuple(Picture(url=f"https://cdn.example/{name}") for name in fate.files),
        data=dict(fate.data or {}),
    )
    if fate.failure is not None:
        return GiveUp(failure=fate.failure, result=result if fate.text is not None else None)
    if fate.in_doubt:
        return Held(failure=Failure(kind=FailureClass.NETWORK, cause="cut", detail="cut off"))
    return Answered(result=result) if fate.files else Finished(result=result)


def _ended(fate: Fate) -> CallEnd:
    wire = WireClass.ANSWERED
    if fate.in_doubt or fate.failure:
        wire = WireClass.IN_DOUBT if fate.in_doubt else WireClass.REFUSED
    return CallEnd(
        wire=wire,
        seconds=1.23456,
        status=200,
        request_id=fate.request_id,
        cost=fate.cost,
        currency="USD",
    )


def _saved(job: Claimed, fate: Fate) -> Settlement:
    saved = [
        SavedFile(number=number, name=name, size=1, sha256=b"", media_type="image/png")
        for number, name in enumerate(fate.files, 1)
    ]
    return Settlement(job=job, outcome=Finished(), files=saved)
