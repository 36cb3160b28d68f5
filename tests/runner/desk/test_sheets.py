"""A dropped sheet lands in the folder under a safe name; nobody's file is lost by it."""

from pathlib import Path

import pytest

from runner.desk.sheets import listed, safe_name
from tests.support.desks import opened_desk
from tests.support.world import PICTURE, World

OLD, NEW = b"prompt\na fox\n", b"prompt\na fox\na hen\n"


def test_a_dropped_sheet_is_stored_and_listed(world: World) -> None:
    with opened_desk(world.folder) as desk:
        assert desk.drop("双十二 主图.csv", OLD).json()["name"] == "双十二 主图.csv"
        told = desk.do("sheets")
    assert (world.folder / "双十二 主图.csv").read_bytes() == OLD
    assert [(one["name"], one["rows"]) for one in told["sheets"]] == [("双十二 主图.csv", None)]
    assert [path.name for path in world.folder.iterdir()] == ["双十二 主图.csv"]


def test_the_same_bytes_again_ask_nothing(world: World) -> None:
    with opened_desk(world.folder) as desk:
        desk.drop("a.csv", OLD)
        assert desk.drop("a.csv", OLD).json() == {"name": "a.csv", "taken": False}


def test_other_bytes_under_the_same_name_are_a_question_first(world: World) -> None:
    with opened_desk(world.folder) as desk:
        desk.drop("a.csv", OLD)
        assert desk.drop("a.csv", NEW).json() == {"name": "a.csv", "taken": True}
        assert (world.folder / "a.csv").read_bytes() == OLD
        assert desk.drop("a.csv", NEW, "another").json()["name"] == "a (2).csv"
        assert (world.folder / "a.csv").read_bytes() == OLD
        assert desk.drop("a.csv", NEW, "version").json()["name"] == "a.csv"
    assert (world.folder / "a.csv").read_bytes() == NEW
    (older,) = (world.folder / "a.rowmill" / "older-sheets").iterdir()
    assert older.read_bytes() == OLD


def test_a_new_version_keeps_what_was_paid_for(world: World) -> None:
    world.mock()
    sheet = world.prompts("a.csv", "a fox")
    world.run("run", sheet, *PICTURE)
    with opened_desk(world.folder) as desk:
        desk.drop("a.csv", NEW, "version")
        plan = desk.do("plan", sheet="a.csv", choices={})["plan"]
    assert plan["calls"] == 1


@pytest.mark.parametrize(
    "name",
    [
        *("../a.csv", "a/b.csv", "..\\a.csv", "C:a.csv", ".a.csv", "~$a.xlsx", "con.csv", "a.exe"),
        *("a.csv\x00", "a\n.csv", "a\u202egnp.csv", "", ".csv", "n" * 200 + ".csv", "<b>.csv"),
        "rowmill.toml",
    ],
)
def test_a_name_that_is_none_is_refused(world: World, name: str) -> None:
    assert safe_name(name) is None
    with opened_desk(world.folder) as desk:
        assert desk.drop(name, OLD).status_code == 422
    assert not list(world.folder.iterdir())


def test_what_is_no_sheet_is_not_listed(world: World) -> None:
    for name in (".hidden.csv", "~$open.xlsx", "notes.md", "rowmill.toml"):
        (world.folder / name).write_bytes(OLD)
    (world.folder / "folder.csv").mkdir()
    assert listed(world.folder) == []


def test_a_list_tells_how_each_sheet_stands(world: World) -> None:
    world.mock({"bad": ["moderation"]})
    sheet = world.prompts("a.csv", "a fox", "a bad one", "a hen")
    world.run("run", sheet, *PICTURE, "--limit", "2")
    (world.folder / "b.xlsx").write_bytes(b"no workbook")
    found = {one["name"]: one for one in listed(world.folder)}
    rows = {"total": 3, "done": 1, "failed": 1, "in_doubt": 0, "skipped": 0, "pending": 1}
    assert found["a.csv"] == {"name": "a.csv", "running": False, "rows": rows}
    assert found["b.xlsx"]["rows"] is None


def test_a_damaged_table_leaves_the_other_sheets_listed(world: World) -> None:
    world.prompts("a.csv", "a fox")
    folder = world.folder / "b.rowmill"
    folder.mkdir()
    (folder / "jobs.db").write_bytes(b"no table" * 1000)
    Path(world.folder / "b.csv").write_bytes(OLD)
    found = {one["name"]: one for one in listed(world.folder)}
    assert "trouble" not in found["a.csv"]
    assert "is not a SQLite table" in str(found["b.csv"]["trouble"])
    (folder / "jobs.db").unlink()
