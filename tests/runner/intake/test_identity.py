"""Rows keep their results by id or by request; edits that cost money are announced."""

from pathlib import Path

import pytest

from tests.support.world import TEXT, World

IDS = ("id", "prompt")


def ids(world: World, *rows: tuple[str, str]) -> Path:
    return world.sheet("a.csv", IDS, *rows)


def numbered(*prompts: str) -> list[tuple[str, str]]:
    return [(str(number), prompt) for number, prompt in enumerate(prompts, 1)]


WORDS = [f"a cat {number}" for number in range(10)]


def test_a_column_that_only_counts_is_no_identity_and_is_told(world: World) -> None:
    world.mock()
    sheet = ids(world, *numbered(*WORDS))
    checked = world.run("check", sheet, *TEXT[:-1])
    assert "this column only numbers the rows" in checked.out
    assert world.run("run", sheet, *TEXT).posts == 10
    ids(world, *numbered("new one", "new two", *WORDS))
    assert world.run("run", sheet, "-y").posts == 2


def test_numbers_that_the_user_insists_on_and_refills_cost_nothing_and_are_told(
    world: World,
) -> None:
    world.mock()
    sheet = ids(world, *numbered(*WORDS))
    assert world.run("run", sheet, *TEXT, "--id", "id").posts == 10
    ids(world, *numbered("new one", "new two", *WORDS))
    done = world.run("run", sheet, "-y")
    assert (done.code, done.posts) == (0, 2), done.err
    assert "10 of 10 rows ask for something else than before" in done.err


def test_a_few_edits_are_no_renumbering(world: World) -> None:
    world.mock()
    rows = [(f"k{number}", word) for number, word in enumerate(WORDS)]
    sheet = ids(world, *rows)
    world.run("run", sheet, *TEXT)
    ids(world, ("k0", "an owl"), *rows[1:])
    done = world.run("run", sheet, "-y")
    assert done.posts == 1
    assert "renumbered" not in done.err


def test_an_id_column_with_gaps_gives_way_and_is_told(world: World) -> None:
    world.mock()
    sheet = ids(world, ("k1", "cat"), ("", "dog"))
    done = world.run("run", sheet, *TEXT)
    assert (done.code, done.posts) == (0, 2)
    assert "the ids in this column are not filled and unique" in done.err


@pytest.mark.parametrize("by_id", [True, False])
def test_a_removed_row_comes_back_with_its_answer(world: World, *, by_id: bool) -> None:
    world.mock()
    rows = [(f"k{n}" if by_id else str(n + 1), word) for n, word in enumerate(WORDS)]
    sheet = ids(world, *rows)
    world.run("run", sheet, *TEXT)
    ids(world, *rows[:5])
    removed = world.run("run", sheet, "-y")
    assert (removed.code, removed.posts) == (0, 0)
    assert len(world.results(sheet)) == 5
    ids(world, *rows)
    assert world.run("run", sheet, "-y").posts == 0
    assert world.column(sheet) == ["done"] * 10


def test_running_the_workspaces_own_results_file_runs_its_sheet(world: World) -> None:
    world.mock()
    sheet = ids(world, ("k1", "cat"))
    world.run("run", sheet, *TEXT)
    again = world.run("run", world.folder / "a.rowmill" / "results.csv")
    assert (again.code, again.posts) == (0, 0), again.err
    assert "a.csv: unchanged" in again.err


def test_a_results_file_elsewhere_says_how_to_run_what_is_missing(world: World) -> None:
    world.mock()
    sheet = ids(world, ("k1", "cat"))
    world.run("run", sheet, *TEXT)
    copy = world.folder / "copy.csv"
    copy.write_bytes((world.folder / "a.rowmill" / "results.csv").read_bytes())
    refused = world.run("run", copy, *TEXT)
    assert (refused.code, refused.posts) == (3, 0)
    assert "only what is missing" in refused.err


def test_a_lost_id_column_is_told_as_such_and_its_ids_are_found_under_another_name(
    world: World,
) -> None:
    sheet = world.sheet("a.csv", ["sku", "prompt"], ["k1", "a cat"], ["k2", "a dog"])
    world.run("run", sheet, *TEXT)
    world.sheet("a.csv", ["number", "prompt"], ["k1", "a cat"], ["k2", "a dog"])
    lost = world.run("run", sheet, "-y")
    assert (lost.code, lost.posts) == (3, 0)
    assert "identified by column sku since the first load" in lost.err
    found = world.run("run", sheet, "-y", "--id", "number")
    assert (found.code, found.posts) == (0, 0), found.err
    assert "2 with other columns changed" in found.err or "2 unchanged" in found.err
