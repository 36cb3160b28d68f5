"""The requests of rows, or why a row has none."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from jobs.job import JSON
from jobs.sheet.block import RowBlock
from jobs.sheet.finding import Finding

BAD_ROW = "bad_row"
EMPTY = "empty"


class UnsuitedColumnError(Exception):
    """A column that was recognised by its name has a value that its field does not take."""

    def __init__(self, column: int, finding: Finding) -> None:
        super().__init__(column)
        self.column = column
        self.finding = finding


class Request(NamedTuple):
    """What one row asks for. A job's digest is made of endpoint and `identity`, which is JSON."""

    endpoint: str
    model: str
    fields: str  # JSON
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a row cannot become a job.

    `kind` names the sentence for people. The kind `EMPTY` is no mistake: all cells that the row's
    request uses are blank, and it is skipped.
    """

    column: str
    expected: str
    found: str
    kind: str = BAD_ROW
    field: str = ""

    def as_json(self) -> str:
        """The problem as the table keeps it."""
        record = {"column": self.column, "expected": self.expected, "found": self.found}
        if self.kind != BAD_ROW:
            record |= {"kind": self.kind, "field": self.field}
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


@dataclass(slots=True, kw_only=True)
class Requests:
    """The requests of several rows in columns: one object a row would be too slow for a million."""

    endpoints: list[str]
    models: list[str]
    fields: list[str]
    identities: list[str]
    problems: dict[int, Problem] = field(default_factory=dict)  # by index
    empty: set[int] = field(default_factory=set)  # indices of rows without anything to send

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
        self.empty.discard(place)
        if isinstance(found, Problem):
            if found.kind == EMPTY:
                self.empty.add(place)
            else:
                self.problems[place] = found
            found = Request(endpoint="", model="", fields="{}", identity="")
        self.endpoints[place], self.models[place] = found.endpoint, found.model
        self.fields[place], self.identities[place] = found.fields, found.identity


class Prepare(Protocol):
    """Makes requests out of cells."""

    def __call__(self, cells: Sequence[JSON], /) -> Request | Problem:
        """One row's cells in header order → its request."""

    def together(self, block: RowBlock, /) -> Requests:
        """The same for many rows.

        Raises UnsuitedColumnError for a column that should not be used as its field.
        """
