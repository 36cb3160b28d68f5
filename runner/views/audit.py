"""Compares the mock gateway's bill with our own calls."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.outcome import FREE_CLASSES, PAID_CLASSES, WireClass
from jobs.store import Store
from jobs.store.log import call_books
from runner.protocol.call_key import unbound_key
from runner.workspace.workspace import SHEET_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class BillComparison:
    """What the gateway billed beside what we recorded, matched by idempotency key."""

    billed: int  # calls the gateway charged
    ours: int  # of these, calls that our table has and does not count as free
    answers: int  # answers in our table
    in_doubt: int  # our calls that may have been billed without an answer
    unknown_to_us: tuple[str, ...]  # billed, but missing or free in our table: must be 0
    unpaid: tuple[str, ...]  # paid in our table, but not billed: must be 0

    @property
    def balanced(self) -> bool:
        """True if every billed call is in our table and every paid answer is on the bill."""
        return not self.unknown_to_us and not self.unpaid


def key_of(entry: Mapping[str, Any]) -> str:
    """The key of a call in our table, from a line of the bill; a row of a batch names its call."""
    if entry.get("batch"):
        return f"rowmill-{int(str(entry['row']).removeprefix('r-'))}"
    return unbound_key(str(entry["key"]))


def compare(bill: Path, store: Store) -> BillComparison:
    """Compare the bill with the calls of the table."""
    billed: Counter[str] = Counter()
    if bill.exists():
        for line in bill.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry["billed"]:
                billed[key_of(entry)] += 1
    with store.read() as tx:
        books = call_books(tx, SHEET_ID)
    paid: Counter[str] = Counter()
    known: Counter[str] = Counter()
    doubtful = 0
    for key, wire in books:
        known[key] += wire not in FREE_CLASSES
        doubtful += wire is WireClass.IN_DOUBT
        if wire in PAID_CLASSES:
            paid[key] += 1
    return BillComparison(
        billed=billed.total(),
        ours=sum(min(count, known[key]) for key, count in billed.items()),
        answers=paid.total(),
        in_doubt=doubtful,
        unknown_to_us=tuple(key for key, count in billed.items() if count > known[key]),
        unpaid=tuple(key for key, count in paid.items() if count > billed[key]),
    )
