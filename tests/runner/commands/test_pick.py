"""`rowmill pick` marks results, and `export --picks` hands over the chosen files."""

import csv
from pathlib import Path

import openpyxl
import pytest

from tests.support.world import PICTURE, TEXT, World


@pytest.fixture
def foxes(world: World) -> Path:
    """Three rows with a picture each, and one that was refused."""
    world.mock({"bad": ["moderation"]})
    sheet = world.sheet(
        "a.csv",
        ["id", "prompt"],
        ["x1", "a fox"],
        ["x2", "a dog"],
        ["x3", "a cow"],
        ["x4", "a bad"],
    )
    assert world.run("run", sheet, *PICTURE).code == 4
    return sheet


def picks(world: World, sheet: Path) -> list[str]:
    """The column `result_pick` of a fresh export."""
    out = world.folder / "out.csv"
    out.unlink(missing_ok=True)
    assert world.run("export", sheet, "-o", out).code == 0
    with out.open(encoding="utf-8-sig", newline="") as file:
        return [row["result_pick"] for row in csv.DictReader(file)]


def test_rows_are_marked_by_number_and_key(world: World, foxes: Path) -> None:
    assert world.run("pick", "2-3", foxes, "--stars", 5).code == 0
    assert world.run("pick", "key:x3", foxes, "--reject").code == 0
    assert picks(world, foxes) == ["5", "5", "rejected", ""]
    assert world.run("pick", "3", foxes, "--clear").code == 0
    assert picks(world, foxes) == ["5", "", "rejected", ""]


def test_json_tells_what_was_marked_and_what_has_no_result(world: World, foxes: Path) -> None:
    done = world.run("pick", "3-5", foxes, "--stars", 3, "--json")
    assert done.json == {
        "schema": 1,
        "marked": 2,
        "rows": [{"row": 3, "key": "x2", "pick": "3"}, {"row": 4, "key": "x3", "pick": "3"}],
        "left_out": [5],
    }
    assert "1 row has no such result" in world.run("pick", "3-5", foxes, "--stars", 3).err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("5", "--stars", 5), 3, "nothing was marked"),
        (("99", "--stars", 5), 3, "rows 2 to 5"),
        (("2", "--file", 2), 3, "nothing was marked"),
        (("2",), 2, "Say how"),
        (("2", "--stars", 6), 2, "from 1 to 5"),
        (("2", "--stars", 5, "--reject"), 2, "stand alone"),
        (("fox", "--stars", 5), 2, "ROWS"),
    ],
)
def test_what_cannot_be_marked_is_said(
    world: World, foxes: Path, words: tuple[object, ...], code: int, told: str
) -> None:
    first, *rest = words
    done = world.run("pick", first, foxes, *rest)
    assert (done.code, told in done.err) == (code, True), done.err
    assert picks(world, foxes) == [""] * 4


def test_marks_survive_an_edited_sheet_and_a_results_file_is_known(
    world: World, foxes: Path
) -> None:
    world.run("pick", "2", foxes, "--stars", 4)
    world.sheet("a.csv", ["id", "note", "prompt"], ["x2", "", "a dog"], ["x1", "new note", "a fox"])
    assert world.run("run", foxes, *PICTURE).posts == 0
    assert picks(world, foxes) == ["", "4"]
    results = world.workspace(foxes).folder / "results.csv"
    assert world.run("check", results).code == 0
    done = world.run("run", results, "-y")
    assert done.posts == 0
    with results.open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.reader(file)).count("result_pick") == 1


def test_picked_files_are_copied_whole_with_a_list(world: World, foxes: Path) -> None:
    assert world.run("export", foxes, "--picks", "chosen").code == 3
    world.run("pick", "2,4", foxes, "--stars", 5)
    world.run("pick", "3", foxes, "--reject")
    chosen = world.folder / "chosen"
    chosen.mkdir()
    files = world.workspace(foxes).files
    first, second = (name for name in sorted(world.files(foxes)) if name[0] in "24")
    (chosen / first).write_text("mine")
    done = world.run("export", foxes, "--picks", chosen)
    assert done.code == 0
    assert "Copied 2 files" in done.err
    numbered = f"{Path(first).stem} (2).png"
    assert (chosen / first).read_text() == "mine"
    assert (chosen / numbered).read_bytes() == (files / first).read_bytes()
    with (chosen / "picks.csv").open(encoding="utf-8-sig", newline="") as file:
        listed = list(csv.DictReader(file))
    assert [(one["result_row"], one["result_key"], one["result_pick"]) for one in listed] == [
        ("2", "x1", "5"),
        ("4", "x3", "5"),
    ]
    assert [one["result_files"] for one in listed] == [numbered, second]
    world.run("export", foxes, "--picks", chosen)
    assert len(list(chosen.iterdir())) == 4  # nothing twice


def test_a_damaged_file_is_not_handed_over(world: World, foxes: Path) -> None:
    world.run("pick", "2,3", foxes, "--stars", 5)
    first = world.workspace(foxes).files / min(world.files(foxes))
    first.write_bytes(first.read_bytes()[:-9])
    done = world.run("export", foxes, "--picks", "chosen")
    assert done.code == 7
    assert first.name in done.err
    assert not (world.folder / "chosen" / first.name).exists()


def test_a_list_of_the_page_is_taken_into_the_table(world: World, foxes: Path) -> None:
    listed = world.folder / "rowmill-picks.csv"
    name = sorted(world.files(foxes))[1]
    listed.write_text(
        "\ufeffresult_row,result_key,result_pick\r\n"
        f"2,x1,5\r\n3,x2,2 file {name}\r\n4,x3,rejected\r\n",
        encoding="utf-8",
    )
    assert world.run("pick", listed, foxes).code == 0
    assert picks(world, foxes) == ["5", "2 file 1", "rejected", ""]
    world.run("pick", "2-4", foxes, "--clear")
    assert world.run("export", foxes, "--picks", "chosen", "--from", listed).code == 0
    assert picks(world, foxes) == ["5", "2 file 1", "rejected", ""]
    assert len(list((world.folder / "chosen").glob("*.png"))) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("result_row,result_key\n2,x1\n", "no list of picks"),
        ("result_row,result_key,result_pick\n2,x1,six\n", "row 2"),
        ("result_row,result_key,result_pick\n2,nobody,5\n", "nobody"),
    ],
)
def test_a_list_that_is_none_changes_nothing(
    world: World, foxes: Path, text: str, told: str
) -> None:
    listed = world.folder / "list.csv"
    listed.write_text(text)
    done = world.run("pick", listed, foxes)
    assert (done.code, told in done.err) == (3, True), done.err
    assert picks(world, foxes) == [""] * 4


def test_a_new_version_becomes_the_result_only_where_nothing_is_picked(
    world: World, foxes: Path
) -> None:
    world.run("pick", "2", foxes, "--stars", 5)
    before = world.column(foxes, "result_files")
    assert world.run("retry", foxes, "--rows", "2,3", "--again", "-y").posts == 2
    after = world.column(foxes, "result_files")
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert picks(world, foxes) == ["5", "", "", ""]


def test_workbooks_name_the_column_in_chinese(world: World) -> None:
    sheet = world.prompts("b.csv", "a fox")
    world.run("run", sheet, *TEXT)
    world.run("pick", "2", sheet, "--stars", 3)
    out = world.folder / "b.xlsx"
    world.run("export", sheet, "-o", out, "--headers", "zh")
    lines = list(openpyxl.load_workbook(out).worksheets[0].iter_rows(values_only=True))
    assert lines[0][-1] == "结果_挑选"
    assert str(lines[1][-1]) == "3"


@pytest.mark.parametrize(
    "words", [("-o", "a.csv"), ("--new",), ("--only", "done"), ("--into-copy",)]
)
def test_picks_are_exported_alone(world: World, foxes: Path, words: tuple[str, ...]) -> None:
    done = world.run("export", foxes, "--picks", "chosen", *words)
    assert done.code == 2
    assert words[0] in done.err
