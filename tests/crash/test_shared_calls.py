"""Kills while rows share calls lose no vector that arrived, and pay for none twice."""

import json
import random
import signal
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jobs.store import Store
from runner.exits import Exit
from runner.views.audit import compare

from .harness import KEY, Line, Photo, Scene, scene, sha_of
from .prefork import Prefork

ROWS_PER_CALL = 7
MAX_CALLS = 4
DEATHS = (
    "call.written",
    "call.durable",
    "call.answering",
    "answer.read",
    "answer.spooled",
    "answer.parsed",
    "answer.written",
    "answer.durable",
    "replay.begun",
    "replay.settled",
)
QUICK = ("answer.spooled", "replay.settled")

_CALLS = (
    "SELECT c.call_key, j.position FROM calls c JOIN attempts a ON a.call_id = c.id "
    "JOIN jobs j ON j.id = a.job_id ORDER BY c.call_key, j.turn, j.id"
)
_STATES = "SELECT position, state FROM jobs"


@contextmanager
def desk(
    folder: Path, prefork: Prefork, *, rows: int, latency: float | tuple[float, float]
) -> Iterator[Scene]:
    """A sheet of texts, seven to a call."""
    shared = ("--set", f"rows_per_call={ROWS_PER_CALL}")
    with scene(
        folder, rows=rows, endpoint="embedding", latency=latency, options=shared, prefork=prefork
    ) as one:
        yield one


def rows_of_calls(scene: Scene) -> dict[str, list[int]]:
    """The rows of each call by its key, as our table records them."""
    found: dict[str, list[int]] = defaultdict(list)
    for key, position in scene.query(_CALLS):
        found[key].append(position)
    return found


def check(scene: Scene, photos: Sequence[Photo]) -> str:
    """Audit a finished scene; returns one line of counts."""
    bill = [line for line in scene.billed() if line.billed]
    calls = rows_of_calls(scene)
    for line in bill:
        rows = calls[str(line.key)]
        assert len(rows) <= ROWS_PER_CALL
        seen = sha_of("\n".join(scene.prompts[row - 2] for row in rows))
        assert line.sha == seen, "the gateway saw other rows than our books name"
    balanced(scene)
    states = dict(scene.query(_STATES))
    assert set(states) == set(range(2, len(scene.prompts) + 2))
    assert set(states.values()) <= {"done", "in_doubt"}
    kept = nothing_lost(scene, bill, calls, photos, states)
    repeats = few_repeats(bill, calls, photos)
    vectors_are_right(scene, states)
    return (
        f"{len(photos)} kills over {len(states)} rows: {len(bill)} calls billed, {repeats} rows "
        f"asked for again, {kept} answers there at a kill, {dict(Counter(states.values()))}"
    )


def balanced(scene: Scene) -> None:
    with Store.look(scene.workspace.table) as store:
        assert compare(scene.bill, store).balanced


def nothing_lost(
    scene: Scene,
    bill: Sequence[Line],
    calls: dict[str, list[int]],
    photos: Sequence[Photo],
    states: dict[int, str],
) -> int:
    """An answer that arrived before a kill is the result of all its rows; none is sent again."""
    by_id, kept = {line.id: line for line in scene.billed()}, 0
    for photo in photos:
        later = {line.id for line in scene.billed()[photo.lines :]}
        again = {row for line in bill if line.id in later for row in calls[str(line.key)]}
        for request in photo.answered:
            rows = calls[str(by_id[request].key)]
            kept += 1
            assert not again & set(rows), "rows whose answer was there were asked for again"
            assert {states[row] for row in rows} == {"done"}
    return kept


def few_repeats(bill: Sequence[Line], calls: dict[str, list[int]], photos: Sequence[Photo]) -> int:
    """A row is paid once, plus at most once for each kill while its call was in flight."""
    paid = Counter(row for line in bill for row in calls[str(line.key)])
    in_flight = Counter(one.position for photo in photos for one in photo.open_calls)
    assert all(count <= 1 + in_flight[row] for row, count in paid.items())
    return paid.total() - len(paid)


def vectors_are_right(scene: Scene, states: dict[int, str]) -> None:
    """Each done row has the vector of its own text, as the gateway computes it."""
    table = pq.read_table(scene.workspace.folder / "vectors.parquet").to_pydict()
    found = dict(zip(table["row"], table["vector"], strict=True))
    assert set(found) == {row for row, state in states.items() if state == "done"}
    request = urllib.request.Request(
        f"{scene.gateway.base_url}/v1/embeddings",
        data=json.dumps({"model": "mock-vector", "input": scene.prompts}).encode(),
        headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        wanted = {one["index"] + 2: one["embedding"] for one in json.load(answer)["data"]}
    assert all(vector == pytest.approx(wanted[row], rel=1e-5) for row, vector in found.items())


def test_kills_while_rows_share_calls_lose_no_vector_and_repeat_only_what_was_in_flight(
    tmp_path: Path, prefork: Prefork
) -> None:
    chance = random.Random(11)
    with desk(tmp_path, prefork, rows=40 * ROWS_PER_CALL, latency=(0.05, 0.2)) as one:
        photos: list[Photo] = []
        for number in range(4):
            before = one.calls()
            run = one.start(concurrency=MAX_CALLS)
            assert one.until_calls(before + 1, run)
            time.sleep(chance.uniform(0.0, 0.3))
            assert run.kill()
            photos.append(one.photo(str(number)))
            assert len({call.key for call in photos[-1].open_calls}) <= MAX_CALLS
        assert one.start(concurrency=MAX_CALLS).wait() in (Exit.DONE, Exit.SOME_FAILED)
        print(check(one, photos))


@pytest.mark.parametrize(
    "point",
    [pytest.param(point, marks=() if point in QUICK else (pytest.mark.long,)) for point in DEATHS],
)
def test_a_death_anywhere_in_a_shared_call_loses_none_of_its_rows(
    point: str, tmp_path: Path, prefork: Prefork
) -> None:
    with desk(tmp_path, prefork, rows=3 * ROWS_PER_CALL, latency=0.0) as one:
        photos: list[Photo] = []
        for place in ("call.answering", point) if point.startswith("replay.") else (point,):
            run = one.start(concurrency=2, ROWMILL_FAILPOINT=f"{place}=kill")
            assert run.wait() == -signal.SIGKILL, run.stderr
            photos.append(one.photo(place))
        run = one.start(concurrency=2)
        assert run.wait() in (Exit.DONE, Exit.SOME_FAILED), run.stderr
        print(check(one, photos))
