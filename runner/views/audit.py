"""The mock gateway's bill held against our own books, call by call."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from jobs.outcome import FREE_CLASSES, PAID_CLASSES, WireClass
from jobs.store import Store
from jobs.store.log import call_books
from runner.workspace.workspace import SHEET_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class BillComparison:
    """What the gateway billed and what we wrote down; both by the key that a call carries."""

    billed: int  # calls the gateway charged
    ours: int  # of these, calls that our table knows, and does not take for free
    answers: int  # answers we hold
    in_doubt: int  # our calls that may have been billed without an answer
    unknown_to_us: tuple[str, ...]  # billed, and not in our table or free there: must be none
    unpaid: tuple[str, ...]  # answered as paid in our table, and not billed: must be none

    @property
    def balanced(self) -> bool:
        """Every billed call stands in our books, and every paid answer on the bill."""
        return not self.unknown_to_us and not self.unpaid


def compare(bill: Path, store: Store) -> BillComparison:
    """Hold the bill against the table."""
    billed: Counter[str] = Counter()
    if bill.exists():
        for line in bill.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry["billed"]:
                billed[str(entry["key"])] += 1
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
