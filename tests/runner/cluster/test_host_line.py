"""A host that an engine starts again goes on with its run, and begins no other."""

import pytest

from runner.cluster.host_line import HostPlan, WatchedRun, is_over

PLAN = HostPlan(database="postgresql://team@db/jobs#a.csv", words=("run", "…"), after=7)


@pytest.mark.parametrize(
    ("last", "over"),
    [
        (None, False),
        (WatchedRun(id=7, exit_code=0), False),  # the run before
        (WatchedRun(id=8), False),  # goes on, or all of its hosts died
        (WatchedRun(id=8, exit_code=0), True),
        (WatchedRun(id=8, exit_code=5), True),
    ],
)
def test_only_the_end_of_its_own_run_ends_a_host(last: WatchedRun | None, *, over: bool) -> None:
    assert is_over(PLAN, last) is over


def test_a_plan_holds_nothing_secret() -> None:
    assert set(HostPlan.__dataclass_fields__) == {"database", "words", "after"}
