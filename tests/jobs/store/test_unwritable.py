"""No value of an answer is poison: what a table cannot hold is made to fit, or fails its row."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from jobs.job import Step
from jobs.outcome import Finished, WireClass
from jobs.place import DatabasePlace, FolderPlace, Place
from jobs.result import Result, Usage
from jobs.store import Store
from jobs.store.queue import settles
from jobs.store.queue.claims import ClaimRequest
from jobs.store.queue.settles import Answer, CallEnd, Settlement
from jobs.store.writer import CommitResult, TableWriter
from tests.support.loading import asking, load
from tests.support.postgres_server import Server
from tests.support.working import ME

NOTHING: Mapping[str, Any] = {}
BODY = b'{"text": "raw \\u0000"}'


@pytest.fixture(params=["folder", "database"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty table that several threads may use."""
    place: Place = FolderPlace(table=tmp_path / "jobs.db")
    if request.param == "database":
        server: Server = request.getfixturevalue("postgres")
        place = DatabasePlace(url=server.new_database(), name="a.csv")
    with place.open() as opened:
        yield opened


def settled(store: Store, *results: Result, ended: Mapping[str, Any] = NOTHING) -> CommitResult:
    """Settle a row for each result in one commit."""
    load(store, asking(*(f"row {number}" for number in range(len(results)))))

    async def work() -> CommitResult:
        writer = TableWriter(store, ME)
        writer.start()
        order = ClaimRequest(step=Step.SEND, limit=len(results))
        taken = (await writer.exchange([], [order])).taken[0].jobs
        end = CallEnd(wire=WireClass.ANSWERED, seconds=1.0, status=200, **ended)
        kept = Answer(status=200, headers='{"x": "\ud83d"}', body=BODY, size=1, digest=b"d")
        found = await writer.exchange(
            [
                Settlement(job=job, outcome=Finished(result=result), ended=end, answer=kept)
                for job, result in zip(taken, results, strict=True)
            ],
            [],
        )
        await writer.close()
        return found

    return asyncio.run(work())


def told(store: Store, columns: str = "j.state, a.text") -> list[tuple[Any, ...]]:
    """What the table has of each row."""
    query = f"SELECT {columns} FROM jobs j JOIN attempts a ON a.job_id = j.id ORDER BY j.id"
    with store.read() as tx:
        return [tuple(row) for row in tx.execute(text(query))]


def test_half_a_character_is_replaced(store: Store) -> None:
    found = settled(store, Result(text="a \ud83d b", data={"k": "\udc00"}), Result(text="good"))
    assert not found.errors
    assert told(store) == [("done", "a \ufffd b"), ("done", "good")]


def test_more_tokens_than_a_number_holds_are_the_most_it_holds(store: Store) -> None:
    usage = Usage(raw={}, prompt_tokens=3 * 10**9, completion_tokens=10**30)
    assert not settled(store, Result(text="a", usage=usage)).errors
    columns = "j.state, a.prompt_tokens, a.completion_tokens"
    assert told(store, columns) == [("done", 3 * 10**9, 2**63 - 1)]


def test_a_currency_may_have_any_name(store: Store) -> None:
    assert not settled(store, Result(text="a"), ended={"currency": "quota-units"}).errors
    with store.read() as tx:
        assert tx.execute(text("SELECT currency FROM calls")).scalars().all() == ["quota-units"]


def test_an_answer_that_cannot_be_written_fails_its_row_and_is_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = settles._attempt

    def too_much(one: Settlement) -> dict[str, Any]:
        found = fits(one)
        if found["text"] == "poison":
            found["text"] = object()  # no table takes it
        return found

    monkeypatch.setattr(settles, "_attempt", too_much)
    found = settled(store, Result(text="good"), Result(text="poison"), ended={"cost": 1.5})
    assert not found.errors
    rows = told(store, "j.state, j.kind, j.cause")
    assert rows == [("done", None, None), ("failed", "crashed", "unwritable")]
    with store.read() as tx:
        assert tx.execute(text("SELECT body FROM answers")).scalars().all() == [BODY, BODY]
        assert tx.execute(text("SELECT wire FROM calls")).scalars().all() == ["C", "C"]


def test_an_error_quotes_no_row(store: Store) -> None:
    words = "INSERT INTO edits VALUES (1, :key, 'h', 'b', NULL)"
    with pytest.raises(Exception, match=r"(?i)null") as caught, store.write() as tx:
        tx.execute(text(words), {"key": "secret prompt"})
    assert "secret prompt" not in f"{caught.value} {caught.value.__cause__}"
