"""Processes on one machine share the calls per minute of an account."""

import math
import multiprocessing
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.pacing.quota import QuotaStore, SharedQuota
from runner.pacing.rate_window import Limits, RateWindow, packed, unpacked
from tests.support.pacing import Clock

LIMITS = Limits(in_flight=8, rpm=60)


def shared(path: Path, clock: Clock, limits: Limits = LIMITS) -> SharedQuota:
    return SharedQuota(path, limits, wall=clock, clock=clock)


def test_two_of_one_account_share_its_minute(tmp_path: Path) -> None:
    clock = Clock()
    ours, theirs = (shared(tmp_path / "a", clock) for _ in range(2))
    starts = []
    for _ in range(3000):
        for one in (ours, theirs):
            starts += [clock.now] * one.admit(5)
        clock.now += 0.1
    for index, first in enumerate(starts):
        assert sum(at < first + 60 for at in starts[index:]) <= 60
    assert len(starts) >= 0.95 * 300


def test_each_keeps_to_its_own_limit_for_all_together(tmp_path: Path) -> None:
    clock = Clock()
    fast = shared(tmp_path / "a", clock, Limits(in_flight=8, rpm=600))
    slow = shared(tmp_path / "a", clock, Limits(in_flight=8, rpm=60))
    for _ in range(100):
        fast.admit(5)
        clock.now += 0.1
    assert slow.admit(5) == 0
    assert slow.next_at() > clock.now


def test_tokens_are_shared(tmp_path: Path) -> None:
    clock = Clock()
    limits = Limits(in_flight=8, tpm=6000)
    ours, theirs = (shared(tmp_path / "a", clock, limits) for _ in range(2))
    assert ours.admit(1) == 1
    ours.used(1600)
    assert theirs.admit(1) == 0
    assert theirs.next_at() == pytest.approx(clock.now + 6, abs=0.1)


def test_a_slow_down_quiets_the_account_everywhere(tmp_path: Path) -> None:
    clock = Clock()
    ours, theirs = (shared(tmp_path / "a", clock) for _ in range(2))
    theirs.admit(1)
    ours.pause(30)
    clock.now += 2
    assert theirs.admit(1) == 0
    assert theirs.paused_until() == pytest.approx(clock.now + 28)
    ours.resume()
    assert theirs.admit(1) == 1


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"rowmill1" + bytes(280)])
def test_a_damaged_file_never_allows_more(tmp_path: Path, damage: bytes) -> None:
    clock = Clock()
    path = tmp_path / "a"
    quota = shared(path, clock)
    for _ in range(600):
        quota.admit(5)
        clock.now += 0.1
    path.write_bytes(damage)
    assert quota.admit(5) <= (1 if not damage else 0)


def test_where_nothing_can_be_shared_a_run_goes_on_by_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    quota = shared(tmp_path / "no" / "such" / "folder", clock)
    assert [quota.admit(5), quota.admit(5)] == [1, 0]
    assert quota.next_at() > clock.now
    assert len(caplog.records) == 1, "said once"


def test_a_process_that_stopped_with_the_lock_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "a"
    ready, over = multiprocessing.Event(), multiprocessing.Event()
    holder = multiprocessing.Process(target=_hold, args=(path, ready, over))
    holder.start()
    try:
        assert ready.wait(20)
        quota = SharedQuota(path, LIMITS)
        assert quota.admit(1) == 0  # with the lock still held; it is released below
        assert quota.next_at() < math.inf
    finally:
        over.set()
        holder.join()
    assert quota.admit(1) == 1


def _hold(path: Path, ready: "multiprocessing.synchronize.Event", over: object) -> None:
    with SharedQuota(path, LIMITS)._open() as minute:
        assert minute is not None
        ready.set()
        over.wait(20)  # type: ignore[attr-defined]  # an event of another process


@given(
    st.builds(
        RateWindow,
        at=st.floats(0, 4e9),
        credit=st.floats(-1e6, 1e6),
        allowance=st.floats(-1e9, 1e9) | st.just(math.inf),
        paused_until=st.floats(0, 4e9) | st.just(-math.inf),
        starts=st.lists(st.integers(0, 2**32 - 1), min_size=61, max_size=61),
    )
)
def test_a_minute_is_read_as_it_was_written(minute: RateWindow) -> None:
    assert unpacked(packed(minute)) == minute
    assert unpacked(packed(minute)[:-1]) is None


def test_an_accounts_file_is_the_same_for_all_and_names_no_key(tmp_path: Path) -> None:
    place = QuotaStore(folder=tmp_path / "pace")
    path = place.of("https://gate sk-canary-0123456789")
    assert path == QuotaStore(folder=tmp_path / "pace").of("https://gate sk-canary-0123456789")
    assert path != place.of("https://gate sk-other-0123456789")
    assert path != QuotaStore(folder=tmp_path / "elsewhere").of("https://gate sk-canary-0123456789")
    assert "canary" not in path.name
    if os.name == "posix":
        assert (tmp_path / "pace").stat().st_mode & 0o077 == 0
