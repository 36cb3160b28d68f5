"""A sheet on its way into the table: staged beside it, compared with it, then laid in whole."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    null,
    or_,
    select,
    text,
    true,
    update,
)

from jobs.job import FailureClass, State, Step
from jobs.store.edits import Edit, replace_edits
from jobs.store.order import RANK_SPAN, SHEET_RANK
from jobs.table import Id, batches, jobs, rows

DIGEST_VERSION = 1

_here = MetaData()
incoming = Table(
    "incoming",
    _here,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("fields", Text, nullable=False),
    Column("cells", Text, nullable=False),
    Column("problem", Text),  # why this row cannot become a request
    Column("occurrence", Integer, nullable=False, server_default="0"),
    Column("job_id", Id),
    prefixes=["TEMPORARY"],
)
pairs = Table(
    "pairs",
    _here,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("value", Id, nullable=False),
    prefixes=["TEMPORARY"],
)

_PAID = or_(
    jobs.c.state.in_([State.DONE.value, State.RUNNING.value]), jobs.c.step != Step.SEND.value
)
"""Answered, about to be, or with a ticket or files under way."""

Staged = tuple[int, str, bytes, str, str, str, str, str | None]
"""position, key, digest, endpoint, model, fields (JSON), cells (JSON), problem"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What laying the staged sheet in would do, in rows. `bought_again`: rows that are done now."""

    staged: int
    bad: int
    first: bool  # no sheet was loaded here before
    unchanged: int = 0
    refreshed: int = 0  # only columns that are not sent changed
    changed: int = 0
    new: int = 0
    returned: int = 0
    removed: int = 0
    done_before: int = 0
    bought_again: int = 0
    by_options: int = 0  # of these, rows whose cells are as they were
    answered_already: int = 0  # new or changed rows whose request is answered in the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row whose request would change: the fields before and after (JSON)."""

    position: int
    before: str
    after: str


class Staging:
    """One sheet beside the table, on one connection: add, number, match, plan, apply, in turn."""

    def __init__(self, connection: Connection, *, batch_id: int, by_request: bool) -> None:
        self.connection = connection
        self.batch_id = batch_id
        self.by_request = by_request  # rows are known by their request, not by an id column
        self.edits: list[Edit] | None = None  # to be kept with the sheet; None: there were none
        for table in (incoming, pairs):
            table.drop(connection, checkfirst=True)
            table.create(connection)
        names = [column.name for column in incoming.columns][:8]
        self._insert = str(
            insert(incoming)
            .values({name: bindparam(name) for name in names})
            .compile(dialect=connection.dialect)
        )
        self._positional = connection.dialect.positional

    def add(self, chunk: Sequence[Staged]) -> None:
        """Stage some rows; plain tuples to the driver, since a million of them pass here."""
        if self._positional:
            self.connection.exec_driver_sql(self._insert, list(chunk))
        else:
            names = [column.name for column in incoming.columns][:8]
            staged = [dict(zip(names, one, strict=True)) for one in chunk]
            self.connection.execute(insert(incoming), staged)

    def repeated_keys(self, *, most: int = 50) -> list[tuple[str, list[int]]]:
        """Keys that stand in several rows, with their row numbers."""
        found = self.connection.execute(
            select(incoming.c.key)
            .group_by(incoming.c.key)
            .having(func.count() > 1)
            .order_by(func.min(incoming.c.position))
            .limit(most)
        ).scalars()
        return [
            (
                key,
                list(
                    self.connection.execute(
                        select(incoming.c.position)
                        .where(incoming.c.key == key)
                        .order_by(incoming.c.position)
                    ).scalars()
                ),
            )
            for key in found.all()
        ]

    def number(self) -> None:
        """Count true duplicates: the k-th row with the same request is its occurrence k, from 0."""
        self.connection.execute(text("CREATE INDEX ix_incoming_digest ON incoming (digest)"))
        counted: dict[str, Any] = {"occurrence": pairs.c.value}
        named: dict[str, Any] = {
            "key": case(
                (pairs.c.value > 0, incoming.c.key + "-" + (pairs.c.value + 1).cast(Text)),
                else_=incoming.c.key,
            )
        }
        if self.by_request and self.edits is None:
            self._number_repeated(incoming.c.digest, counted | named)
            return
        self._number_repeated(incoming.c.digest, counted)
        if self.by_request:  # an edited row asks for something else than its key says
            self._number_repeated(incoming.c.key, named)

    def _number_repeated(self, what: Column[Any], changes: dict[str, Any]) -> None:
        repeated = select(what).group_by(what).having(func.count() > 1)
        order = func.row_number().over(partition_by=what, order_by=incoming.c.position)
        self._pair(select(incoming.c.position, order - 1).where(what.in_(repeated)))
        self.connection.execute(
            update(incoming).values(changes).where(incoming.c.position == pairs.c.position)
        )

    def match(self) -> None:
        """Find the job of each row: its own if the request is the same, else a free one with it.

        An answer that is there goes before a request that would still have to be paid for.
        """
        if not self._any_jobs():
            return
        self._take_jobs(self._own().where(_PAID))
        self._take_free(jobs.c.state == State.DONE.value)
        self._take_jobs(self._own().where(incoming.c.job_id.is_(None), not_(_PAID)))
        self._take_free(true())

    def _own(self) -> Select[int, int]:
        """Rows and the jobs they had, where the request is the same."""
        other = rows.alias("other")  # while this row was away, another one can have taken its job
        lent = exists(
            select(literal(1)).where(
                other.c.job_id == rows.c.job_id,
                or_(not_(other.c.parked), other.c.id > rows.c.id),
            )
        )
        return (
            select(incoming.c.position, jobs.c.id)
            .select_from(incoming)
            .join(rows, and_(rows.c.batch_id == self.batch_id, rows.c.key == incoming.c.key))
            .join(jobs, and_(jobs.c.id == rows.c.job_id, jobs.c.digest == incoming.c.digest))
            .where(not_(and_(rows.c.parked, lent)))
        )

    def _take_free(self, wanted: ColumnElement[bool]) -> None:
        """Jobs that no row has taken, to rows that still have none: what is paid for goes first."""
        needing = (
            select(
                incoming.c.position,
                incoming.c.digest,
                func.row_number()
                .over(partition_by=incoming.c.digest, order_by=incoming.c.position)
                .label("k"),
            )
            .where(incoming.c.job_id.is_(None))
            .subquery()
        )
        paid_first = case((jobs.c.state == State.DONE.value, 0), (_PAID, 1), else_=2)
        taken = select(incoming.c.job_id).where(incoming.c.job_id.is_not(None))
        free = (
            select(
                jobs.c.id,
                jobs.c.digest,
                func.row_number()
                .over(partition_by=jobs.c.digest, order_by=(paid_first, jobs.c.occurrence))
                .label("k"),
            )
            .where(
                jobs.c.batch_id == self.batch_id,
                wanted,
                jobs.c.digest.in_(select(needing.c.digest)),
                jobs.c.id.not_in(taken),
            )
            .subquery()
        )
        self._take_jobs(
            select(needing.c.position, free.c.id).join(
                free, and_(free.c.digest == needing.c.digest, free.c.k == needing.c.k)
            )
        )

    def _any_jobs(self) -> bool:
        found = select(literal(1)).where(jobs.c.batch_id == self.batch_id).limit(1)
        return self.connection.execute(found).scalar() is not None

    def _take_jobs(self, found: Any) -> None:
        self._pair(found)
        self.connection.execute(
            update(incoming)
            .values(job_id=pairs.c.value)
            .where(incoming.c.position == pairs.c.position)
        )

    def _pair(self, found: Any) -> None:
        self.connection.execute(delete(pairs))
        self.connection.execute(insert(pairs).from_select(["position", "value"], found))

    def plan(self) -> Plan:
        """Count what `apply` would do. Changes nothing."""
        staged, bad = self.connection.execute(
            select(func.count(), func.count(incoming.c.problem)).select_from(incoming)
        ).one()
        if not self._any_jobs():
            return Plan(staged=staged, bad=bad, first=True, new=staged)
        old = rows.alias("old")
        known = incoming.outerjoin(
            old, and_(old.c.batch_id == self.batch_id, old.c.key == incoming.c.key)
        )
        same_job = old.c.job_id == incoming.c.job_id
        here = and_(old.c.id.is_not(None), not_(old.c.parked))
        counts = self.connection.execute(
            select(
                _count(and_(here, same_job, old.c.cells == incoming.c.cells)).label("unchanged"),
                _count(and_(here, same_job, old.c.cells != incoming.c.cells)).label("refreshed"),
                _count(and_(here, or_(incoming.c.job_id.is_(None), not_(same_job)))).label(
                    "changed"
                ),
                _count(old.c.id.is_(None)).label("new"),
                _count(and_(old.c.id.is_not(None), old.c.parked)).label("returned"),
            ).select_from(known)
        ).one()
        removed = self.connection.execute(
            select(func.count()).select_from(rows).where(*self._gone())
        ).scalar_one()
        again, by_options = self._bought_again()
        return Plan(
            staged=staged,
            bad=bad,
            first=False,
            unchanged=counts.unchanged,
            refreshed=counts.refreshed,
            changed=counts.changed,
            new=counts.new,
            returned=counts.returned,
            removed=removed,
            done_before=self._done_before(),
            bought_again=again,
            by_options=by_options,
            answered_already=self._answered_already(),
        )

    def _gone(self) -> tuple[Any, ...]:
        return (
            rows.c.batch_id == self.batch_id,
            not_(rows.c.parked),
            not_(exists(select(literal(1)).where(incoming.c.key == rows.c.key))),
        )

    def _done_before(self) -> int:
        return self.connection.execute(
            select(func.count())
            .select_from(rows.join(jobs, jobs.c.id == rows.c.job_id))
            .where(
                rows.c.batch_id == self.batch_id,
                not_(rows.c.parked),
                jobs.c.state == State.DONE.value,
            )
        ).scalar_one()

    def _replaced(self) -> Any:
        """Rows that are done now and whose successor in the staged sheet was never asked for.

        A row's successor has its key; where rows are known by their request, a changed request has
        another key, so the successor is the row with the same cells, or else in the same place.
        """
        successor = incoming.c.key == rows.c.key
        if self.by_request:
            successor = and_(
                or_(incoming.c.position == rows.c.position, incoming.c.cells == rows.c.cells),
                not_(exists(select(literal(1)).where(_kept.c.job_id == rows.c.job_id))),
            )
        return (
            rows.join(jobs, jobs.c.id == rows.c.job_id).join(incoming, successor),
            (
                rows.c.batch_id == self.batch_id,
                not_(rows.c.parked),
                jobs.c.state == State.DONE.value,
                incoming.c.job_id.is_(None),
            ),
        )

    def _bought_again(self) -> tuple[int, int]:
        joined, wanted = self._replaced()
        same_cells = case((incoming.c.cells == rows.c.cells, incoming.c.position))
        found = self.connection.execute(
            select(func.count(incoming.c.position.distinct()), func.count(same_cells.distinct()))
            .select_from(joined)
            .where(*wanted)
        ).one()
        return int(found[0]), int(found[1])

    def changes(self) -> Iterator[Change]:
        """The rows that would be bought again, with their fields before and after."""
        joined, wanted = self._replaced()
        found = self.connection.execute(
            select(incoming.c.position, jobs.c.fields, incoming.c.fields.label("after"))
            .select_from(joined)
            .where(*wanted)
            .order_by(incoming.c.position)
        )
        for row in found:
            yield Change(position=row.position, before=row.fields, after=row.after)

    def _answered_already(self) -> int:
        own = rows.alias("own")
        return self.connection.execute(
            select(func.count())
            .select_from(incoming.join(jobs, jobs.c.id == incoming.c.job_id))
            .where(
                jobs.c.state == State.DONE.value,
                not_(
                    exists(
                        select(literal(1)).where(
                            own.c.batch_id == self.batch_id,
                            own.c.key == incoming.c.key,
                            own.c.job_id == incoming.c.job_id,
                            not_(own.c.parked),
                        )
                    )
                ),
            )
        ).scalar_one()

    def answered_in(self, digests: Iterator[bytes]) -> int:
        """How many staged rows have their request among these digests of another table."""
        self.connection.execute(delete(pairs))
        found = 0
        chunk: list[bytes] = []
        for digest in digests:
            chunk.append(digest)
            if len(chunk) == 500:
                found += self._count_of(chunk)
                chunk = []
        return found + (self._count_of(chunk) if chunk else 0)

    def _count_of(self, chunk: list[bytes]) -> int:
        return self.connection.execute(
            select(func.count()).select_from(incoming).where(incoming.c.digest.in_(chunk))
        ).scalar_one()

    def problems(
        self, *, most: int = 200, keys: Collection[str] | None = None
    ) -> list[tuple[int, str]]:
        """Rows that cannot become a request, perhaps of these only: row number and why (JSON)."""
        mine = true() if keys is None else incoming.c.key.in_(list(keys))
        found = self.connection.execute(
            select(incoming.c.position, incoming.c.problem)
            .where(incoming.c.problem.is_not(None), mine)
            .order_by(incoming.c.position)
            .limit(most)
        )
        return [(row.position, str(row.problem)) for row in found]

    def models(self) -> list[tuple[str, int]]:
        """Models and how many staged rows ask for each."""
        found = self.connection.execute(
            select(incoming.c.model, func.count())
            .where(incoming.c.problem.is_(None))
            .group_by(incoming.c.model)
            .order_by(func.count().desc())
        )
        return [(model, count) for model, count in found]

    def first(self, count: int) -> list[tuple[int, str, str]]:
        """The first staged requests: row number, endpoint, fields (JSON)."""
        found = self.connection.execute(
            select(incoming.c.position, incoming.c.endpoint, incoming.c.fields)
            .where(incoming.c.problem.is_(None))
            .order_by(incoming.c.position)
            .limit(count)
        )
        return [(row.position, row.endpoint, row.fields) for row in found]

    def apply(self, *, now: float, batch: dict[str, Any]) -> None:
        """Lay the staged sheet in: new jobs, rows pointed at them, what nobody points at parked."""
        if self._any_jobs():
            self._number_new_jobs()
            there = exists(select(literal(1)).where(jobs.c.id == incoming.c.job_id))
            self._add_jobs(incoming.c.job_id, not_(there), now=now)
            self._point_known_rows()
            known = and_(rows.c.batch_id == self.batch_id, rows.c.key == incoming.c.key)
            self._add_rows(incoming.c.job_id, not_(exists(select(literal(1)).where(known))))
            self._park_rows()
            self._park_jobs(now=now)
            self._move_jobs()
        else:
            number = incoming.c.position + self._last_job()  # of other sheets in the same table
            self._add_jobs(number, true(), now=now)
            self._add_rows(number, true())
        if self.edits is not None:
            replace_edits(self.connection, self.batch_id, self.edits)
        self._remember(batch, now=now)

    def _last_job(self) -> int:
        last = select(func.coalesce(func.max(jobs.c.id), 0))
        return int(self.connection.execute(last).scalar_one())

    def _number_new_jobs(self) -> None:
        """Every row without a job gets the number of the one that will be made for it."""
        self.connection.execute(text("CREATE INDEX ix_incoming_key ON incoming (key)"))
        start = self._last_job()
        self._pair(
            select(
                incoming.c.position,
                start + func.row_number().over(order_by=incoming.c.position),
            ).where(incoming.c.job_id.is_(None))
        )
        used = (
            select(func.max(jobs.c.occurrence))
            .where(jobs.c.batch_id == self.batch_id, jobs.c.digest == incoming.c.digest)
            .scalar_subquery()
        )
        self.connection.execute(
            update(incoming)
            .values(
                job_id=pairs.c.value,
                occurrence=incoming.c.occurrence + func.coalesce(used + 1, 0),
            )
            .where(incoming.c.position == pairs.c.position)
        )

    def _add_jobs(
        self, number: ColumnElement[int], wanted: ColumnElement[bool], *, now: float
    ) -> None:
        bad = incoming.c.problem.is_not(None)
        values = {
            "id": number,
            "batch_id": literal(self.batch_id),
            "digest": incoming.c.digest,
            "digest_version": literal(DIGEST_VERSION),
            "occurrence": incoming.c.occurrence,
            "endpoint": incoming.c.endpoint,
            "model": incoming.c.model,
            "fields": incoming.c.fields,
            "position": incoming.c.position,
            "state": case((bad, State.FAILED.value), else_=State.READY.value),
            "step": literal(Step.SEND.value),
            "rank": literal(SHEET_RANK),
            "turn": incoming.c.position,
            "not_before": literal(0.0),
            "epoch": literal(0),
            "version": literal(1),
            "attempts": literal(0),
            "repeats": literal(0),
            "deaths": literal(0),
            "stream": literal(value=False),
            "kind": case((bad, FailureClass.BAD_INPUT.value), else_=null()),
            "cause": case((bad, "bad_row"), else_=null()),
            "detail": incoming.c.problem,
            "updated_at": literal(now),
            "listed": literal(value=True),
        }
        made = select(*values.values()).where(wanted).order_by(incoming.c.position)
        self.connection.execute(insert(jobs).from_select(list(values), made))

    def _point_known_rows(self) -> None:
        known = and_(rows.c.batch_id == self.batch_id, rows.c.key == incoming.c.key)
        differs = or_(
            rows.c.position != incoming.c.position,
            rows.c.cells != incoming.c.cells,
            rows.c.job_id != incoming.c.job_id,
            rows.c.parked,
        )
        self.connection.execute(
            update(rows)
            .values(
                position=incoming.c.position,
                cells=incoming.c.cells,
                job_id=incoming.c.job_id,
                parked=False,
            )
            .where(known, differs)
        )

    def _add_rows(self, number: ColumnElement[int], wanted: ColumnElement[bool]) -> None:
        start = self.connection.execute(select(func.coalesce(func.max(rows.c.id), 0))).scalar_one()
        values = {
            "id": start + incoming.c.position,
            "batch_id": literal(self.batch_id),
            "key": incoming.c.key,
            "position": incoming.c.position,
            "cells": incoming.c.cells,
            "job_id": number,
            "parked": literal(value=False),
        }
        fresh = select(*values.values()).where(wanted).order_by(incoming.c.position)
        self.connection.execute(insert(rows).from_select(list(values), fresh))

    def _park_rows(self) -> None:
        self.connection.execute(update(rows).values(parked=True).where(*self._gone()))

    def _park_jobs(self, *, now: float) -> None:
        """Jobs nobody points at are off the list, and parked if unsent; and back again."""
        used = exists(select(literal(1)).where(rows.c.job_id == jobs.c.id, not_(rows.c.parked)))
        unsent = jobs.c.step == Step.SEND.value
        for listed, before, after, wanted in (
            (False, State.READY.value, State.PARKED.value, not_(used)),
            (True, State.PARKED.value, State.READY.value, used),
        ):
            self.connection.execute(
                update(jobs)
                .values(
                    listed=listed,
                    state=case((and_(unsent, jobs.c.state == before), after), else_=jobs.c.state),
                    updated_at=now,
                )
                .where(jobs.c.batch_id == self.batch_id, jobs.c.listed != listed, wanted)
            )

    def _move_jobs(self) -> None:
        """Jobs follow their rows: perhaps another place, and pictures under other names."""
        moved = or_(
            jobs.c.position != incoming.c.position,
            jobs.c.fields != incoming.c.fields,
        )
        self.connection.execute(
            update(jobs)
            .values(
                position=incoming.c.position,
                fields=incoming.c.fields,
                turn=case(
                    (
                        jobs.c.step == Step.SEND.value,
                        incoming.c.position + jobs.c.rank * RANK_SPAN,
                    ),
                    else_=jobs.c.turn,
                ),
            )
            .where(jobs.c.id == incoming.c.job_id, moved)
        )

    def _remember(self, batch: dict[str, Any], *, now: float) -> None:
        values = {
            name: json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
            for name, value in batch.items()
        } | {"loaded_at": now}
        changed = self.connection.execute(
            update(batches).where(batches.c.id == self.batch_id).values(values)
        )
        if changed.rowcount == 0:
            self.connection.execute(insert(batches).values(id=self.batch_id, **values))


_kept = incoming.alias("kept")


def _count(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
