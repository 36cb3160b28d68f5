"""The mock sells provider batches in four forms, read here with the product's own forms."""

from collections import Counter
from pathlib import Path

import pytest

from jobs.job import Failure
from runner.lanes.batch_transfer import fetch_results
from runner.lanes.batch_wire import (
    AnsweredRow,
    BatchLine,
    BrokenRow,
    RemoteState,
    UnboughtRow,
    is_same,
    row_id,
)
from runner.mock.batch_script import BatchScript, CreationFault, DownloadFault, Fate
from runner.protocol.call import Lost, Reply
from tests.support.batch_client import FORMS, BatchBuyer, batch_in, buying
from tests.support.mock_client import scripted

PROMPTS = [f"prompt {number}" for number in range(40)]
pytestmark = pytest.mark.parametrize("form", FORMS)


def rows(lines: list[BatchLine], kind: type) -> list[str]:
    return [one.row for one in lines if isinstance(one, kind)]


def billed(buyer: BatchBuyer) -> Counter[str | None]:
    return Counter(one.row for one in buyer.gateway.requests if one.billed)


async def bought(buyer: BatchBuyer) -> tuple[RemoteState, list[BatchLine]]:
    """A batch of the prompts, from the creation to all its lines."""
    made = await buyer.created(buyer.packed(PROMPTS))
    assert made.state is RemoteState.WORKING
    found = await buyer.ended(made.id)
    return found.state, await buyer.fetched(found)


async def test_each_row_is_answered_and_billed_once_at_half_the_price(
    tmp_path: Path, form: str
) -> None:
    async with buying(tmp_path, form) as buyer:
        state, lines = await bought(buyer)
        assert state is RemoteState.COMPLETED
        assert sorted(rows(lines, AnsweredRow)) == [row_id(n) for n in range(1, 41)]
        assert all(isinstance(one, AnsweredRow) and one.reply.status == 200 for one in lines)
        assert set(billed(buyer).values()) == {1}
        prices = {one.price for one in buyer.gateway.requests if one.billed}
        assert prices == {0.001}


async def test_lines_come_in_any_order(tmp_path: Path, form: str) -> None:
    async with buying(tmp_path, form) as buyer:
        _, lines = await bought(buyer)
        found = rows(lines, AnsweredRow)
        assert found != sorted(found)


@pytest.mark.parametrize("fate", [Fate.EXPIRED, Fate.CANCELLED])
async def test_what_was_done_before_the_end_is_given_out_and_billed(
    tmp_path: Path, form: str, fate: Fate
) -> None:
    script = BatchScript(seconds=0.2, fates=(fate,))
    async with buying(tmp_path, form, script=script) as buyer:
        state, lines = await bought(buyer)
        assert state is RemoteState(fate.value)
        answered = rows(lines, AnsweredRow)
        expected = 0 if form == "gemini" and fate is Fate.EXPIRED else 20
        assert len(answered) == len(set(answered)) == expected
        assert set(answered) == set(billed(buyer))
        assert not set(rows(lines, UnboughtRow)) & set(answered)


async def test_a_cancel_ends_the_work(tmp_path: Path, form: str) -> None:
    script = BatchScript(seconds=3.0, cancel_seconds=0.1)
    async with buying(tmp_path, form, script=script) as buyer:
        if not buyer.form.can_cancel:
            return
        made = await buyer.created(buyer.packed(PROMPTS))
        while not buyer.gateway.batches[0].done:
            await buyer.asked(made.id)
        assert (await buyer.reply(buyer.form.cancel(made.id))).status == 200
        found = await buyer.ended(made.id)
        assert found.state is RemoteState.CANCELLED
        answered = rows(await buyer.fetched(found), AnsweredRow)
        assert set(answered) == set(billed(buyer))
        assert 0 < len(answered) < len(PROMPTS)


async def test_a_batch_that_fails_at_validation_bills_nothing(tmp_path: Path, form: str) -> None:
    script = BatchScript(seconds=0.2, fates=(Fate.FAILED,))
    async with buying(tmp_path, form, script=script) as buyer:
        made = await buyer.created(buyer.packed(PROMPTS))
        found = await buyer.ended(made.id)
        assert not billed(buyer)
        if form == "anthropic":  # knows no failed batch: nothing of it was worked on
            assert found.state is RemoteState.EXPIRED
        else:
            assert found.state is RemoteState.FAILED
            assert found.problems
            assert not found.queue_full


async def test_a_full_queue_can_be_told_from_a_bad_batch(tmp_path: Path, form: str) -> None:
    script = BatchScript(seconds=0.2, fates=(Fate.QUEUE_FULL,))
    async with buying(tmp_path, form, script=script) as buyer:
        order = await buyer.order(buyer.packed(PROMPTS))
        reply = await buyer.reply(buyer.form.create(order))
        if form == "openai":
            assert (await buyer.ended(batch_in(buyer.form, reply).id)).queue_full
        else:
            assert reply.status == 429
            assert not buyer.gateway.batches
        assert not billed(buyer)


async def test_a_batch_above_the_caps_fails(tmp_path: Path, form: str) -> None:
    script = BatchScript(seconds=0.2, max_rows=39)
    async with buying(tmp_path, form, script=script) as buyer:
        made = await buyer.created(buyer.packed(PROMPTS))
        await buyer.ended(made.id)
        assert not billed(buyer)


async def test_queued_tokens_are_counted_over_all_batches(tmp_path: Path, form: str) -> None:
    async with buying(tmp_path, form, script=BatchScript(seconds=30)) as buyer:
        made = await buyer.created(buyer.packed(PROMPTS))
        assert made.id
        tokens = buyer.gateway.batches[0].tokens
    script = BatchScript(seconds=30, queued_tokens=tokens + tokens // 2)
    async with buying(tmp_path, form, script=script) as buyer:
        await buyer.created(buyer.packed(PROMPTS))
        order = await buyer.order(buyer.packed(PROMPTS))
        reply = await buyer.reply(buyer.form.create(order))
        assert reply.status == 429 or buyer.gateway.batches[1].fate is Fate.QUEUE_FULL


LOST = [CreationFault.LOST, CreationFault.BAD_GATEWAY]


@pytest.mark.parametrize("fault", LOST)
async def test_a_creation_whose_answer_is_lost_is_in_the_listing(
    tmp_path: Path, form: str, fault: CreationFault
) -> None:
    script = BatchScript(seconds=0.2, creations=(CreationFault.OK, fault), page=1)
    async with buying(tmp_path, form, script=script) as buyer:
        await buyer.created(buyer.packed(PROMPTS[:3]))
        order = await buyer.order(buyer.packed(PROMPTS))
        found = await buyer.sent(buyer.form.create(order))
        assert isinstance(found, Lost) or (isinstance(found, Reply) and found.status == 502)
        made = buyer.gateway.batches[-1]
        listed = await buyer.listed()
        same = [one.id for one in listed if is_same(one, order, not_before=made.created - 2)]
        assert same == [made.id]
        assert len(listed) == 2


@pytest.mark.parametrize("fault", [CreationFault.SERVER, CreationFault.LIMIT, CreationFault.RESET])
async def test_a_creation_that_is_refused_makes_nothing(
    tmp_path: Path, form: str, fault: CreationFault
) -> None:
    async with buying(tmp_path, form, script=BatchScript(creations=(fault,))) as buyer:
        order = await buyer.order(buyer.packed(PROMPTS))
        found = await buyer.sent(buyer.form.create(order))
        assert isinstance(found, Lost) or (isinstance(found, Reply) and found.status >= 400)
        if isinstance(found, Reply):
            assert isinstance(buyer.form.read_batch(found), Failure)
        assert await buyer.listed() == []


async def test_a_new_batch_is_listed_late_if_the_script_says_so(tmp_path: Path, form: str) -> None:
    async with buying(tmp_path, form, script=BatchScript(listed_after=60)) as buyer:
        await buyer.created(buyer.packed(PROMPTS))
        assert await buyer.listed() == []


async def test_lines_are_cut_repeated_left_out_and_foreign(tmp_path: Path, form: str) -> None:
    script = BatchScript(seconds=0.2, twice=0.5, cut=1, missing=1, foreign=2)
    async with buying(tmp_path, form, script=script) as buyer:
        _, lines = await bought(buyer)
        broken = [one for one in lines if isinstance(one, BrokenRow)]
        answered = Counter(rows(lines, AnsweredRow))
        assert max(answered.values()) == 2
        assert len(billed(buyer)) == 40
        assert sum(one.cause == "foreign" for one in broken) == 2
        cut = {one.row for one in broken if one.cause == "cut"}
        assert len(cut) == 1
        assert cut == {""} or form != "openrouter"  # its pages are JSON: a cut line is only text
        assert len(set(answered) | cut) == 39


@pytest.mark.parametrize("fault", [DownloadFault.MISSING, DownloadFault.UNAVAILABLE])
async def test_results_may_be_away_for_a_while(
    tmp_path: Path, form: str, fault: DownloadFault
) -> None:
    script = BatchScript(seconds=0.2, downloads=(fault,))
    async with buying(tmp_path, form, script=script) as buyer:
        made = await buyer.created(buyer.packed(PROMPTS))
        found = await buyer.ended(made.id)
        target = tmp_path / "x"
        file = found.result_files[0]
        first = await fetch_results(buyer.wire, buyer.form, file, target)
        assert isinstance(first, Reply)
        assert first.status == int(fault.value)
        assert not target.exists()
        again = await fetch_results(buyer.wire, buyer.form, file, target)
        assert isinstance(again, Reply)
        assert again.status == 200
        assert target.exists()


async def test_a_cut_download_leaves_no_file(tmp_path: Path, form: str) -> None:
    script = BatchScript(seconds=0.2, downloads=(DownloadFault.CUT,))
    async with buying(tmp_path, form, script=script) as buyer:
        made = await buyer.created(buyer.packed(PROMPTS))
        found = await buyer.ended(made.id)
        target = tmp_path / "x"
        first = await fetch_results(buyer.wire, buyer.form, found.result_files[0], target)
        assert isinstance(first, Lost)
        assert not target.exists()


async def test_results_do_not_live_for_ever(tmp_path: Path, form: str) -> None:
    async with buying(tmp_path, form, script=BatchScript(seconds=0.2, kept=0.0)) as buyer:
        made = await buyer.created(buyer.packed(PROMPTS))
        found = await buyer.ended(made.id)
        reply = await fetch_results(buyer.wire, buyer.form, found.result_files[0], tmp_path / "x")
        assert isinstance(reply, Reply)
        assert reply.status == 404


async def test_everything_can_be_removed(tmp_path: Path, form: str) -> None:
    async with buying(tmp_path, form) as buyer:
        lines = buyer.packed(PROMPTS)
        order = await buyer.order(lines)
        made = batch_in(buyer.form, await buyer.reply(buyer.form.create(order)))
        found = await buyer.ended(made.id)
        for file in (order.input_file, *found.result_files):
            call = buyer.form.remove(file) if file else None
            assert call is None or (await buyer.reply(call)).status == 200
        assert not buyer.gateway.batch_files.names


@pytest.mark.parametrize(("fault", "status"), [("429", 429), ("500", 500)])
async def test_a_row_may_fail_in_a_good_batch(
    tmp_path: Path, form: str, fault: str, status: int
) -> None:
    async with buying(tmp_path, form, faults=scripted(fault)) as buyer:
        _, lines = await bought(buyer)
        statuses = {one.reply.status for one in lines if isinstance(one, AnsweredRow)}
        assert statuses == {status}
        assert not billed(buyer)


async def test_a_key_is_wanted(tmp_path: Path, form: str) -> None:
    async with buying(tmp_path, form, key="sk-another") as buyer:
        assert (await buyer.reply(buyer.form.listing())).status == 401
