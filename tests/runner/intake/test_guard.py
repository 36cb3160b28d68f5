"""No load regenerates finished rows by accident, whatever else changed in the sheet."""

import pytest

from tests.support.world import TEXT, World

ROWS = [[f"a cat {number}"] for number in range(10)]


def refuses(world: World, *words: object) -> str:
    """The run stops with exit code 3, and nothing is sent."""
    refused = world.run("run", world.folder / "a.csv", "-y", *words)
    assert (refused.code, refused.posts) == (3, 0), refused.err
    assert "--rebuy" in refused.err
    return refused.err


@pytest.mark.parametrize("by_id", [True, False])
def test_a_new_column_beside_a_new_model_hides_nothing(world: World, *, by_id: bool) -> None:
    world.mock()
    rows = [[f"k{number}", f"a cat {number}"] for number in range(10)]
    known = () if by_id else ("--column", "id=user")
    sheet = world.sheet("a.csv", ["id", "prompt"], *rows)
    assert world.run("run", sheet, *TEXT, *known).posts == 10
    world.sheet("a.csv", ["id", "prompt", "note"], *([*row, "x"] for row in rows))
    assert "model mock-text → m2: 10 rows" in refuses(world, "-m", "m2")
    assert world.run("run", sheet, "-y").posts == 0, "the note alone costs nothing"


def test_other_columns_another_order_and_a_new_template_are_options(world: World) -> None:
    world.mock()
    sheet = world.sheet("a.csv", ["prompt"], *ROWS)
    assert world.run("run", sheet, *TEXT).posts == 10
    world.sheet("a.csv", ["note", "prompt"], *(["x", *row] for row in reversed(ROWS)))
    assert "prompt: 10 rows" in refuses(world, "-p", "Draw {{ prompt }}")


def test_one_of_many_rows_is_enough(world: World) -> None:
    world.mock()
    rows = [[f"a cat {number}", ""] for number in range(30)]
    sheet = world.sheet("a.csv", ["prompt", "temperature"], *rows)
    assert world.run("run", sheet, *TEXT).posts == 30
    rows = [[*row, "x"] for row in rows]
    rows[4] = ["a cat 4", "0.5", "x"]
    world.sheet("a.csv", ["prompt", "temperature", "note"], *rows)
    assert "temperature: 30 rows" in refuses(world, "--set", "temperature=1")


def test_edited_cells_are_bought_also_beside_a_new_column(world: World) -> None:
    world.mock()
    sheet = world.sheet("a.csv", ["prompt"], *ROWS)
    assert world.run("run", sheet, *TEXT).posts == 10
    edited = [["a dog"], *ROWS[1:]]
    world.sheet("a.csv", ["prompt", "note"], *([*row, "x"] for row in edited))
    done = world.run("run", sheet, "-y")
    assert (done.code, done.posts) == (0, 1), done.err


def test_the_same_file_read_otherwise_is_an_option(world: World) -> None:
    world.mock()
    sheet = world.folder / "a.csv"
    sheet.write_bytes("prompt\n猫 一\n狗 二\n".encode("gb18030"))
    assert world.run("run", sheet, *TEXT, "--encoding", "gb18030").posts == 2
    refuses(world, "--encoding", "big5")
