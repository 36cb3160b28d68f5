"""What became of the rows of provider batches is counted alike on SQLite and PostgreSQL."""

from sqlalchemy import select, update

from jobs.job import Failure, FailureClass
from jobs.outcome import Finished, GiveUp, NotBought
from jobs.result import Result, Usage
from jobs.store import Store
from jobs.store.provider_batches.batch import BatchState, the_batch
from jobs.store.provider_batches.figures import batch_figures
from jobs.store.provider_batches.intake import in_doubt, settle_slice, unbought
from jobs.store.provider_batches.slices import calls_of, write_slice
from jobs.store.queries.paid_samples import paid_samples
from jobs.store.queries.spending import mean_costs
from jobs.store.schema import attempts, calls, jobs
from tests.support.batching import NOW, answered, brought_to, open_rows, wanting_batches
from tests.support.working import ME

BAD = Failure(kind=FailureClass.BAD_INPUT, cause="refused_line")
GONE = Failure(kind=FailureClass.NETWORK, cause="results_gone")


def test_figures_tell_outcomes_costs_and_what_may_come(store: Store) -> None:
    wanting_batches(store, "one", "two", "three", "four", "five")
    batch = brought_to(store, BatchState.ENDED)
    one, two, three, four, _ = open_rows(store, batch)
    told = [
        answered(one),
        answered(two, GiveUp(failure=BAD)),
        unbought(three, NotBought()),
        in_doubt(four, GONE),
    ]
    with store.write() as tx:
        settle_slice(tx, ME, batch, told, now=NOW)
    with store.read() as tx:
        found = batch_figures(tx, 1)[batch.id]
    rows = (found.open, found.done, found.failed, found.in_doubt, found.given_back)
    assert rows == (1, 1, 1, 1, 1)
    assert found.cost == {"USD": 250_000_000}
    assert found.most == {"USD": 500_000_000}


def test_a_row_that_no_table_takes_stops_no_slice(store: Store) -> None:
    wanting_batches(store, "one", "two")
    batch = brought_to(store, BatchState.ENDED)
    rows = open_rows(store, batch)
    odd = Result(text="half \ud800", usage=Usage(raw={}, prompt_tokens=2**70))
    poison = answered(rows[0], Finished(result=odd))
    with store.write() as tx:
        batch = write_slice(tx, ME, batch, [poison, answered(rows[1])], place=None, now=NOW)
    assert open_rows(store, batch) == []
    with store.read() as tx:
        states = tx.execute(select(jobs.c.state).order_by(jobs.c.position)).scalars().all()
        assert calls_of(tx, batch) == {row.job.call_id for row in rows}
    assert states[1] == "done"


def test_lines_of_batches_predict_no_online_price(store: Store) -> None:
    wanting_batches(store, "one")
    batch = brought_to(store, BatchState.ENDED)
    with store.write() as tx:
        settle_slice(tx, ME, batch, [answered(row) for row in open_rows(store, batch)], now=NOW)
        tx.execute(update(attempts).values(usage='{"prompt_tokens": 1}'))
    with store.read() as tx:
        assert mean_costs(tx, 1) == {}
        assert paid_samples(tx, 1) == []
        assert the_batch(tx, batch.id).rows == 1
    with store.write() as tx:
        tx.execute(update(calls).values(provider_batch_id=None))
    with store.read() as tx:
        assert [one.usage for one in paid_samples(tx, 1)] == [{"prompt_tokens": 1}]
