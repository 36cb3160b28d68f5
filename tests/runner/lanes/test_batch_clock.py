"""When a provider batch is asked after."""

from runner.lanes.batch_clock import ASK_RARELY, is_due, next_question, next_try


def test_a_young_batch_is_asked_after_often_and_an_old_one_rarely() -> None:
    waits = [next_question(age) for age in (0, 60, 600, 3_600, 86_400)]
    assert waits == sorted(waits)
    assert waits[0] <= 2.0
    assert waits[-1] == ASK_RARELY


def test_a_batch_of_a_day_is_asked_after_a_few_hundred_times() -> None:
    age, asked = 0.0, 0
    while age < 86_400:
        age, asked = age + next_question(age), asked + 1
    assert 200 < asked < 400


def test_tries_come_less_and_less_often() -> None:
    assert next_try(1) < next_try(3) < next_try(9) == next_try(1000)


def test_a_wait_that_no_provider_asked_for_is_over() -> None:
    assert is_due(None, 1000.0)
    assert is_due(999.0, 1000.0)
    assert not is_due(1001.0, 1000.0)
    assert is_due(1000.0 + 10 * 86_400, 1000.0), "the clock was set back"
