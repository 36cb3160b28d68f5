"""Jobs that may share a call: their fields differ only in each job's own field."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Select
from sqlalchemy.sql.dml import ReturningUpdate

from jobs.job import JSON
from jobs.store.schema import jobs

MAX_CANDIDATES = 4096  # ready jobs examined for one shared call


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """How jobs of one endpoint share a call: up to `most` jobs, of at most `heaviest` in total."""

    own: str  # the field that differs
    most: Callable[[int, Mapping[str, JSON]], int]  # by the job's id and fields
    weigh: Callable[[Mapping[str, JSON]], int]
    heaviest: int


@dataclass(slots=True)
class SharedCall:
    """Jobs of one call, in the order of the call's items."""

    sharing: Sharing
    alike: tuple[str, str, str]
    room: int
    weight: int = 0
    rows: list[Row[Any]] = field(default_factory=list)

    @classmethod
    def of(cls, sharing: Sharing, row: Row[Any]) -> "SharedCall":
        """A new group with this job."""
        fields = json.loads(row.fields)
        group = cls(sharing, _alike(row, fields, sharing), sharing.most(row.id, fields))
        group.add(row, fields)
        return group

    def add(self, row: Row[Any], fields: Mapping[str, JSON]) -> None:
        """Add one job."""
        self.rows.append(row)
        self.room = min(self.room, self.sharing.most(row.id, fields))
        self.weight += self.sharing.weigh(fields)

    def takes(self, row: Row[Any], fields: Mapping[str, JSON]) -> bool:
        """True if this job fits."""
        count = len(self.rows) + 1
        fits = count <= self.room and count <= self.sharing.most(row.id, fields)
        light = self.weight + self.sharing.weigh(fields) <= self.sharing.heaviest
        return fits and light and _alike(row, fields, self.sharing) == self.alike


def _alike(row: Row[Any], fields: Mapping[str, JSON], sharing: Sharing) -> tuple[str, str, str]:
    rest = {name: value for name, value in fields.items() if name != sharing.own}
    return row.endpoint, row.model, json.dumps(rest, sort_keys=True)


def grouped(taken: Sequence[Row[Any]], sharing: Mapping[str, Sharing]) -> list[SharedCall]:
    """Claimed jobs, grouped by the calls they can share."""
    groups: list[SharedCall] = []
    for row in taken:
        how = sharing[row.endpoint]
        fields = json.loads(row.fields)
        home = next((one for one in groups if one.takes(row, fields)), None)
        if home is None:
            groups.append(SharedCall.of(how, row))
        else:
            home.add(row, fields)
    return groups


def add_matching_rows(
    connection: Connection, group: SharedCall, ready: Select[Any], claiming: ReturningUpdate[Any]
) -> None:
    """Claim more ready jobs that fit into the group; `ready` selects candidates in order."""
    endpoint, model, _ = group.alike
    if group.room <= len(group.rows):
        return
    found = connection.execute(
        ready.where(jobs.c.endpoint == endpoint, jobs.c.model == model).limit(MAX_CANDIDATES)
    ).all()
    wanted = {}
    for row in found:
        fields = json.loads(row.fields)
        if group.takes(row, fields):
            group.add(row, fields)
            wanted[row.id] = len(group.rows) - 1
    if wanted:
        for row in connection.execute(claiming.where(jobs.c.id.in_(list(wanted)))):
            group.rows[wanted[row.id]] = row
