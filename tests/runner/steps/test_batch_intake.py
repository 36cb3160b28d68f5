"""What a provider batch brought is taken in: over HTTP, into a real table, row by row."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from sqlalchemy import select, update

from jobs.claimed import Claimed
from jobs.job import Step
from jobs.store import Store
from jobs.store.provider_batches.batch import BatchState, ProviderBatch, the_batch
from jobs.store.provider_batches.intake import rows_left
from jobs.store.provider_batches.moves import ended
from jobs.store.schema import answers, attempts, calls, files, jobs, provider_batches
from jobs.store.writer import TableWriter
from runner.lanes.batch_offers import form_of
from runner.lanes.batch_wire import BatchOffer, row_id
from runner.prices.price_list import OwnPrice, PriceList
from runner.prices.spending_cap import SpendingCap
from runner.steps import batch_intake
from runner.steps.batch_intake import BatchIntake
from runner.steps.context import RunState, StepServices
from runner.steps.priced_request import priced_call
from runner.workspace.answers import AnswerFolder
from tests.support.batching import brought_to, wanting_batches
from tests.support.wired import wired
from tests.support.working import ME

OFFER = BatchOffer(form="openai", factor=0.5, urls={"/v1/chat/completions": "/v1/chat/completions"})
PRICE = OwnPrice(call=0.25, currency="USD")
NOT_SET: Any = None


def good(call_id: int, text: str = "well") -> bytes:
    """A line with an answer."""
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    body = {
        "model": "m-1",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage,
    }
    return line(call_id, response={"status_code": 200, "request_id": f"r{call_id}", "body": body})


def bad(call_id: int, status: int, **error: str) -> bytes:
    """A line with an error."""
    return line(call_id, response={"status_code": status, "body": {"error": error}})


def expired(call_id: int) -> bytes:
    """A line that says that its row was never worked on."""
    return line(call_id, error={"code": "batch_expired", "message": "too late"})


def line(call_id: int, **values: object) -> bytes:
    whole = {"id": f"br-{call_id}", "custom_id": row_id(call_id), "response": None, "error": None}
    return json.dumps(whole | values).encode()


@dataclass
class Bench:
    """A table with an ended batch, and its provider."""

    store: Store
    batch: ProviderBatch
    folder: Path
    served: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    cap: SpendingCap = NOT_SET

    @property
    def calls(self) -> list[int]:
        """The calls of the batch in the order of its lines."""
        found = select(calls.c.id).order_by(calls.c.id)
        with self.store.read() as tx:
            return list(tx.execute(found).scalars())

    def ended(self, state: str = "completed", *, at: float = 1000.0, **told: object) -> None:
        """The provider has ended the batch, with the files that are served."""
        words = cast("Any", {"word": state, "state": state, **told})
        names = list(self.served)
        with self.store.write() as tx:
            self.batch = ended(tx, self.batch, told=words, files=names, problem=None, now=at)

    def serve(self, name: str, *lines: bytes, first: Sequence[Any] = ()) -> None:
        """A result file; `first` are the answers before it: statuses or other bytes."""
        self.served[name] = [*first, b"".join(one + b"\n" for one in lines)]

    async def take_in(self) -> ProviderBatch:
        """Take in what there is, as a run does."""
        async with self._provider() as url, wired(url) as wire:
            writer = TableWriter(self.store, ME)
            writer.start()
            services = StepServices(
                writer=writer,
                accounts=NOT_SET,
                downloads=NOT_SET,
                spool=NOT_SET,
                answers=AnswerFolder(path=self.folder / "answers"),
                cap=self.cap,
                thumbnails=NOT_SET,
                reserve=NOT_SET,
            )
            state = RunState(max_attempts=5, hold_in_doubt=False, repeats_left=9)
            intake = BatchIntake(services, state, self.folder / "batches")
            try:
                self.batch = await intake.take_in(self.batch, form_of(OFFER), wire)
            finally:
                await writer.close()
        return self.batch

    @asynccontextmanager
    async def _provider(self) -> AsyncIterator[str]:
        async def content(request: web.Request) -> web.Response:
            name = request.match_info["name"]
            self.asked.append(name)
            left = self.served[name]
            answer = left[0] if len(left) == 1 else left.pop(0)
            if isinstance(answer, int):
                return web.json_response({"error": {"message": "no"}}, status=answer)
            return web.Response(body=answer)

        app = web.Application()
        app.router.add_get("/v1/files/{name}/content", content)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            host, port = runner.addresses[0][:2]
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()

    def told(self) -> list[tuple[str, str, str | None]]:
        """State, step and cause of each row, in order."""
        found = select(jobs.c.state, jobs.c.step, jobs.c.cause).order_by(jobs.c.position)
        with self.store.read() as tx:
            return [tuple(row) for row in tx.execute(found)]

    def states(self) -> list[str]:
        """The state of each row, with its step where that is not over."""
        return [f"{state}/{step}" if state == "ready" else state for state, step, _ in self.told()]

    def columns(self, *wanted: Any) -> list[Any]:
        """Columns of the calls, in order."""
        with self.store.read() as tx:
            found = tx.execute(select(*wanted).select_from(calls).order_by(calls.c.id))
            return [row[0] if len(wanted) == 1 else tuple(row) for row in found]

    def left(self) -> int:
        """How many rows have no outcome."""
        with self.store.read() as tx:
            return len(rows_left(tx, self.batch))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Three rows in a batch that was created."""
    return bench_of(tmp_path, "one", "two", "three")


def bench_of(folder: Path, *words: str) -> Bench:
    store = Store.open(folder / "jobs.db")
    wanting_batches(store, *words)
    with store.write() as tx:
        for found in tx.execute(select(jobs.c.id, jobs.c.fields)).all():
            whole = json.dumps(json.loads(found.fields) | {"model": "m"}, separators=(",", ":"))
            tx.execute(update(jobs).where(jobs.c.id == found.id).values(fields=whole))
    batch = brought_to(store, BatchState.CREATED)
    cap = SpendingCap(PriceList(own={"m": PRICE}), priced_call, cap=100.0)
    return Bench(store=store, batch=batch, folder=folder, cap=cap)


async def test_answers_in_any_order_become_results_at_the_price_of_the_lane(bench: Bench) -> None:
    one, two, three = bench.calls
    bench.serve("out", good(three, "3"), good(one, "1"))
    bench.serve("err", good(two, "2"))
    bench.ended()
    assert (await bench.take_in()).state is BatchState.TAKEN_IN
    assert bench.states() == ["done"] * 3
    with bench.store.read() as tx:
        found = tx.execute(
            select(attempts.c.text, attempts.c.total_tokens).order_by(attempts.c.call_id)
        ).all()
        kept = tx.execute(select(answers.c.call_id).order_by(answers.c.call_id)).scalars().all()
    assert [tuple(row) for row in found] == [("1", 5), ("2", 5), ("3", 5)]
    assert kept == [one, two, three]
    assert bench.columns(calls.c.cost, calls.c.wire, calls.c.seconds) == [(0.125, "C", None)] * 3
    assert bench.columns(calls.c.request_id) == [f"r{call}" for call in bench.calls]


async def test_the_files_are_removed_here_when_all_is_taken_in(bench: Bench) -> None:
    bench.serve("out", *(good(call) for call in bench.calls))
    bench.ended()
    await bench.take_in()
    assert list((bench.folder / "batches").iterdir()) == []


@pytest.mark.parametrize("state", ["expired", "cancelled"])
async def test_the_finished_rows_of_a_batch_that_was_cut_short_are_taken_in(
    bench: Bench, state: str
) -> None:
    one, two, _ = bench.calls
    bench.serve("out", good(one))
    bench.serve("err", expired(two))
    bench.ended(state, completed=1)
    await bench.take_in()
    assert bench.told() == [
        ("done", "poll", None),
        ("ready", "send", "not_bought"),
        ("ready", "send", "not_bought"),
    ]
    assert bench.columns(calls.c.wire) == ["C", "B", "B"]
    assert bench.columns(calls.c.cost) == [0.125, None, None]


async def test_a_row_twice_is_taken_in_once(bench: Bench) -> None:
    one, two, three = bench.calls
    bench.serve("out", good(one, "first"), good(one, "second"), good(two), good(three))
    bench.serve("err", good(one, "third"), expired(one))
    bench.ended()
    await bench.take_in()
    with bench.store.read() as tx:
        texts = tx.execute(select(attempts.c.text).where(attempts.c.call_id == one)).scalars().all()
    assert texts == ["first"]
    assert bench.states() == ["done"] * 3


async def test_an_answer_counts_more_than_a_line_that_says_there_is_none(bench: Bench) -> None:
    bench.serve("err", *(expired(call) for call in bench.calls))
    bench.serve("out", *(good(call) for call in bench.calls))
    bench.ended("expired")
    await bench.take_in()
    assert bench.states() == ["done"] * 3


async def test_refused_lines_fail_or_are_free_to_be_bought_again(bench: Bench) -> None:
    one, two, three = bench.calls
    bench.serve("out", good(one))
    bench.serve(
        "err",
        bad(two, 400, message="prompt is too long", code="context_length_exceeded"),
        bad(three, 429, message="slow down", code="rate_limit_exceeded"),
    )
    bench.ended(completed=1, failed=2)
    await bench.take_in()
    assert bench.states() == ["done", "failed", "ready/send"]
    assert bench.columns(calls.c.wire) == ["C", "B", "B"]
    assert bench.columns(calls.c.cost) == [0.125, None, None]


async def test_a_timeout_inside_a_batch_is_free(bench: Bench) -> None:
    one, two, three = bench.calls
    bench.serve("out", good(one), bad(two, 504, message="timeout"), bad(three, 500, message="x"))
    bench.ended()
    await bench.take_in()
    assert bench.states() == ["done", "ready/send", "ready/send"]
    assert bench.columns(calls.c.wire) == ["C", "B", "B"]


async def test_a_paid_line_of_no_use_fails_and_is_not_bought_again(bench: Bench) -> None:
    one, two, three = bench.calls
    empty = line(one, response={"status_code": 200, "body": {"choices": []}})
    bench.serve("out", empty, good(two), good(three))
    bench.ended()
    await bench.take_in()
    assert bench.states() == ["failed", "done", "done"]
    assert bench.columns(calls.c.wire, calls.c.cost)[0] == ("E", 0.125)


async def test_a_cut_line_is_read_from_another_copy(bench: Bench) -> None:
    lines = b"\n".join(good(call) for call in bench.calls)
    bench.serve("out", *(good(call) for call in bench.calls), first=[lines[:-70]])
    bench.ended()
    await bench.take_in()
    assert bench.states() == ["done"] * 3
    assert bench.asked == ["out", "out"]


async def test_a_row_whose_line_stays_cut_is_held_in_doubt(bench: Bench) -> None:
    one, two, three = bench.calls
    bench.serve("out", good(one), good(two), good(three)[:-70])
    bench.ended(completed=3)
    await bench.take_in()
    assert bench.told()[2] == ("in_doubt", "send", "unreadable_line")
    assert bench.states()[:2] == ["done", "done"]
    assert bench.columns(calls.c.wire)[2] == "D"


async def test_a_line_that_names_no_row_leaves_every_row_without_a_line_in_doubt(
    bench: Bench,
) -> None:
    one, _, _ = bench.calls
    bench.serve("out", good(one), b'{"response": {}, "custom')
    bench.ended("expired")
    await bench.take_in()
    assert bench.states() == ["done", "in_doubt", "in_doubt"]


async def test_a_foreign_line_says_nothing_about_our_rows(bench: Bench) -> None:
    one, _, _ = bench.calls
    bench.serve("out", good(one), b'{"custom_id": "request-0", "response": null}')
    bench.ended("expired")
    await bench.take_in()
    assert bench.states() == ["done", "ready/send", "ready/send"]


@pytest.mark.parametrize("name", ["request-0", row_id(12345678)])
async def test_a_batch_of_foreign_lines_alone_is_not_ours(bench: Bench, name: str) -> None:
    bench.serve("out", good(0).replace(row_id(0).encode(), name.encode()))
    bench.ended("expired")
    await bench.take_in()
    assert {told[2] for told in bench.told()} == {"foreign_results"}
    assert bench.states() == ["in_doubt"] * 3


async def test_a_batch_that_only_has_to_be_closed_asks_for_no_file(bench: Bench) -> None:
    bench.serve("out", *(good(call) for call in bench.calls))
    bench.ended()
    died = bench.batch
    await bench.take_in()
    with bench.store.write() as tx:
        tx.execute(provider_batches.update().values(state="ended", taken_in_at=None))
        bench.batch = the_batch(tx, died.id)
    bench.asked.clear()
    (bench.folder / "batches" / f"{died.id}.0.results").write_bytes(b"left behind")
    assert (await bench.take_in()).state is BatchState.TAKEN_IN
    assert bench.asked == []
    assert list((bench.folder / "batches").iterdir()) == []


async def test_a_row_that_is_counted_but_has_no_line_is_in_doubt(bench: Bench) -> None:
    one, two, _ = bench.calls
    bench.serve("out", good(one), good(two))
    bench.ended(completed=3)
    await bench.take_in()
    assert bench.told()[2] == ("in_doubt", "send", "missing_line")


async def test_a_row_in_no_line_was_not_bought(bench: Bench) -> None:
    one, two, _ = bench.calls
    bench.serve("out", good(one), good(two))
    bench.ended(completed=2)
    await bench.take_in()
    assert bench.told()[2] == ("ready", "send", "not_bought")
    assert bench.asked == ["out", "out"]  # another copy might have shown more


async def test_a_file_that_cannot_be_had_now_is_asked_for_later(bench: Bench) -> None:
    bench.serve("out", *(good(call) for call in bench.calls), first=[503])
    bench.ended()
    assert (await bench.take_in()).state is BatchState.ENDED
    assert bench.left() == 3
    assert (await bench.take_in()).state is BatchState.TAKEN_IN
    assert bench.states() == ["done"] * 3


async def test_a_file_is_not_believed_to_be_gone_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TableWriter, "now", lambda _: 1060.0)
    bench.serve("out", *(good(call) for call in bench.calls), first=[404])
    bench.ended(at=1000.0)
    assert (await bench.take_in()).state is BatchState.ENDED
    assert (await bench.take_in()).state is BatchState.TAKEN_IN


async def test_rows_whose_file_is_gone_are_in_doubt(bench: Bench) -> None:
    bench.serve("out", first=[404, 404, 404])
    bench.ended(at=1000.0)
    taken = await bench.take_in()
    assert (taken.state, taken.problem) == (BatchState.TAKEN_IN, "results_gone")
    assert {cause for _, _, cause in bench.told()} == {"results_gone"}
    assert bench.states() == ["in_doubt"] * 3


async def test_a_batch_refused_for_one_line_fails_that_row_only(bench: Bench) -> None:
    problem = {"code": "invalid_json", "message": "no such member", "line": 2}
    bench.ended("failed", problems=[problem])
    await bench.take_in()
    assert bench.told()[1] == ("failed", "poll", "refused_line")
    assert bench.states() == ["ready/send", "failed", "ready/send"]
    assert bench.columns(calls.c.wire) == ["B"] * 3


async def test_a_batch_refused_as_a_whole_bought_nothing(bench: Bench) -> None:
    bench.ended("failed", problems=[{"code": "bad_purpose", "message": "no", "line": None}])
    await bench.take_in()
    assert bench.states() == ["ready/send"] * 3


async def test_pictures_in_lines_wait_for_their_files(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, "one")
    (call,) = bench.calls
    with bench.store.write() as tx:
        tx.execute(jobs.update().values(endpoint="image"))
    body = {"data": [{"b64_json": "iVBORw0KGgoAAAANSUhEUg"}]}
    bench.serve("out", line(call, response={"status_code": 200, "body": body}))
    bench.ended()
    await bench.take_in()
    assert bench.states() == ["ready/fetch"]
    with bench.store.read() as tx:
        assert tx.execute(select(files.c.state)).scalars().all() == ["pending"]


async def test_slices_go_on_where_the_last_one_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_intake, "SLICE_ROWS", 4)
    bench = bench_of(tmp_path, *(f"row {number}" for number in range(10)))
    bench.serve("out", *(good(call) for call in bench.calls))
    bench.ended()
    died = bench.batch

    def die(point: str, passed: list[str] = []) -> None:  # noqa: B006 - counts across calls
        passed.append(point)
        if passed.count("batch.slice") == 2:
            raise RuntimeError("dead")

    monkeypatch.setattr(batch_intake, "reach", die)
    with pytest.raises(RuntimeError, match="dead"):
        await bench.take_in()
    assert bench.left() == 2
    monkeypatch.setattr(batch_intake, "reach", lambda _: None)
    bench.batch = died_at(bench, died)
    await bench.take_in()
    assert bench.states() == ["done"] * 10
    assert bench.asked == ["out"]  # the file was on the disk


async def test_a_copy_that_differs_is_read_from_its_start(bench: Bench) -> None:
    bench.serve("out", *(good(call) for call in bench.calls))
    bench.ended()
    inside = len(good(bench.calls[0])) + 30  # another key of the account is masked otherwise
    bench.batch = replace(bench.batch, places={"out": inside})
    await bench.take_in()
    assert bench.states() == ["done"] * 3


def died_at(bench: Bench, batch: ProviderBatch) -> ProviderBatch:
    """The batch as the next run finds it."""
    with bench.store.read() as tx:
        found = the_batch(tx, batch.id)
    assert found.places["out"] > 0
    return found


async def test_the_cap_counts_what_was_billed_instead_of_the_ceilings(bench: Bench) -> None:
    one, two, _ = bench.calls
    bench.cap.set_spent(750_000_000)  # three ceilings of 0.25
    bench.serve("out", good(one), good(two))
    bench.ended("expired")
    await bench.take_in()
    job = Claimed(
        id=1,
        row=2,
        endpoint="chat",
        model="m",
        fields={"prompt": "x"},
        step=Step.SEND,
        version=1,
        epoch=1,
        attempts=0,
        repeats=0,
        rank=0,
        call_id=99,
    )
    bench.cap.set_cap(0.5)
    assert len(bench.cap.reserve([[job]])) == 1  # 0.25 spent, and 0.25 for one more call
    bench.cap.set_cap(0.49)
    assert bench.cap.reserve([[job]]) == []


async def test_text_that_no_table_takes_is_written_another_way(bench: Bench) -> None:
    one, two, three = bench.calls
    odd = good(one, "lone \ud800 half")
    bench.serve("out", odd, good(two), good(three))
    bench.ended()
    await bench.take_in()
    assert bench.states()[1:] == ["done", "done"]
    assert bench.states()[0] in ("done", "failed")
