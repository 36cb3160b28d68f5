"""The requests of rows, or why a row has none."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from jobs.job import JSON
from jobs.sheet.block import RowBlock


class Request(NamedTuple):
    """What one row asks for. A job's digest is made of endpoint and `identity`, which is JSON."""

    endpoint: str
    model: str
    fields: str  # JSON
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a row cannot become a job."""

    column: str
    expected: str
    found: str

    def as_json(self) -> str:
        """The problem as the table keeps it."""
        return json.dumps(
            {"column": self.column, "expected": self.expected, "found": self.found},
            ensure_ascii=False,
            separators=(",", ":"),
        )


@dataclass(slots=True, kw_only=True)
class Requests:
    """The requests of several rows in columns: one object a row would be too slow for a million."""

    endpoints: list[str]
    models: list[str]
    fields: list[str]
    identities: list[str]
    problems: dict[int, Problem] = field(default_factory=dict)  # by index

    @classmethod
    def of(cls, found: Iterable[Request | Problem]) -> "Requests":
        """From the requests of single rows."""
        requests = cls(endpoints=[], models=[], fields=[], identities=[])
        for place, one in enumerate(found):
            for part in (requests.endpoints, requests.models, requests.fields, requests.identities):
                part.append("")
            requests.put(place, one)
        return requests

    def put(self, place: int, found: Request | Problem) -> None:
        """Replace the request of one row."""
        self.problems.pop(place, None)
        if isinstance(found, Problem):
            self.problems[place] = found
            found = Request(endpoint="", model="", fields="{}", identity="")
        self.endpoints[place], self.models[place] = found.endpoint, found.model
        self.fields[place], self.identities[place] = found.fields, found.identity


class Prepare(Protocol):
    """Makes requests out of cells."""

    def __call__(self, cells: Sequence[JSON], /) -> Request | Problem:
        """One row's cells in header order → its request."""

    def together(self, block: RowBlock, /) -> Requests:
        """The same for many rows."""
