"""The mock gateway's records: the bill on disk, and counts in memory for tests."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from runner.mock.faults import Fault

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledRequest:
    """One line of the bill. `key` is the Idempotency-Key header.

    `fault` and `status` are what the caller is about to see; `status` None: no status line at all.
    A line of a provider batch has the batch's id and that of its row.
    """

    id: str
    time: float  # Unix seconds
    endpoint: str  # the path
    model: str | None = None
    prompt_sha: str | None = None  # chance.prompt_digest of the last user text
    key: str | None = None
    billed: bool = False
    price: float = 0.0
    fault: str | None = None
    status: int | None
    batch: str | None = None
    row: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One request for a picture."""

    token: str
    status: int
    fault: str | None


_COLUMNS = tuple(column.name for column in fields(BilledRequest))
_ENCODER = json.JSONEncoder(separators=(",", ":"))


class Bill:
    """Counts since the start of this mock; only `asks` continues from an existing bill."""

    def __init__(self) -> None:
        self.requests: list[BilledRequest] = []
        self.downloads: list[Download] = []
        self.asks: Counter[str] = Counter()
        self.fetches: Counter[str] = Counter()
        self.connections = 0
        self.in_flight = 0
        self.max_in_flight = 0
        self._descriptor: int | None = None

    def open(self, bill: Path | None) -> None:
        """Start or continue the bill. Raises OSError if it cannot be written."""
        if bill:
            self.asks.update(_billed_prompts(bill))
            self._descriptor = os.open(bill, _APPEND, 0o644)

    def enter(self) -> None:
        """A request has begun."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def leave(self) -> None:
        """A request has ended."""
        self.in_flight -= 1

    def ask(self, sha: str) -> int:
        """Count one more request for a prompt; returns how many came before."""
        self.asks[sha] += 1
        return self.asks[sha] - 1

    def write(self, request: BilledRequest) -> None:
        """Append a request to the bill in one write, before it is answered."""
        self.requests.append(request)
        if self._descriptor is not None:
            line = _ENCODER.encode({name: getattr(request, name) for name in _COLUMNS})
            os.write(self._descriptor, line.encode() + b"\n")

    def close(self) -> None:
        """Close the bill; safe to repeat."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def fault_name(fault: Fault) -> str | None:
    """The fault's name on the bill."""
    return None if fault is Fault.OK else fault.value


def _billed_prompts(bill: Path) -> Iterator[str]:
    """The prompt of each line of an earlier bill, so that a restarted mock continues its plan."""
    if not bill.exists():
        return
    with bill.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                sha = json.loads(line)["prompt_sha"]
            except (ValueError, KeyError, TypeError):
                continue  # a torn last line
            if isinstance(sha, str):
                yield sha
