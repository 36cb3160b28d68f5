"""Rows with nothing to send are skipped, and hidden rows too if the person wants it."""

from pathlib import Path

import openpyxl

from tests.support.world import TEXT, World, workbook

TWENTY = [[str(number), f"a cat {number}"] for number in range(1, 21)]


def blank(rows: list[list[str]], *numbers: int) -> list[list[str]]:
    return [[row[0], "", *row[2:]] if int(row[0]) in numbers else row for row in rows]


def test_an_empty_row_is_skipped_and_runs_once_it_is_filled(world: World) -> None:
    world.mock()
    sheet = world.sheet("a.csv", ["no", "prompt"], *blank(TWENTY, 3, 7))
    done = world.run("run", sheet, *TEXT)
    assert (done.code, done.posts) == (0, 18), done.err
    assert "2 empty rows skipped: 4, 8" in done.err
    assert world.column(sheet)[2] == "skipped"
    assert world.column(sheet, "result_error")[2] == "empty"
    assert world.standing(sheet) == {"done": 18, "skipped": 2}
    more = [*blank(TWENTY, 3, 7), ["21", "a cat 21"]]
    world.sheet("a.csv", ["no", "prompt"], *more)
    assert world.run("check", sheet, "--json").json["calls"] == 1
    world.sheet("a.csv", ["no", "prompt"], *blank(TWENTY, 3, 7))
    assert world.run("retry", sheet, "--rows", "4", "-y").posts == 0, "there is nothing to send"
    assert world.standing(sheet) == {"done": 18, "skipped": 2}
    world.sheet("a.csv", ["no", "prompt"], *blank(TWENTY, 7))
    filled = world.run("run", sheet, "-y")
    assert (filled.code, filled.posts) == (0, 1), filled.err


def test_many_empty_rows_are_a_question(world: World) -> None:
    world.mock()
    sheet = world.sheet("a.csv", ["no", "prompt"], *blank(TWENTY, 3, 7, 9))
    refused = world.run("run", sheet, *TEXT)
    assert (refused.code, refused.posts) == (3, 0)
    assert "empty rows: 3 of 20 (in row 4, 8, 10)" in refused.err
    assert world.run("check", sheet, *TEXT[:-1]).code == 3
    done = world.run("run", sheet, *TEXT, "--skip-bad")
    assert (done.code, done.posts) == (0, 17), done.err


def test_one_empty_row_with_text_in_other_columns_is_a_question(world: World) -> None:
    world.mock()
    rows = [[*row, "lamp, brass"] for row in TWENTY]
    sheet = world.sheet("a.csv", ["no", "prompt", "product"], *blank(rows, 3))
    refused = world.run("run", sheet, *TEXT)
    assert (refused.code, refused.posts) == (3, 0)
    assert "text in other columns: 1 of 20 (in row 4)" in refused.err


def test_a_row_whose_template_cells_are_all_blank_is_empty_and_one_hole_is_a_bad_row(
    world: World,
) -> None:
    world.mock()
    rows = [[str(number), f"cat {number}", "red"] for number in range(1, 21)]
    rows[2] = ["3", "", ""]
    sheet = world.sheet("a.csv", ["no", "name", "colour"], *rows)
    words = (*TEXT, "-p", "A {{ colour }} {{ name }}")
    assert world.run("run", sheet, *words).posts == 19
    rows[4] = ["5", "cat 5", ""]
    sheet = world.sheet("b.csv", ["no", "name", "colour"], *rows)
    refused = world.run("run", sheet, *words, "--rebuy")
    assert (refused.code, refused.posts) == (3, 0)
    assert "row 6, column colour" in refused.err
    assert "row 4" not in refused.err
    default = (*TEXT, "-p", "A {{ colour | blue }} {{ name }}")
    assert world.run("run", sheet, *default, "--rebuy").posts == 19


def test_skip_bad_marks_rows_with_holes_failed_and_runs_the_rest(world: World) -> None:
    world.mock()
    sheet = world.sheet("a.csv", ["name", "colour"], ["cat", "red"], ["dog", ""])
    words = (*TEXT, "-p", "A {{ colour }} {{ name }}", "--skip-bad")
    done = world.run("run", sheet, *words)
    assert (done.code, done.posts) == (4, 1), done.err
    assert world.column(sheet) == ["done", "failed"]
    assert world.column(sheet, "result_error_class")[1] == "bad_input"


def hidden_workbook(world: World, *hidden: int) -> Path:
    sheet = workbook(world.folder / "a.xlsx", ["prompt"], *([f"a cat {n}"] for n in range(6)))
    book = openpyxl.load_workbook(sheet)
    for row in hidden:
        book.worksheets[0].row_dimensions[row].hidden = True
    book.save(sheet)
    return sheet


def test_hidden_rows_are_named_with_their_price_and_left_out_if_wanted(world: World) -> None:
    world.mock()
    world.settings('[prices."mock-text"]\ncall = 0.5\ncurrency = "USD"\n')
    sheet = hidden_workbook(world, 3, 5)
    first = world.run("run", sheet, *TEXT, "--limit", "1")
    assert first.posts == 1
    assert "hidden in the sheet" in " ".join(first.err.split())
    done = world.run("run", sheet, "-y", "--visible-only")
    assert (done.code, done.posts) == (0, 3), done.err
    assert "2 hidden rows left out" in done.err
    assert world.column(sheet) == ["done", "skipped", "done", "skipped", "done", "done"]
    assert world.column(sheet, "result_error")[1] == "hidden"
    hidden_workbook(world, 3)
    shown = world.run("run", sheet, "-y")
    assert (shown.code, shown.posts) == (0, 1), "it is remembered, and row 5 is visible now"
    assert world.standing(sheet) == {"done": 5, "skipped": 1}


def test_a_done_row_that_is_hidden_later_stays_done(world: World) -> None:
    world.mock()
    sheet = hidden_workbook(world)
    assert world.run("run", sheet, *TEXT).posts == 6
    hidden_workbook(world, 3)
    assert world.run("run", sheet, "-y", "--visible-only").posts == 0
    assert world.standing(sheet) == {"done": 6}
