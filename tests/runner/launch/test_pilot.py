"""The pilot picks rows that represent the sheet, and recognises when it went well."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from jobs.store.queue.choices import Candidate
from runner.launch.pilot import PilotOutcome, choose, shares_of, spread


def rows_of(*kinds: tuple[str, int]) -> list[Candidate]:
    found: list[Candidate] = []
    for model, count in kinds:
        for k in range(count):
            found.append(Candidate(id=len(found), endpoint="chat", model=model, length=10 * k))
    return found


def test_a_pilot_has_rows_of_every_kind_from_the_shortest_to_the_longest() -> None:
    candidates = rows_of(("a", 100), ("b", 20), ("c", 1))
    chosen = [candidates[number] for number in choose(candidates, 6)]
    models = Counter(one.model for one in chosen)
    assert models == {"a": 4, "b": 1, "c": 1}
    lengths = sorted(one.length for one in chosen if one.model == "a")
    assert (lengths[0], lengths[-1]) == (0, 990)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(1, 60))
def test_shares_add_up_and_leave_no_kind_out(sizes: list[int], count: int) -> None:
    sizes.sort(reverse=True)
    shares = shares_of(sizes, count)
    assert sum(shares) == min(count, sum(sizes))
    assert all(share <= size for share, size in zip(shares, sizes, strict=True))
    assert all(shares) or count < len(sizes)


@given(st.integers(1, 200), st.data())
def test_spread_places_are_different_ones(size: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, size))
    places = spread(size, count)
    assert len(set(places)) == count
    assert all(0 <= place < size for place in places)


def test_a_pilot_went_well_when_at_most_a_tenth_failed() -> None:
    def outcome(rows: int, failed: int, pending: int = 0) -> PilotOutcome:
        done = rows - failed - pending
        return PilotOutcome(
            rows=rows, done=done, failed=failed, pending=pending, cost=1.0, currency="CNY"
        )

    assert outcome(3, 0).went_well
    assert not outcome(3, 1).went_well
    assert outcome(20, 2).went_well
    assert not outcome(20, 0, pending=1).went_well
    assert outcome(4, 0).cost_a_row == 0.25
