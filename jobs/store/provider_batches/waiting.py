"""The rows that wait for a provider batch: marked so that no claim takes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, func, not_, select, tuple_, update

from jobs.claimed import Claimed
from jobs.job import State, Step
from jobs.store.queue.claims import TAKEN, as_claimed
from jobs.store.queue.order import FOR_BATCH, GIVEN_BACK
from jobs.store.schema import jobs
from jobs.store.statements import BulkStatement, given

LANE_MEMBER = '"lane":"batch"'
"""In the stored fields, which are canonical JSON, of a row that asks for a batch."""
NOT_BY_BATCH = "not_by_batch"
"""The cause of a row that no provider batch takes."""


def keep_for_batches(
    connection: Connection,
    sheet_id: int,
    *,
    selection: int | None = None,
    put_back_too: bool = False,
    given_back_too: bool = True,
) -> int:
    """Keep the rows of this lane for provider batches, and no others; returns how many.

    `selection` takes only the rows that this run has chosen. `put_back_too`: also those that a
    retry put back, which otherwise go online. `given_back_too`: also those that an earlier batch
    did not buy; otherwise they go on waiting to be sent online.
    """
    of_lane = jobs.c.fields.contains(LANE_MEMBER, autoescape=True)
    kept = jobs.c.not_before.in_([FOR_BATCH, GIVEN_BACK])
    others = and_(_at_send(sheet_id), kept, not_(of_lane))
    connection.execute(update(jobs).where(others).values(not_before=0.0))
    wanted = and_(_at_send(sheet_id), jobs.c.not_before != FOR_BATCH, of_lane)
    if selection is not None:
        wanted = and_(wanted, jobs.c.selection == selection)
    if not put_back_too:
        wanted = and_(wanted, not_(jobs.c.requeued))
    if not given_back_too:
        wanted = and_(wanted, jobs.c.not_before != GIVEN_BACK)
    return connection.execute(update(jobs).where(wanted).values(not_before=FOR_BATCH)).rowcount


def let_go_online(
    connection: Connection, sheet_id: int, *, now: float, selection: int | None = None
) -> int:
    """Let rows be claimed that no provider batch has; returns how many."""
    waiting = and_(_at_send(sheet_id), jobs.c.not_before.in_([FOR_BATCH, GIVEN_BACK]))
    if selection is not None:
        waiting = and_(waiting, jobs.c.selection == selection)
    return connection.execute(update(jobs).where(waiting).values(not_before=now)).rowcount


def given_back(connection: Connection, sheet_id: int) -> int:
    """How many rows wait for a person's word, because no batch bought them."""
    mine = and_(_at_send(sheet_id), jobs.c.not_before == GIVEN_BACK, jobs.c.listed)
    return connection.execute(select(func.count()).where(mine)).scalar_one()


def unbought(connection: Connection, sheet_id: int) -> int:
    """How many rows are kept from being sent, for the next batch or for a person's word."""
    kept = jobs.c.not_before.in_([FOR_BATCH, GIVEN_BACK])
    mine = and_(_at_send(sheet_id), kept, jobs.c.listed)
    return connection.execute(select(func.count()).where(mine)).scalar_one()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingKind:
    """Rows of one endpoint and model that wait for a provider batch."""

    endpoint: str
    model: str
    rows: int


def waiting_kinds(
    connection: Connection, sheet_id: int, *, selection: int | None = None
) -> list[WaitingKind]:
    """What waits for provider batches, most frequent first."""
    found = connection.execute(
        select(jobs.c.endpoint, jobs.c.model, func.count().label("number"))
        .where(_waits(sheet_id, selection))
        .group_by(jobs.c.endpoint, jobs.c.model)
        .order_by(func.count().desc(), jobs.c.endpoint, jobs.c.model)
    )
    return [WaitingKind(endpoint=row.endpoint, model=row.model, rows=row.number) for row in found]


@dataclass(frozen=True, slots=True)
class Turn:
    """The place of a row in the order in which rows are packed."""

    turn: float
    job_id: int


def waiting_rows(
    connection: Connection,
    sheet_id: int,
    kind: WaitingKind,
    *,
    after: Turn | None = None,
    selection: int | None = None,
    limit: int = 500,
) -> list[tuple[Claimed, Turn]]:
    """The next rows of a kind, in order; nothing is claimed."""
    wanted = and_(
        _waits(sheet_id, selection), jobs.c.endpoint == kind.endpoint, jobs.c.model == kind.model
    )
    if after is not None:
        wanted = and_(wanted, tuple_(jobs.c.turn, jobs.c.id) > tuple_(after.turn, after.job_id))
    found = connection.execute(
        select(*TAKEN).where(wanted).order_by(jobs.c.turn, jobs.c.id).limit(limit)
    ).all()
    return [
        (as_claimed(row, call_id=0, call_key=""), Turn(float(row.turn), int(row.id)))
        for row in found
    ]


_UNFIT = given("id", "epoch", "detail", "waiting", "given_back", "ready", "cause", "kind", "now")
_SET_ASIDE = BulkStatement(
    _UNFIT,
    update(jobs)
    .where(
        jobs.c.id == _UNFIT.c.id,
        jobs.c.epoch == _UNFIT.c.epoch,
        jobs.c.state == _UNFIT.c.ready,
        jobs.c.not_before == _UNFIT.c.waiting,
    )
    .values(
        not_before=_UNFIT.c.given_back,
        kind=_UNFIT.c.kind,
        cause=_UNFIT.c.cause,
        detail=_UNFIT.c.detail,
        updated_at=_UNFIT.c.now,
    ),
)


def set_aside(
    connection: Connection,
    unfit: Sequence[tuple[Claimed, str]],
    *,
    kind: str,
    now: float,
) -> int:
    """Leave rows pending that no provider batch takes, each with its reason; returns how many."""
    return _SET_ASIDE.run(
        connection,
        [
            {
                "id": job.id,
                "epoch": job.epoch,
                "detail": why,
                "waiting": FOR_BATCH,
                "given_back": GIVEN_BACK,
                "ready": State.READY.value,
                "cause": NOT_BY_BATCH,
                "kind": kind,
                "now": now,
            }
            for job, why in unfit
        ],
    )


def _at_send(sheet_id: int) -> ColumnElement[bool]:
    return and_(
        jobs.c.batch_id == sheet_id,
        jobs.c.state == State.READY.value,
        jobs.c.step == Step.SEND.value,
    )


def _waits(sheet_id: int, selection: int | None) -> ColumnElement[bool]:
    waits = and_(_at_send(sheet_id), jobs.c.not_before == FOR_BATCH, jobs.c.listed)
    return waits if selection is None else and_(waits, jobs.c.selection == selection)
