"""Call numbers are sorted, unique and small enough."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.store.ids import Ids


def test_numbers_rise_and_fit_sixty_three_bits() -> None:
    numbers = [made.take() for made in [Ids()] for _ in range(20_000)]
    assert numbers == sorted(set(numbers))
    assert 0 < numbers[-1] < 1 << 63


@given(st.lists(st.floats(1_735_689_600, 3_900_000_000), min_size=2))
def test_a_clock_that_steps_back_gives_no_number_twice(moments: list[float]) -> None:
    clock = iter(moments)
    made = Ids()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobs.store.ids.time", SimpleNamespace(time=lambda: next(clock)))
        numbers = [made.take() for _ in moments]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] < 1 << 63


def test_processes_of_different_chance_give_different_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobs.store.ids.time", SimpleNamespace(time=lambda: 1_800_000_000.0))
    chances = iter([5, 6])
    monkeypatch.setattr(
        "jobs.store.ids.secrets", SimpleNamespace(randbelow=lambda _limit: next(chances))
    )
    one, other = Ids(), Ids()
    assert not {one.take() for _ in range(4000)} & {other.take() for _ in range(4000)}


def test_numbers_sort_by_time_across_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.store.ids.time", SimpleNamespace(time=lambda: 1_800_000_000.0))
    earlier = Ids().take()
    monkeypatch.setattr("jobs.store.ids.time", SimpleNamespace(time=lambda: 1_800_000_000.002))
    assert Ids().take() > earlier


@pytest.mark.parametrize("ahead", [0.0, 86_400.0])
def test_numbers_go_on_after_those_of_a_clock_that_was_ahead(
    monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    now = 1_800_000_000.0
    monkeypatch.setattr("jobs.store.ids.time", SimpleNamespace(time=lambda: now + ahead))
    old = Ids().take()
    monkeypatch.setattr("jobs.store.ids.time", SimpleNamespace(time=lambda: now))
    made = Ids(after=old)
    numbers = [made.take() for _ in range(9000)]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > old
    other = Ids(after=old)
    if made._process != other._process:
        assert not set(numbers) & {other.take() for _ in range(9000)}


def test_a_clock_before_the_first_day_gives_numbers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.store.ids.time", SimpleNamespace(time=lambda: 5.0))
    made = Ids()
    assert 0 <= made.take() < made.take()


def test_hosts_with_numbers_of_their_own_give_different_numbers_by_one_clock() -> None:
    def clock() -> float:
        return 1_800_000_000.0

    one, other = Ids(process=0, clock=clock), Ids(process=1023, clock=clock)
    numbers = {one.take() for _ in range(4000)} | {other.take() for _ in range(4000)}
    assert len(numbers) == 8000


def test_a_host_that_joined_anew_goes_on_under_its_new_number() -> None:
    made = Ids(process=3)
    before = made.take()
    made.renumber(9)
    assert made.take() > before
    assert (made.take() >> 12) % 1024 == 9
