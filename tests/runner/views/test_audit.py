"""The audit finds every difference between the mock's bill and our recorded calls."""

import json
from pathlib import Path

import pytest

from jobs.claimed import Claimed
from jobs.outcome import Finished, WireClass
from jobs.result import Result
from jobs.store import Store
from jobs.store.log import open_run
from jobs.store.queue.settles import CallEnd, Settlement, settle
from runner.views.audit import compare
from tests.support.loading import asking, load
from tests.support.working import ME, take


@pytest.fixture
def called(store: Store) -> list[Claimed]:
    """Two open calls of a run."""
    load(store, asking("a", "b"))
    with store.write() as tx:
        open_run(tx, ME, program="test", options={}, now=1.0)
    return take(store)


def end(store: Store, job: Claimed, wire: WireClass) -> None:
    """Close a call with this wire class."""
    ended = CallEnd(wire=wire, seconds=1.0)
    outcome = Finished(result=Result(text="here"))
    with store.write() as tx:
        assert not settle(tx, ME, [Settlement(job=job, outcome=outcome, ended=ended)], now=2.0)


def bill_of(tmp_path: Path, *lines: tuple[str, bool]) -> Path:
    """A bill: keys, and whether each was charged."""
    bill = tmp_path / "bill.jsonl"
    bill.write_text(
        "".join(json.dumps({"key": key, "billed": billed}) + "\n" for key, billed in lines)
    )
    return bill


def test_billed_and_answered_calls_balance(
    store: Store, called: list[Claimed], tmp_path: Path
) -> None:
    for job in called:
        end(store, job, WireClass.ANSWERED)
    books = compare(bill_of(tmp_path, *((job.call_key, True) for job in called)), store)
    assert books.balanced
    assert (books.billed, books.ours, books.answers, books.in_doubt) == (2, 2, 2, 0)


@pytest.mark.parametrize("wire", [WireClass.IN_DOUBT, WireClass.UNUSABLE])
def test_calls_in_doubt_and_unusable_answers_may_stand_on_the_bill(
    wire: WireClass, store: Store, called: list[Claimed], tmp_path: Path
) -> None:
    end(store, called[0], wire)
    assert compare(bill_of(tmp_path, (called[0].call_key, True)), store).balanced


def test_a_call_still_open_may_stand_on_the_bill(
    store: Store, called: list[Claimed], tmp_path: Path
) -> None:
    assert compare(bill_of(tmp_path, (called[0].call_key, True)), store).balanced


def test_a_billed_call_that_nobody_wrote_down_is_found(
    store: Store, called: list[Claimed], tmp_path: Path
) -> None:
    books = compare(bill_of(tmp_path, ("rowmill-ghost", True)), store)
    assert books.unknown_to_us == ("rowmill-ghost",)
    assert not books.balanced
    assert books.ours == 0


def test_a_call_billed_more_often_than_it_was_made_is_found(
    store: Store, called: list[Claimed], tmp_path: Path
) -> None:
    key = called[0].call_key
    books = compare(bill_of(tmp_path, (key, True), (key, True)), store)
    assert books.unknown_to_us == (key,)
    assert (books.billed, books.ours) == (2, 1)


@pytest.mark.parametrize("wire", [WireClass.NOT_SENT, WireClass.REFUSED])
def test_a_billed_call_that_we_took_for_free_is_found(
    wire: WireClass, store: Store, called: list[Claimed], tmp_path: Path
) -> None:
    end(store, called[0], wire)
    assert not compare(bill_of(tmp_path, (called[0].call_key, True)), store).balanced


@pytest.mark.parametrize("wire", [WireClass.ANSWERED, WireClass.UNUSABLE])
def test_an_answer_that_was_never_billed_is_found(
    wire: WireClass, store: Store, called: list[Claimed], tmp_path: Path
) -> None:
    end(store, called[0], wire)
    books = compare(bill_of(tmp_path, (called[0].call_key, False)), store)
    assert books.unpaid == (called[0].call_key,)
    assert not books.balanced


def test_calls_in_doubt_need_not_be_billed(
    store: Store, called: list[Claimed], tmp_path: Path
) -> None:
    end(store, called[0], WireClass.IN_DOUBT)
    books = compare(tmp_path / "no bill", store)
    assert books.balanced
    assert books.in_doubt == 1
