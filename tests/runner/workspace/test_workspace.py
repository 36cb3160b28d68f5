"""A workspace belongs to one sheet: which sheet, results and folder a command means."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from jobs.store.sql_views import VIEWS
from tests.support.world import TEXT, World


def test_another_sheets_name_is_refused_unless_it_is_the_same_sheet(world: World) -> None:
    first = world.prompts("a.csv", "a cat", "a dog")
    folder = world.workspace(first).folder
    world.run("run", first, *TEXT)
    renamed = first.rename(world.folder / "b.csv")
    refused = world.run("run", renamed, *TEXT, "--workspace", folder)
    assert (refused.code, refused.posts) == (3, 0)
    assert "a.csv" in refused.err
    assert "--same-sheet" in refused.err
    taken = world.run("run", renamed, *TEXT, "--workspace", folder, "--same-sheet")
    assert (taken.code, taken.posts) == (0, 0), taken.err
    later = world.run("run", renamed)
    assert (later.code, later.posts) == (0, 0), later.err


def test_a_new_sheet_answered_next_door_is_told_before_it_is_paid_for(world: World) -> None:
    world.run("run", world.prompts("a.csv", "a cat", "a dog", "an owl"), *TEXT)
    renamed = world.prompts("b.csv", "a cat", "a dog", "a cow")
    refused = world.run("run", renamed, *TEXT)
    assert (refused.code, refused.posts) == (3, 0)
    assert "a.rowmill already holds results for 2 of 3 rows" in refused.err
    other = world.prompts("c.csv", "a pig", "a dog", "a cow")
    assert world.run("run", other, *TEXT).posts == 3


def test_check_stops_where_a_neighbour_has_the_answers(world: World) -> None:
    world.run("run", world.prompts("a.csv", "a cat", "a dog"), *TEXT)
    renamed = world.prompts("b c.csv", "a cat", "a dog")
    found = world.run("check", renamed, *TEXT[:-1])
    assert found.code == 3, "as `run` would"
    told = " ".join(found.out.split())
    assert "rowmill run 'b c.csv' --workspace a.rowmill --same-sheet" in told


def test_a_renamed_sheet_finds_its_workspace_with_same_sheet_alone(world: World) -> None:
    first = world.prompts("a.csv", "a cat", "a dog")
    world.run("run", first, *TEXT)
    renamed = first.rename(world.folder / "b.csv")
    assert world.run("run", renamed, *TEXT).code == 3
    taken = world.run("run", renamed, "--same-sheet")
    assert (taken.code, taken.posts) == (0, 0), taken.err
    assert "a.rowmill/results.csv" in taken.err


def test_of_several_lost_sheets_the_renamed_one_must_be_named(world: World) -> None:
    for name in ("a.csv", "b.csv"):
        sheet = world.prompts(name, f"{name} cat")
        world.run("run", sheet, *TEXT)
        sheet.unlink()
    refused = world.run("run", world.prompts("c.csv", "a.csv cat"), "--same-sheet", *TEXT)
    assert (refused.code, refused.posts) == (3, 0)
    assert "a.rowmill, b.rowmill" in refused.err


def test_what_was_refused_before_it_was_loaded_is_no_workspace_to_choose_from(
    world: World,
) -> None:
    world.run("run", world.prompts("a.csv", "a cat"), *TEXT)
    assert world.run("run", world.prompts("b.csv", "a dog")).code == 3
    assert world.run("status").code == 0


def test_the_folder_may_come_from_a_variable_or_a_settings_file(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.monkeypatch.setenv("ROWMILL_WORKSPACE", "mine")
    done = world.run("run", sheet, *TEXT)
    assert "mine/results.csv" in done.err
    for command in ("check", "status", "errors", "doctor", "fetch", "export"):
        assert world.run(command, sheet).code == 0, command
    assert not world.workspace(sheet).folder.exists()
    world.monkeypatch.delenv("ROWMILL_WORKSPACE")
    other = world.prompts("b.csv", "a dog")
    world.settings('[defaults]\nworkspace = "theirs"\n', trusted=False)
    assert "theirs/results.csv" in world.run("run", other, *TEXT).err
    assert world.run("show", 2, other).code == 0
    world.settings('[defaults]\nworkspace = "../outside"\n', trusted=False)
    refused = world.run("run", other, *TEXT)
    assert (refused.code, refused.posts) == (3, 0), "it may have come with the sheet"


ADDED = {
    "jobs": ("refusals", "requeued", "settled_by"),
    "attempts": ("epoch",),
    "calls": ("ticket", "asked_until", "provider_batch_id"),
    "runs": ("terms", "cap", "spent", "held", "repeats_left", "passed", "announced_at"),
}
"""The columns that migrations after 0004 add, by table."""


@pytest.mark.parametrize("command", ["run", "retry"])
def test_a_run_migrates_a_table_of_an_older_version(world: World, command: str) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    table = world.workspace(sheet).table
    with closing(sqlite3.connect(table)) as connection, connection:
        for view in VIEWS:
            connection.execute(f"DROP VIEW {view}")
        connection.execute("DROP INDEX ix_calls_tickets")
        connection.execute("DROP INDEX ix_calls_provider_batch_id")
        for table_name, columns in ADDED.items():
            for column in columns:
                connection.execute(f"ALTER TABLE {table_name} DROP COLUMN {column}")
        for table_name in ("hosts", "file_names", "provider_batches", "picks"):
            connection.execute(f"DROP TABLE {table_name}")
        connection.execute("UPDATE alembic_version SET version_num = '0004'")
    assert "older rowmill" in world.run("status", sheet).err
    before = {path: path.read_bytes() for path in sorted(table.parent.rglob("*")) if path.is_file()}
    for named in (sheet, table.parent):
        checked = world.run("check", named)
        assert (checked.code, checked.posts) == (0, 0), checked.err
        assert "1 unchanged" in checked.out
    after = {path: path.read_bytes() for path in sorted(table.parent.rglob("*")) if path.is_file()}
    assert after == before
    for named in (sheet, table.parent):
        done = world.run(command, named, "-y")
        assert (done.code, done.posts) == (0, 0), done.err
    assert list(table.parent.glob("jobs.before-*.db"))
    assert world.run("status", sheet).code == 0


def test_rebuy_buys_what_a_neighbour_has(world: World) -> None:
    world.run("run", world.prompts("a.csv", "a cat"), *TEXT)
    bought = world.run("run", world.prompts("b.csv", "a cat"), *TEXT, "--rebuy")
    assert (bought.code, bought.posts) == (0, 1), bought.err


def test_a_results_file_elsewhere_is_not_run(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    copy = world.folder / "mine.csv"
    shutil.copy(world.workspace(sheet).folder / "results.csv", copy)
    refused = world.run("run", copy, *TEXT)
    assert (refused.code, refused.posts) == (3, 0)
    assert "results file" in refused.err


def test_the_folder_and_its_results_file_stand_for_the_sheet(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    folder = world.workspace(sheet).folder
    for named in (folder, folder / "results.csv", sheet):
        done = world.run("run", named)
        assert (done.code, done.posts) == (0, 0), done.err
    world.prompts("a.csv", "a cat", "a dog")
    assert world.run("run", folder, "-y").posts == 1


def test_a_workspace_elsewhere_is_remembered(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    elsewhere = world.folder / "else" / "where"
    assert world.run("run", sheet, *TEXT, "--workspace", elsewhere).posts == 1
    again = world.run("run", sheet)
    assert (again.code, again.posts) == (0, 0), again.err
    assert not world.workspace(sheet).folder.exists()
    assert (elsewhere / "results.csv").is_file()
    for named in (elsewhere, elsewhere / "results.csv"):
        done = world.run("run", named)
        assert (done.code, done.posts) == (0, 0), done.err


def test_the_folder_can_be_moved_with_its_sheet(world: World) -> None:
    home = world.folder / "one"
    home.mkdir()
    sheet = world.prompts("one/a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    moved = home.rename(world.folder / "two")
    done = world.run("run", moved / "a.csv")
    assert (done.code, done.posts) == (0, 0), done.err


def test_deleting_the_folder_forgets_everything(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    shutil.move(world.workspace(sheet).folder, world.folder / "kept")
    assert world.run("run", sheet, "-y").code == 3  # not even the endpoint is known
    assert world.run("run", sheet, *TEXT).posts == 1


def test_a_results_file_that_somebody_changed_stays_as_it_is(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    results = world.workspace(sheet).folder / "results.csv"
    results.write_text("coloured", encoding="utf-8")
    world.prompts("a.csv", "a cat", "a dog")
    done = world.run("run", sheet, "-y")
    assert done.code == 0
    assert results.read_text(encoding="utf-8") == "coloured"
    others = [path.name for path in results.parent.glob("results*.csv")]
    assert len(others) == 2
    assert next(name for name in others if name != "results.csv") in done.err


def test_only_its_owner_can_look_into_a_workspace(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    folder = world.workspace(sheet).folder
    assert folder.stat().st_mode & 0o077 == 0
