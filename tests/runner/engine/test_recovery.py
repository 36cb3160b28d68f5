"""Recovery groups what a dead process left running into commits."""

from runner.engine.recovery import commits_of
from tests.support.working import a_job


def test_calls_without_an_answer_are_settled_in_one_commit_before_all_others() -> None:
    left = [a_job(1), a_job(2), a_job(3), a_job(4, call_id=3)]
    found = [[[job.id for job in jobs] for jobs in calls] for calls in commits_of(left, {2})]
    assert found == [[[1], [3, 4]], [[2]]]


def test_a_job_that_was_active_at_an_earlier_death_comes_last() -> None:
    left = [a_job(1, deaths=2), a_job(2), a_job(3, deaths=1)]
    found = [[job.id for jobs in calls for job in jobs] for calls in commits_of(left, {1, 2, 3})]
    assert found == [[2], [3], [1]]
