"""`rowmill errors` groups failures by cause and writes the workbook in which rows are corrected."""

from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.support.world import PICTURE, TEXT, World

REFUSED = {"bad": ["refusal"] * 9}


def fixes(path: Path) -> list[dict[str, Any]]:
    """The rows of a fixes workbook."""
    book = openpyxl.load_workbook(path)
    lines = list(book["fixes"].iter_rows(values_only=True))
    book.close()
    return [dict(zip(map(str, lines[0]), line, strict=True)) for line in lines[1:]]


def correct(path: Path, header: str, changes: dict[int, str]) -> None:
    """Change one column of some rows, as a person does in Excel."""
    book = openpyxl.load_workbook(path)
    page = book["fixes"]
    names = [cell.value for cell in page[1]]
    for line in page.iter_rows(min_row=2):
        row = line[names.index("result_row")].value
        if row in changes:
            line[names.index(header)].value = changes[row]
    book.save(path)
    book.close()


def test_failures_are_grouped_by_cause_with_meaning_remedy_and_command(world: World) -> None:
    world.mock({**REFUSED, "page": ["html"] * 2})
    sheet = world.prompts("a.csv", "a bad cat", "a bad dog", "a page", "an owl")
    assert world.run("run", sheet, *PICTURE).code == 4
    told = world.run("errors", sheet)
    assert told.code == 0
    first, second = told.out.index("2 × refused"), told.out.index("1 × no_result · html")
    assert first < second
    assert "2, 3" in told.out
    assert "rowmill errors a.csv --export fixes.xlsx" in told.out
    found = world.run("errors", sheet, "--json").json
    assert found["schema"] == 1
    groups = {group["class"]: group for group in found["failures"]}
    assert groups["refused"]["rows"] == 2
    assert groups["refused"]["first_rows"] == [2, 3]
    assert groups["refused"]["words"]
    assert groups["no_result"]["command"] == "rowmill retry a.csv"
    assert "退" not in told.out
    chinese = world.run("errors", sheet, "--lang", "zh")
    assert "服务商" in chinese.out


def test_a_sheet_without_failures_says_so(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *PICTURE)
    assert "no row failed" in world.run("errors", sheet).out
    nothing = world.run("errors", sheet, "--export", "fixes.xlsx")
    assert nothing.code == 0
    assert not (world.folder / "fixes.xlsx").exists()


def test_the_fixes_hold_refused_and_invalid_rows_with_reason_words_and_all_cells(
    world: World,
) -> None:
    world.mock(REFUSED)
    sheet = world.sheet(
        "a.csv",
        ["prompt", "size", "note", "note"],
        ["a bad cat", "512x512", "=1+1", "007"],
        ["a dog", "512x512", "x", "y"],
        ["", "512x512", "no prompt", ""],
    )
    assert world.run("run", sheet, *PICTURE, "--skip-bad").code == 4
    done = world.run("errors", sheet, "--export", "fixes.xlsx")
    assert done.code == 0, done.err
    refused, invalid = fixes(world.folder / "fixes.xlsx")
    assert (refused["result_row"], refused["result_error_class"]) == (2, "refused")
    assert refused["prompt"] == "a bad cat"
    assert refused["result_key"] == world.results(sheet)[0]["result_key"]
    assert refused["result_error"]
    assert "rejected" in refused["result_reason"]
    assert (invalid["result_row"], invalid["result_error_class"]) == (4, "bad_input")
    assert "expected" in invalid["result_error"]
    book = openpyxl.load_workbook(world.folder / "fixes.xlsx")
    row = [cell.value for cell in book["fixes"][2]]
    assert row[-4:] == ["a bad cat", "512x512", "=1+1", "007"]
    assert all(cell.data_type != "f" for line in book["fixes"] for cell in line)
    book.close()
    assert world.run("errors", sheet, "--export", "fixes.csv").code == 2


def test_corrected_rows_run_and_stay_corrected_though_the_sheet_is_never_changed(
    world: World,
) -> None:
    world.mock(REFUSED)
    sheet = world.prompts("a.csv", "a bad cat", "a bad dog", "an owl")
    before = sheet.read_bytes()
    world.run("run", sheet, *PICTURE)
    keys = world.column(sheet, "result_key")
    world.run("errors", sheet, "--export", "fixes.xlsx")
    correct(world.folder / "fixes.xlsx", "prompt", {2: "a good cat"})
    done = world.run("retry", sheet, "--from", "fixes.xlsx", "-y")
    assert (done.code, done.posts) == (4, 1), done.err
    assert "1 of 2 rows corrected" in done.err
    assert world.column(sheet) == ["done", "failed", "done"]
    assert world.column(sheet, "result_key") == keys
    assert world.column(sheet, "prompt") == ["a bad cat", "a bad dog", "an owl"]
    assert '"edited":{"prompt":"a good cat"}' in world.column(sheet, "result_data")[0]
    assert sheet.read_bytes() == before
    # The correction survives a plain run, and a run that reads a changed sheet.
    assert world.run("run", sheet).posts == 0
    world.sheet("a.csv", ["prompt", "note"], ["a bad cat", "n"], ["a bad dog", ""], ["an owl", ""])
    again = world.run("run", sheet)
    assert (again.code, again.posts) == (4, 0), again.err
    assert world.column(sheet) == ["done", "failed", "done"]
    # An edit of the sheet overrides the correction of its cell.
    world.prompts("a.csv", "a fine cat", "a bad dog", "an owl")
    assert world.run("run", sheet, "-y").posts == 1
    world.prompts("a.csv", "a bad cat", "a bad dog", "an owl")
    back = world.run("run", sheet, "-y")
    assert (back.code, back.posts) == (4, 0), back.err


def test_a_chinese_workbook_of_corrections_is_read_as_the_english_one(world: World) -> None:
    world.mock(REFUSED)
    sheet = world.prompts("a.csv", "a bad cat", "a bad dog")
    world.run("run", sheet, *PICTURE)
    world.run("errors", sheet, "--export", "fixes.xlsx", "--lang", "zh")
    book = openpyxl.load_workbook(world.folder / "fixes.xlsx")
    page = book["改正"]
    assert page["A1"].value == "结果_行号"
    assert page["F2"].value == "a bad cat"
    page["F2"].value = "a good cat"
    book.save(world.folder / "fixes.xlsx")
    done = world.run("retry", sheet, "--from", "fixes.xlsx", "-y")
    assert (done.code, done.posts) == (4, 1), done.err
    assert "1 of 2 rows corrected" in done.err


def test_an_edit_of_a_row_with_an_id_gives_way_to_the_sheet(world: World) -> None:
    world.mock(REFUSED)
    rows = [["x", "a bad cat"], ["y", "an owl"]]
    sheet = world.sheet("a.csv", ["id", "prompt"], *rows)
    world.run("run", sheet, *PICTURE)
    world.run("errors", sheet, "--export", "fixes.xlsx")
    correct(world.folder / "fixes.xlsx", "prompt", {2: "a good cat"})
    assert world.run("retry", sheet, "--from", "fixes.xlsx", "-y").code == 0
    world.sheet("a.csv", ["id", "prompt"], ["x", "a nice cat"], ["y", "an owl"])
    assert world.run("run", sheet, "-y").posts == 1
    # With the old cell restored, the row is the refused request again, without the correction.
    world.sheet("a.csv", ["id", "prompt"], *rows)
    last = world.run("run", sheet, "-y", "--rebuy")
    assert (last.code, last.posts) == (4, 0), last.err
    assert world.column(sheet) == ["failed", "done"]


def test_of_true_duplicates_only_the_corrected_one_changes(world: World) -> None:
    world.mock({"bad": ["refusal"] * 9})
    sheet = world.prompts("a.csv", "a bad cat", "a bad cat", "a bad cat")
    world.run("run", sheet, *PICTURE)
    keys = world.column(sheet, "result_key")
    world.run("errors", sheet, "--export", "fixes.xlsx")
    correct(world.folder / "fixes.xlsx", "prompt", {3: "a good cat"})
    done = world.run("retry", sheet, "--from", "fixes.xlsx", "-y")
    assert (done.code, done.posts) == (4, 1), done.err
    assert world.column(sheet) == ["failed", "done", "failed"]
    assert world.column(sheet, "result_key") == keys


def test_a_refused_correction_can_be_corrected_again_and_taken_back(world: World) -> None:
    world.mock({"bad": ["refusal"] * 9})
    sheet = world.prompts("a.csv", "a bad cat")
    world.run("run", sheet, *PICTURE)
    for place, words in enumerate(("a bad dog", "a bad cat")):
        target = f"fixes{place}.xlsx"
        world.run("errors", sheet, "--export", target)
        correct(world.folder / target, "prompt", {2: words})
        assert world.run("retry", sheet, "--from", target, "-y").code == 4
    assert world.column(sheet, "result_data") == [""]
    assert len(world.calls) == 2  # the first refusal is reused, not paid again


def test_an_invalid_row_is_mended_in_the_fixes(world: World) -> None:
    rows = [["a cat", "many"], ["a dog", ""], ["an owl", "none"]]
    sheet = world.sheet("a.csv", ["prompt", "n"], *rows)
    world.run("run", sheet, *PICTURE, "--skip-bad")
    world.run("errors", sheet, "--export", "fixes.xlsx")
    correct(world.folder / "fixes.xlsx", "n", {2: "1"})
    done = world.run("retry", sheet, "--from", "fixes.xlsx", "-y")
    assert (done.code, done.posts) == (4, 1), done.err
    assert world.column(sheet) == ["done", "done", "failed"]


def test_without_a_yes_nothing_is_sent_for_corrected_rows(world: World) -> None:
    world.mock(REFUSED)
    sheet = world.prompts("a.csv", "a bad cat")
    world.run("run", sheet, *PICTURE)
    world.run("errors", sheet, "--export", "fixes.xlsx")
    correct(world.folder / "fixes.xlsx", "prompt", {2: "a good cat"})
    refused = world.run("retry", sheet, "--from", "fixes.xlsx")
    assert (refused.code, refused.posts) == (3, 0)


def test_a_results_file_names_its_failed_rows_that_may_succeed(world: World) -> None:
    world.mock({"bad": ["refusal"] * 2, "page": ["html"] * 2})
    sheet = world.prompts("a.csv", "a bad cat", "a page", "an owl")
    world.run("run", sheet, *PICTURE)
    results = world.workspace(sheet).folder / "results.csv"
    done = world.run("retry", sheet, "--from", results, "-y")
    assert (done.code, done.posts) == (4, 1), done.err
    assert world.column(sheet) == ["failed", "done", "done"]
    named = world.run("retry", sheet, "--from", results, "--class", "refused", "-y")
    assert (named.code, named.posts) == (4, 1), named.err


def test_a_results_file_names_its_failed_rows_unless_again_or_a_class_says_more(
    world: World,
) -> None:
    world.mock({"wolf": ["empty_choices"] * 2, "dog": ["cut", "cut"]})
    sheet = world.prompts("a.csv", "a fox", "a dog", "a wolf", "a cow")
    world.run("run", sheet, *TEXT)
    results = world.workspace(sheet).folder / "results.csv"
    lines = results.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    mine = world.folder / "mine.csv"
    mine.write_text("".join(lines[:4]), encoding="utf-8")  # without the cow
    doubt = world.run("retry", sheet, "--from", mine, "--class", "in_doubt", "-y")
    assert (doubt.code, doubt.posts) == (4, 1), doubt.err
    assert world.run("retry", sheet, "--from", mine, "-y").posts == 1
    again = world.run("retry", sheet, "--from", mine, "--again", "-y")
    assert (again.code, again.posts) == (0, 3), again.err


def test_ticked_rows_go_back_whatever_failed_and_again_repeats_them(world: World) -> None:
    world.mock({"bad": ["refusal"] * 1})
    sheet = world.sheet("a.csv", ["id", "prompt"], ["=a", "a bad cat"], ["b", "an owl"])
    world.run("run", sheet, *PICTURE)
    ticks = world.folder / "rowmill-rows.csv"
    ticks.write_text("result_row,result_key\n2,=a\n3,b\n")
    done = world.run("retry", sheet, "--from", ticks, "-y")
    assert (done.code, done.posts) == (0, 1), done.err
    ticks.write_text("result_row,result_key\n3,b\n")
    anew = world.run("retry", sheet, "--from", ticks, "--again", "-y")
    assert (anew.code, anew.posts) == (0, 1), anew.err
    assert any("_v2" in name for name in world.files(sheet))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("row,key\n2,x\n", ("no column result_key",)),
        ("result_row,result_key\n2,nobody\n", ("row 2 of the file", "nobody")),
    ],
)
def test_a_file_that_names_no_rows_of_this_sheet_changes_nothing(
    world: World, text: str, words: tuple[str, ...]
) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *PICTURE)
    (world.folder / "rows.csv").write_text(text)
    refused = world.run("retry", sheet, "--from", "rows.csv", "-y")
    assert (refused.code, refused.posts) == (3, 0)
    assert all(word in refused.err for word in words), refused.err
    assert "Traceback" not in refused.err
    assert world.run("retry", sheet, "--from", "rows.csv", "--rows", "2").code == 2


def test_corrected_rows_wait_while_a_run_is_going_on(world: World) -> None:
    world.mock(REFUSED)
    sheet = world.prompts("a.csv", "a bad cat", "an owl")
    world.run("run", sheet, *PICTURE)
    world.run("errors", sheet, "--export", "fixes.xlsx")
    correct(world.folder / "fixes.xlsx", "prompt", {2: "a good cat"})
    lock = world.workspace(sheet).hold()
    try:
        beside = world.run("retry", sheet, "--from", "fixes.xlsx", "-y")
    finally:
        lock.release()
    assert (beside.code, beside.posts) == (0, 0)
    assert "1 corrected row waits" in beside.err
    assert world.run("retry", sheet, "--from", "fixes.xlsx", "-y").posts == 1


def test_rows_in_doubt_are_counted_beside_the_failed_ones(world: World) -> None:
    world.mock({"cat": ["cut", "cut"], "dog": ["refusal"] * 9})
    sheet = world.prompts("a.csv", "a cat", "a dog", "a fox")
    assert world.run("run", sheet, *PICTURE).code == 4
    standing = world.standing(sheet)
    assert (standing["failed"], standing["in_doubt"]) == (1, 1)
    assert "1 row failed · 1 in doubt" in world.run("errors", sheet).out
