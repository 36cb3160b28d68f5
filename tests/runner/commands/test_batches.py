"""`batches` shows the provider batches of a sheet, and what `status` says of them."""

from pathlib import Path

import pytest

from jobs.job import Failure, FailureClass
from jobs.outcome import NotBought
from jobs.store import Store
from jobs.store.provider_batches.batch import BatchState, the_batch
from jobs.store.provider_batches.intake import in_doubt, settle_slice, taken_in, unbought
from tests.support.batching import answered, brought_to, open_rows, wanting_batches
from tests.support.working import ME
from tests.support.world import World


@pytest.fixture
def store(world: World) -> Store:
    """The table of a sheet with three rows that want batches."""
    folder = world.folder / "prompts.rowmill"
    folder.mkdir()
    (world.folder / "prompts.csv").write_text("prompt,note\none,\ntwo,\nthree,\n", "utf-8")
    found = Store.open(folder / "jobs.db")
    wanting_batches(found, "one", "two", "three")
    return found


def sheet(world: World) -> Path:
    return world.folder / "prompts.csv"


def test_a_sheet_without_batches_says_so(world: World, store: Store) -> None:
    done = world.run("batches", sheet(world))
    assert done.code == 0
    assert "no provider batches" in done.out
    assert world.run("batches", sheet(world), "--json").json["batches"] == []


def test_an_open_batch_is_shown_here_and_in_status(world: World, store: Store) -> None:
    brought_to(store, BatchState.CREATED)
    for command in ("batches", "status"):
        done = world.run(command, sheet(world))
        assert done.code == 0
        assert "batch-1" in done.out
        assert "3 rows" in done.out
        assert "at the provider: validating" in done.out
        (record,) = world.run(command, sheet(world), "--json").json["batches"]
        assert (record["id"], record["state"]) == ("batch-1", "created")
        assert (record["rows"]["total"], record["rows"]["open"]) == (3, 3)
        assert record["costs_up_to"] == {"USD": 0.75}


def test_a_batch_that_is_taken_in_tells_what_became_of_its_rows(world: World, store: Store) -> None:
    batch = brought_to(store, BatchState.ENDED)
    one, two, three = open_rows(store, batch)
    failure = Failure(kind=FailureClass.NETWORK, cause="missing_line")
    with store.write() as tx:
        told = [answered(one), unbought(two, NotBought()), in_doubt(three, failure)]
        batch = settle_slice(tx, ME, batch, told, now=1.0)
        taken_in(tx, batch, now=2.0)
    done = world.run("batches", sheet(world))
    assert "1 done, 1 in doubt, 1 not billed" in done.out
    assert "--clean" in done.out
    (record,) = world.run("batches", sheet(world), "--json").json["batches"]
    assert record["costs"] == {"USD": 0.125}
    assert record["costs_up_to"] == {"USD": 0.25}
    assert world.run("status", sheet(world), "--json").json["batches"] == []


def test_a_cancel_that_cannot_be_told_now_is_left_to_the_next_run(
    world: World, store: Store
) -> None:
    batch = brought_to(store, BatchState.CREATED)
    for name in ("1", "batch-1"):
        done = world.run("batches", sheet(world), "--cancel", name)
        assert done.code == 0
        assert "next run" in done.err
        assert "being cancelled" in done.out
    with store.read() as tx:
        assert the_batch(tx, batch.id).cancel_at is not None


def test_a_batch_that_is_over_cannot_be_cancelled(world: World, store: Store) -> None:
    brought_to(store, BatchState.ENDED)
    done = world.run("batches", sheet(world), "--cancel", "1")
    assert done.code == 3
    assert "has ended already" in done.err


def test_an_unknown_batch_is_no_batch(world: World, store: Store) -> None:
    done = world.run("batches", sheet(world), "--cancel", "batch-9")
    assert done.code == 3
    assert "no provider batch batch-9" in done.err
