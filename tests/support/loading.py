"""Loads small sheets into a store, from the point where cells have become requests."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.store import Store
from jobs.store.staging import FirstLoad, LoadPlan, Staged, Staging


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a sheet: its request, its id and its other cells."""

    asks: str
    key: str | None = None  # None: identified by its request
    note: str = ""
    problem: str | None = None
    model: str = "m"
    endpoint: str = "chat"


def digest_of(asks: str) -> bytes:
    """The digest of a request."""
    return hashlib.blake2b(asks.encode(), digest_size=16).digest()


def staged(lines: Sequence[Line]) -> Staged:
    """Staged lines from row 2 on, as Excel counts."""
    digests = [digest_of(line.asks) for line in lines]
    return Staged(
        positions=range(2, len(lines) + 2),
        keys=[
            digest.hex() if line.key is None else line.key
            for line, digest in zip(lines, digests, strict=True)
        ],
        digests=digests,
        endpoints=[line.endpoint for line in lines],
        models=[line.model for line in lines],
        fields=[json.dumps({"prompt": line.asks}) for line in lines],
        cells=[json.dumps([line.asks, line.note]) for line in lines],
        problems={
            place: line.problem for place, line in enumerate(lines) if line.problem is not None
        },
    )


def load(store: Store, lines: Sequence[Line], *, sheet_id: int = 1, now: float = 100.0) -> LoadPlan:
    """Load a sheet through staging; returns its plan."""
    by_request = all(line.key is None for line in lines)
    with store.write() as tx:
        staging = Staging(tx, sheet_id=sheet_id, by_request=by_request)
        staging.add(staged(lines))
        staging.number()
        staging.match()
        plan = staging.plan()
        staging.apply(now=now, sheet=sheet_values())
    return plan


def load_straight(store: Store, lines: Sequence[Line], *, now: float = 100.0) -> LoadPlan:
    """Load a first sheet, without staging."""
    by_request = all(line.key is None for line in lines)
    with store.first_load() as tx:
        landing = FirstLoad(tx, sheet_id=1, by_request=by_request, now=now)
        landing.add(staged(lines))
        assert by_request or landing.repeated_keys() == []
        landing.number()
        landing.match()
        plan = landing.plan()
        landing.apply(now=now, sheet=sheet_values())
    return plan


def sheet_values() -> dict[str, object]:
    """The metadata that a load keeps."""
    return {
        "sheet": "prompts.csv",
        "sheet_digest": b"s",
        "options_digest": b"o",
        "headers": ["prompt", "note"],
        "layout": {},
        "id_column": None,
        "options": {},
        "attached": [],
    }


def asking(*words: str) -> list[Line]:
    """Lines with these prompts, identified by their request."""
    return [Line(asks=word) for word in words]
