"""The hosts of a run share its repeats of calls in doubt."""

from jobs.store import Store
from jobs.store.run_allowance import give_back_repeats, take_repeats, use_repeats
from tests.support.run_of_hosts import RUN, open_run_of, run_row


def test_hosts_take_fives_until_none_is_left(store: Store) -> None:
    open_run_of(store, "a", "b", repeats=12)
    with store.write() as tx:
        assert [take_repeats(tx, RUN, name) for name in "abab"] == [5, 5, 2, 0]
    assert run_row(store)["repeats_left"] == 0


def test_a_host_gives_back_what_it_has_not_used(store: Store) -> None:
    open_run_of(store, "a", repeats=20)
    with store.write() as tx:
        take_repeats(tx, RUN, "a")
        use_repeats(tx, "a", 2)
        give_back_repeats(tx, "a")
        give_back_repeats(tx, "a")
    assert run_row(store)["repeats_left"] == 18
