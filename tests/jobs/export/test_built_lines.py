"""The jsonl lines that the database builds equal, byte for byte, the lines that Python writes."""

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from jobs.export import ExportOptions, lines, write_results
from jobs.job import JSON, Failure, FailureClass
from jobs.store import Store, Transaction
from jobs.store.edits import Edit, replace_edits
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.queries.results import results
from jobs.store.schema import attempts, calls, jobs, rows
from tests.support.builders import (
    IN_DOUBT,
    NOW,
    PENDING,
    REFUSED,
    SHEET_ID,
    Fate,
    Sheet,
    make_table,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
CELL = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | TEXT
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
NUMBER = st.none() | st.floats(0, 1e9, allow_nan=False)
FATE = st.builds(
    Fate,
    text=TEXT,
    files=st.lists(TEXT, max_size=3, unique=True).map(tuple),
    data=st.none() | st.dictionaries(TEXT, CELL, max_size=2),
    cost=NUMBER,
    tokens=st.none() | st.tuples(st.integers(0, 9), st.integers(0, 2**60)),
    request_id=st.none() | TEXT,
    model=st.none() | TEXT,
    finish=st.none() | TEXT,
)
BAD_ROW = Fate(failure=Failure(kind=FailureClass.BAD_INPUT, cause="bad_row", detail='{"a": 1}'))
OTHERS = st.sampled_from([PENDING, REFUSED, IN_DOUBT, BAD_ROW])


def both_ways(folder: Path, loaded: LoadedSheet, **asked: object) -> tuple[bytes, bytes]:
    """The rows as jsonl: built by the database, and written from rows in memory."""
    with Store.look(folder / "jobs.db") as store, store.read() as tx:
        found = results(tx, SHEET_ID, **asked)  # type: ignore[arg-type]  # which rows
        given_ = ExportOptions(workspace=folder, now=NOW)
        for name, some in (("built", found), ("ours", list(found))):
            target = folder / f"{name}.jsonl"
            write_results(some, loaded, target, format="jsonl", options=given_)
    return (folder / "built.jsonl").read_bytes(), (folder / "ours.jsonl").read_bytes()


def changed(folder: Path, change: Callable[[Transaction], None]) -> None:
    with Store.open(folder / "jobs.db") as store, store.write() as tx:
        change(tx)


@settings(max_examples=12, deadline=None)
@given(
    sheet=st.lists(st.lists(CELL, max_size=4), min_size=1, max_size=4),
    fates=st.lists(FATE | OTHERS, max_size=4),
    headers=st.lists(TEXT, min_size=3, max_size=3),
)
def test_any_row_is_built_as_we_write_it(
    sheet: list[list[JSON]], fates: list[Fate], headers: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given_ = Sheet(headers=headers, rows=sheet, format="jsonl", typed=True)
        loaded = make_table(folder, given_, fates[: len(sheet)])
        built, ours = both_ways(folder, loaded)
        assert built == ours
        assert built.count(b"\n") == len(sheet)


PLAIN = Sheet(headers=("id", "prompt"), rows=[["a", "one"], ["b", "two"], ["c", "three"]])
FATES = [Fate(text="1", cost=0.1, files=("a.png", "b.png")), Fate(text="2", cost=0.2), PENDING]


def _tried_again(tx: Transaction) -> None:
    """The first row needed another call, which cost something too."""
    first = tx.execute(select(calls)).mappings().first()
    assert first is not None
    tx.execute(insert(calls).values({**first, "id": 7, "cost": 0.025}))
    job = tx.execute(select(jobs.c.id).where(jobs.c.position == 2)).scalar_one()
    tx.execute(insert(attempts).values(job_id=job, call_id=7, version=1, outcome="retry"))


def _edited(tx: Transaction) -> None:
    replace_edits(tx, SHEET_ID, [Edit("3", "prompt", "two", "zwei")])


def _parked(tx: Transaction) -> None:
    tx.execute(update(rows).where(rows.c.position == 3).values(parked=True))


def _shared(tx: Transaction) -> None:
    """The first two rows share a call."""
    first, second = tx.execute(select(jobs.c.id, jobs.c.call_id).order_by(jobs.c.position)).all()[
        :2
    ]
    tx.execute(update(attempts).where(attempts.c.job_id == second[0]).values(call_id=first[1]))
    tx.execute(update(jobs).where(jobs.c.id == second[0]).values(call_id=first[1]))


def _without_its_call(tx: Transaction) -> None:
    """The result of the second row's call does not count."""
    tx.execute(update(jobs).where(jobs.c.position == 3).values(call_id=None))


def _in_hand(tx: Transaction) -> None:
    """The second row's call has not ended."""
    tx.execute(update(attempts).where(attempts.c.text == "2").values(outcome=None))


CHANGES = [_tried_again, _edited, _parked, _shared, _without_its_call, _in_hand]


@pytest.mark.parametrize("change", CHANGES)
def test_rows_read_together_say_what_each_says_alone(
    tmp_path: Path, change: Callable[[Transaction], None]
) -> None:
    make_table(tmp_path, PLAIN, FATES)
    changed(tmp_path, change)
    store = Store.look(tmp_path / "jobs.db")
    with store.read() as tx:
        found = results(tx, SHEET_ID, only={"done", "pending", "parked"})
        ids = tx.execute(select(rows.c.id)).scalars().all()
        assert sorted(found) == sorted(found.apart(ids).values())
    store.close()


@pytest.mark.parametrize("change", CHANGES)
def test_odd_rows_keep_their_place_among_the_built(
    tmp_path: Path, change: Callable[[Transaction], None]
) -> None:
    loaded = make_table(tmp_path, PLAIN, FATES)
    changed(tmp_path, change)
    for only in (None, {"done", "parked"}, {"pending"}):
        built, ours = both_ways(tmp_path, loaded, only=only)
        assert built == ours


def test_a_wide_sheet_is_built_from_several_objects(tmp_path: Path) -> None:
    headers = [f"h{number % 90}" for number in range(150)]
    loaded = make_table(tmp_path, Sheet(headers=headers, rows=[["x"] * 150]), FATES[:1])
    built, ours = both_ways(tmp_path, loaded)
    assert built == ours


def test_the_database_builds_the_lines_of_ordinary_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = make_table(tmp_path, PLAIN, FATES)
    monkeypatch.delattr(lines, "json_line")  # the encoder for a row in memory
    built, _ = both_ways(tmp_path, loaded)
    assert built.count(b"\n") == 3


@given(st.floats() | st.floats(0, 1e13))
def test_seconds_are_rounded_as_python_rounds_and_writes_them(seconds: float) -> None:
    expected = repr(round(seconds, 3)) if math.isfinite(seconds) else "null"
    assert lines._rounded(seconds) == expected
