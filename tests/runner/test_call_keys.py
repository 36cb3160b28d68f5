"""An Idempotency-Key belongs to the bytes of its body: another body goes out with another key."""

import pytest

from jobs.outcome import Repeat
from jobs.store import Store
from jobs.store.log import end_run, forget_old_keys, open_run
from tests.support.loading import asking, load
from tests.support.working import FAILURE, ME, OTHER, close, take
from tests.support.world import TEXT, World


@pytest.mark.parametrize(("fault", "same"), [("502", True), ("504", False)])
def test_a_repeat_has_the_key_of_its_call_only_with_the_same_body(
    world: World, fault: str, same: bool
) -> None:
    world.mock({"cat": [fault]})
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("run", sheet, *TEXT)
    assert done.code == 0, done.err
    first, repeat = world.calls
    assert (first["key"] == repeat["key"]) is same, "a repeat after 504 is streamed"


@pytest.mark.parametrize(("program", "kept"), [("test", True), ("later", False)])
def test_another_version_repeats_no_call_under_its_key(
    store: Store, program: str, kept: bool
) -> None:
    load(store, asking("a"))
    with store.write() as tx:
        open_run(tx, ME, program="test", options={}, now=1.0)
    (job,) = take(store)
    close(store, job, Repeat(failure=FAILURE))
    with store.write() as tx:
        end_run(tx, ME.run_id, exit_code=0, now=2.0)
        open_run(tx, OTHER, program=program, options={}, now=3.0)
        forget_old_keys(tx, 1)
    assert (take(store)[0].call_key == job.call_key) is kept
