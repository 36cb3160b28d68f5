"""Takes over the jobs of hosts that have not been heard of for too long."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, exists, null, select, update

from jobs.claimed import Holding
from jobs.job import FailureClass, State, Step
from jobs.outcome import WireClass
from jobs.store.hosts import AT_WORK, DATABASE_TIME, LOST, fence
from jobs.store.queue.claims import OF_THIS_CLAIM
from jobs.store.queue.order import AFTER_ALL, REPEAT_RANK, turn_of
from jobs.store.run_allowance import give_back_repeats, take_repeats, use_repeats
from jobs.store.run_money import give_up_money
from jobs.store.schema import attempts, calls, hosts, jobs

_ME = hosts.alias("me")
MAX_DEATHS = 3  # of hosts in one step, before its row fails as crashed


def _all(_connection: Connection, calls_in_doubt: int) -> int:
    return calls_in_doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOverRules:
    """What becomes of the jobs of a lost host.

    A call in doubt is repeated once its own time limit has passed, counted from the time by which
    it must have left its host. `repeats` says how many of so many calls may be repeated at all.
    """

    lost_after: float
    hold: bool = False  # leave every call in doubt to a person
    held_endpoints: frozenset[str] = frozenset()  # … or those of these endpoints
    call_seconds: float = 600.0  # the longest time limit of a call
    repeats: Callable[[Connection, int], int] = _all


def repeats_of_run(holding: Holding) -> Callable[[Connection, int], int]:
    """What the allowance of a run lets this host repeat, as the `repeats` of its rules."""

    def take(connection: Connection, calls_in_doubt: int) -> int:
        got = take_repeats(connection, holding.run_id, holding.owner, calls_in_doubt)
        use_repeats(connection, holding.owner, got)
        return got

    return take


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """One lost host, and how many jobs it had in hand."""

    owner: str
    name: str
    pid: int
    repeated: int = 0  # sends that go out again
    held: int = 0  # sends that a person has to decide about
    others: int = 0  # polls and downloads

    @property
    def jobs(self) -> int:
        """All of them."""
        return self.repeated + self.held + self.others


@dataclass(frozen=True, slots=True, kw_only=True)
class InDoubt:
    """A call that was in flight when its host was lost."""

    call_id: int
    endpoint: str
    started_at: float


def take_over(connection: Connection, owner: str, rules: TakeOverRules) -> list[TakenOver]:
    """Declare silent hosts lost, and move their jobs, in one transaction.

    Only who was itself heard for as long without a gap may: after the database was away, or this
    machine slept, it cannot be known who would have spoken. A host in the middle of a transaction
    is passed over: it holds its own row. Calls come before jobs, as in a settle, so that the two
    cannot wait for each other.
    """
    fence(connection, owner)
    long_ago = DATABASE_TIME - rules.lost_after
    may_judge = exists().where(
        _ME.c.owner == owner, _ME.c.heard_since < long_ago, _ME.c.heard_at > long_ago
    )
    silent = connection.execute(
        select(hosts.c.owner, hosts.c.run_id, hosts.c.name, hosts.c.pid)
        .where(
            hosts.c.owner != owner,
            hosts.c.state.in_(AT_WORK),
            hosts.c.heard_at < long_ago,
            may_judge,
        )
        .order_by(hosts.c.owner)
        .with_for_update(skip_locked=True, of=hosts)
    ).all()
    return [_take_from(connection, host, rules) for host in silent]


def _take_from(connection: Connection, host: Any, rules: TakeOverRules) -> TakenOver:
    connection.execute(
        update(hosts).where(hosts.c.owner == host.owner).values(state=LOST, ended_at=DATABASE_TIME)
    )
    return _move_jobs(connection, host, rules)


def leave_behind(connection: Connection, holding: Holding, rules: TakeOverRules) -> TakenOver:
    """Let others have what this host leaves with its answer unread: its disk took nothing more."""
    me = connection.execute(select(hosts).where(hosts.c.owner == holding.owner)).one()
    return _move_jobs(connection, me, rules)


def _move_jobs(connection: Connection, host: Any, rules: TakeOverRules) -> TakenOver:
    sends = _sends_of(connection, host.owner)
    doubts = [
        InDoubt(call_id=row.call_id, endpoint=row.endpoint, started_at=row.started_at)
        for row in sends
    ]
    again = repeatable(doubts, rules)
    _end_calls(connection, host.run_id, [one.call_id for one in doubts])
    give_back_repeats(connection, host.owner)
    allowed = rules.repeats(connection, len(again)) if again else 0
    not_before = {one.call_id: repeat_at(one, rules) for one in again[:allowed]}
    for row in sends:
        _move_send(connection, row, not_before.get(row.call_id))
    others = _move_others(connection, host.owner)
    return TakenOver(
        owner=host.owner,
        name=host.name,
        pid=host.pid,
        repeated=sum(row.call_id in not_before for row in sends),
        held=sum(row.call_id not in not_before for row in sends),
        others=others,
    )


def repeatable(doubts: Sequence[InDoubt], rules: TakeOverRules) -> list[InDoubt]:
    """The calls that the policy lets go out again, each once, oldest first."""
    if rules.hold:
        return []
    found = {one.call_id: one for one in doubts if one.endpoint not in rules.held_endpoints}
    return [found[call_id] for call_id in sorted(found)]


def repeat_at(one: InDoubt, rules: TakeOverRules) -> float:
    """When its own host cannot be waiting for it any more, by the clock of the database."""
    return one.started_at + rules.lost_after / 3 + rules.call_seconds


def _sends_of(connection: Connection, owner: str) -> Sequence[Any]:
    """The host's jobs at the send step, each with its open call."""
    return connection.execute(
        select(
            *(jobs.c.id, jobs.c.position, jobs.c.endpoint, jobs.c.epoch),
            *(attempts.c.call_id, calls.c.started_at, calls.c.call_key),
        )
        .join(attempts, and_(attempts.c.job_id == jobs.c.id, OF_THIS_CLAIM))
        .join(calls, and_(calls.c.id == attempts.c.call_id, calls.c.wire.is_(None)))
        .where(_is_in_hand(owner), jobs.c.step == Step.SEND.value)
        .order_by(attempts.c.call_id, jobs.c.id)
    ).all()


def _is_in_hand(owner: str) -> Any:
    return and_(jobs.c.state == State.RUNNING.value, jobs.c.owner == owner)


def _end_calls(connection: Connection, run_id: int, call_ids: Sequence[int]) -> None:
    if call_ids:
        give_up_money(connection, run_id, call_ids)
        connection.execute(
            update(calls)
            .where(calls.c.id.in_(sorted(set(call_ids))), calls.c.wire.is_(None))
            .values(wire=WireClass.IN_DOUBT.value, ended_at=DATABASE_TIME)
        )


def _move_send(connection: Connection, row: Any, not_before: float | None) -> None:
    """A late answer is still taken, so epoch and attempt stay those of the lost host."""
    told = {"kind": FailureClass.NETWORK.value, "cause": "killed", "detail": ""}
    outcome = "held" if not_before is None else "released"
    connection.execute(
        update(attempts)
        .where(attempts.c.job_id == row.id, attempts.c.call_id == row.call_id)
        .values(outcome=outcome, **told)
    )
    values: dict[str, Any] = {"state": State.IN_DOUBT.value, "call_id": row.call_id}
    if not_before is not None:
        values = {
            "state": State.READY.value,
            "not_before": not_before,
            "rank": REPEAT_RANK,
            "turn": turn_of(Step.SEND, rank=REPEAT_RANK, position=row.position),
            "call_key": row.call_key,
        }
    connection.execute(
        update(jobs)
        .where(jobs.c.id == row.id)
        .values(**values, **told, owner=null(), updated_at=DATABASE_TIME)
    )


def _move_others(connection: Connection, owner: str) -> int:
    """Polls and downloads go on at once, except where one of them may have taken its host down.

    So does a send whose call has ended, if there should be one.
    """
    found = connection.execute(
        select(jobs.c.id, jobs.c.deaths).where(_is_in_hand(owner), jobs.c.step != Step.SEND.value)
    ).all()
    guilty = found[0] if len(found) == 1 else None
    left = update(jobs).where(_is_in_hand(owner))
    values: dict[str, Any] = {
        "owner": null(),
        "state": State.READY.value,
        "not_before": DATABASE_TIME,
        "updated_at": DATABASE_TIME,
    }
    if guilty is not None:
        connection.execute(
            left.where(jobs.c.id == guilty.id).values(**values | after_death(guilty.deaths + 1))
        )
    connection.execute(left.values(**values))
    return len(found)


def after_death(deaths: int) -> dict[str, Any]:
    """What becomes of a job that was alone in hand when its host died, for so many times now.

    It goes on when nothing else is left, and fails when it has taken down enough hosts.
    """
    if deaths < MAX_DEATHS:
        return {"deaths": deaths, "not_before": AFTER_ALL}
    return {
        "deaths": 0,
        "state": State.FAILED.value,
        "kind": FailureClass.CRASHED.value,
        "cause": "deaths",
        "detail": str(deaths),
    }
