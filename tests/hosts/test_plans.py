"""Acceptance 20: what the server does for a row, in tables that were never analysed."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from jobs.claimed import Claimed
from jobs.job import Step
from jobs.outcome import Finished, WireClass
from jobs.place import DatabasePlace
from jobs.result import Result, Usage
from jobs.store import Store, Transaction, may_claim
from jobs.store.ids import Ids
from jobs.store.queue.claims import ClaimRequest, claim
from jobs.store.queue.settles import Answer, CallEnd, Settlement, settle
from jobs.store.queue.walk import Walk
from tests.support.postgres_server import QUICK, Server, running_server
from tests.support.working import ME

ROUND = 64
TICKS = os.sysconf("SC_CLK_TCK")
BODY = b'{"choices": [{"message": {"content": "It is a lamp."}}]}'
MANY_DONE = (
    "INSERT INTO jobs (id, batch_id, digest, digest_version, occurrence, endpoint, model, fields,"
    " position, state, step, rank, turn, not_before, epoch, version, attempts, repeats, deaths,"
    " stream, listed) SELECT n, 1, decode(md5(n::text), 'hex'), 1, 0, 'chat', 'm', '{}',"
    " n, 'done', 'send', 0, n, 0, 1, 1, 0, 0, 0, false, true FROM generate_series(1, 50000) AS n"
)


@pytest.fixture(scope="module")
def never_analysed() -> Iterator[Server]:
    """A server that looks at no table by itself, and whose disk does not count."""
    with running_server((*QUICK, "autovacuum=off")) as server:
        if server is None:
            pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
        yield server


@pytest.fixture
def store(never_analysed: Server) -> Iterator[Store]:
    """A table whose first 50,000 jobs are done."""
    with DatabasePlace(url=never_analysed.new_database(), name="a.csv").open() as opened:
        with opened.write() as tx:
            tx.execute(text(MANY_DONE))
        yield opened


def add_rows(store: Store, count: int) -> None:
    """Rows that wait, behind those that are done."""
    words = MANY_DONE.replace("'done'", "'ready'").replace(
        "(1, 50000)", f"(50001, {50000 + count})"
    )
    with store.write() as tx:
        tx.execute(text(words))


def settlement(job: Claimed) -> Settlement:
    """A good answer of usual size."""
    usage = Usage(raw={"total_tokens": 12}, prompt_tokens=5, completion_tokens=7, total_tokens=12)
    return Settlement(
        job=job,
        outcome=Finished(result=Result(text="It is a lamp.", usage=usage)),
        ended=CallEnd(wire=WireClass.ANSWERED, seconds=1.0, status=200, cost=0.001, currency="USD"),
        answer=Answer(status=200, headers="{}", body=BODY, size=len(BODY), digest=b"d" * 16),
    )


class Worker:
    """Claims and settles as the writer of a host does: what is done first, then what follows."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ids, self.walk = Ids(), Walk()
        self.taken: list[Claimed] = []

    def round(self, tx: Transaction) -> int:
        """One commit of a host."""
        now = time.time()
        settle(tx, ME, [settlement(job) for job in self.taken], now=now)
        assert may_claim(tx)
        order = ClaimRequest(step=Step.SEND, limit=ROUND)
        self.taken = claim(tx, ME, order, ids=self.ids, now=now, walk=self.walk)
        return len(self.taken)

    def work(self, rows: int) -> float:
        """Take so many rows; the seconds of CPU that the server spent."""
        with self.store.write() as tx:
            pid = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
        before, done = cpu_of(pid), 0
        while done < rows:
            with self.store.write() as tx:
                done += self.round(tx)
        return cpu_of(pid) - before


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def plans_of(store: Store, work: Callable[[Transaction], object]) -> list[str]:
    """The plans of what some work executes, as the writer's transactions get them."""
    asked: list[tuple[str, Any]] = []

    def hear(_c: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        if statement.lstrip().upper().startswith(("WITH", "UPDATE", "INSERT", "SELECT")):
            asked.append((statement, values[0] if isinstance(values, list) else values))

    event.listen(store._writer, "before_cursor_execute", hear)
    with store.write() as tx:
        work(tx)
    event.remove(store._writer, "before_cursor_execute", hear)
    plans = []
    with store.write() as tx:
        for statement, values in asked:
            found = tx.exec_driver_sql(f"EXPLAIN {statement}", values).scalars()
            plans.append("\n".join(found))
    return plans


def test_a_round_of_a_new_table_scans_no_table(store: Store) -> None:
    add_rows(store, 5 * ROUND)
    worker = Worker(store)
    for _ in range(2):
        with store.write() as tx:
            worker.round(tx)
    plans = plans_of(store, worker.round)
    assert any("ix_jobs_batch_id_state_step_turn" in plan for plan in plans)
    for names in (("pk_calls",), ("pk_attempts", "ix_attempts_call_id"), ("pk_jobs",)):
        assert any(name in plan for plan in plans for name in names), names
    scanned = [plan for plan in plans if "Seq Scan on" in plan]
    assert not scanned


@pytest.mark.timeout(300)
def test_a_row_costs_the_server_little_and_no_more_after_many(store: Store) -> None:
    add_rows(store, 31_000)
    worker = Worker(store)
    with store.read() as reading:  # a snapshot that keeps every old version alive
        reading.execute(text("SELECT count(*) FROM jobs")).scalar_one()
        costs = [worker.work(10_000) / 10_000 * 1e6 for _ in range(3)]
    print([f"{cost:.0f} µs a row" for cost in costs])
    assert sum(costs) / len(costs) <= 160
    assert costs[-1] <= 1.3 * costs[0]
