"""Several processes load sheets into one shared table."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from jobs.place import DatabasePlace
from jobs.store import Store, may_claim
from jobs.store.queries.totals import counts
from runner.exits import Refusal
from runner.intake import intake
from runner.intake.intake import SheetSource, origin_of, take_in
from runner.intake.loaded import Intake
from runner.settings.settings import Settings, resolve
from runner.workspace.workspace import Workspace
from tests.support.postgres_server import Server

GIVEN: dict[str, Any] = {"endpoint": "chat", "model": "mock-text", "rebuy": True}


@pytest.fixture
def place(postgres: Server) -> DatabasePlace:
    """A workspace of a new database."""
    return DatabasePlace(url=postgres.new_database(), name="a.csv")


def settings(**more: Any) -> Settings:
    """Settings that name an endpoint and a model."""
    return resolve({**GIVEN, **more}, {}, (), None, None)


def sheet_in(folder: Path, prompts: Sequence[str]) -> Path:
    """A sheet of this name in a folder that may be new."""
    folder.mkdir(exist_ok=True)
    sheet = folder / "a.csv"
    lines = [f"id-{number},{prompt}\n" for number, prompt in enumerate(prompts)]
    sheet.write_text("id,prompt\n" + "".join(lines), encoding="utf-8")
    return sheet


def load(store: Store, place: DatabasePlace, sheet: Path, **more: Any) -> Intake:
    """What `run` does with a sheet before it asks for consent."""
    ours = replace(place, origin=origin_of(sheet))
    workspace = Workspace(folder=sheet.with_suffix(".rowmill"), database=ours)
    return take_in(store, workspace, SheetSource(sheet=sheet), settings(**more), now=time.time())


def rows_of(place: DatabasePlace) -> tuple[int, int]:
    """The number of rows, and of rows whose job exists."""
    with place.look() as store, store.read() as tx:
        joined = "SELECT count(*) FROM rows r JOIN jobs j ON j.id = r.job_id"
        return counts(tx, 1).total, tx.execute(text(joined)).scalar_one()


def test_of_two_first_loads_at_once_one_loads(place: DatabasePlace, tmp_path: Path) -> None:
    sheet = sheet_in(tmp_path / "desk", [f"prompt {number}" for number in range(300)])

    def one(_: int) -> bool:
        with replace(place, origin=origin_of(sheet)).open() as store:
            return load(store, place, sheet).unread

    with ThreadPoolExecutor(4) as pool:
        unread = list(pool.map(one, range(4)))
    assert sorted(unread) == [False, True, True, True]
    assert rows_of(place) == (300, 300)


def test_the_same_bytes_from_another_folder_are_the_same_sheet(
    place: DatabasePlace, tmp_path: Path
) -> None:
    here, there = (sheet_in(tmp_path / name, ["a", "b"]) for name in ("here", "there"))
    with place.open() as store:
        load(store, place, here)
        assert load(store, place, there).unread


def test_another_sheet_of_the_same_name_is_refused(place: DatabasePlace, tmp_path: Path) -> None:
    here, there = sheet_in(tmp_path / "here", ["a"]), sheet_in(tmp_path / "there", ["b"])
    with replace(place, origin=origin_of(here)).open() as store:
        load(store, place, here)
        with pytest.raises(Refusal, match="--same-sheet"):
            load(store, place, there)
    assert rows_of(place) == (1, 1)


def test_a_sheet_s_successor_takes_its_place(place: DatabasePlace, tmp_path: Path) -> None:
    here, there = sheet_in(tmp_path / "here", ["a"]), sheet_in(tmp_path / "there", ["a", "b"])
    with replace(place, origin=origin_of(here)).open() as store:
        load(store, place, here)
        load(store, place, there, same_sheet=True)
        sheet_in(tmp_path / "there", ["a", "b", "c"])
        load(store, place, there)
    assert rows_of(place) == (3, 3)


def test_two_edits_at_once_are_both_compared_with_what_the_other_left(
    place: DatabasePlace, tmp_path: Path
) -> None:
    sheet = sheet_in(tmp_path / "desk", [f"prompt {number}" for number in range(50)])
    with place.open() as store:
        load(store, place, sheet)
    sheet_in(tmp_path / "desk", [f"prompt {number}" for number in range(60)])

    def one(_: int) -> int:
        with place.open() as store:
            plan = load(store, place, sheet).plan
            return plan.new if plan is not None else 0

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(one, range(3))) == [0, 0, 10]
    assert rows_of(place) == (60, 60)


def test_nothing_is_claimed_while_an_edited_sheet_is_laid_in(
    place: DatabasePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = sheet_in(tmp_path / "desk", ["a"])
    asked: list[bool] = []
    apart = threading.Thread

    def look(_: str) -> None:
        def ask() -> None:
            with place.open() as store, store.write() as tx:
                asked.append(may_claim(tx))

        thread = apart(target=ask)
        thread.start()
        thread.join()

    with place.open() as store:
        load(store, place, sheet)
        monkeypatch.setattr(intake, "reach", look)
        sheet_in(tmp_path / "desk", ["a", "b"])
        load(store, place, sheet)
        look("")
    assert asked == [False, True]


def test_an_id_that_no_index_takes_is_a_bad_row(place: DatabasePlace, tmp_path: Path) -> None:
    sheet = tmp_path / "a.csv"
    ids = ["短", "长" * 400, "x" * 5000, "长" * 401]
    lines = [f"{one},a prompt\n" for one in ids]
    sheet.write_text("id,prompt\n" + "".join(lines), encoding="utf-8")
    with place.open() as store:
        plan = load(store, place, sheet, skip_bad=True, id="id").plan
    assert plan is not None
    assert (plan.staged, plan.bad) == (4, 3)
    with place.look() as store, store.read() as tx:
        keys = tx.execute(text("SELECT key FROM rows ORDER BY position")).scalars().all()
    assert keys[0] == "短"
    assert len(set(keys)) == 4
    assert max(len(key.encode()) for key in keys) <= 1000
