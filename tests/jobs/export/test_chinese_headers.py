"""Our headers and states in Chinese: written on request, and understood when read again."""

import csv
import json
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from jobs.export.shape import own_columns
from jobs.loading.columns import RESULT_COLUMNS
from jobs.sheet.reader import open_sheet
from jobs.sheet.result_names import CHINESE_STATES, chinese_name, result_name, state_name
from runner.catalogue.zh.views import VIEWS
from tests.jobs.export.test_shape import sheet as sheet_of
from tests.support.world import PICTURE, TEXT, World, workbook


def page_of(path: Path) -> Worksheet:
    found = openpyxl.load_workbook(path).worksheets[0]
    assert isinstance(found, Worksheet)
    return found


def heads(path: Path) -> list[object]:
    return [cell.value for cell in page_of(path)[1]]


def ran(world: World, *rows: str) -> Path:
    sheet = workbook(world.folder / "own.xlsx", ["prompt"], *([row] for row in rows))
    world.run("run", sheet, *TEXT)
    return sheet


@pytest.mark.parametrize("name", RESULT_COLUMNS)
def test_every_column_of_ours_has_a_chinese_name_that_leads_back(name: str) -> None:
    assert chinese_name(name) != name
    assert result_name(chinese_name(name)) == name


def test_states_are_worded_as_status_words_them() -> None:
    named = {state: word for state, word in CHINESE_STATES.items() if state != "pending"}
    assert named == {state: VIEWS[f"status.{state}"] for state in named}
    assert all(state_name(word) == state for state, word in CHINESE_STATES.items())


def test_a_workbook_has_chinese_headers_and_states(world: World) -> None:
    sheet = ran(world, "a cat")
    done = world.run("export", sheet, "--headers", "zh", "-o", "a.xlsx")
    assert done.code == 0, done.err
    assert heads(world.folder / "a.xlsx") == ["prompt", *map(chinese_name, RESULT_COLUMNS)]
    assert page_of(world.folder / "a.xlsx")["B2"].value == "完成"


def test_the_summary_counts_states_in_chinese(world: World) -> None:
    sheet = ran(world, "a cat")
    world.run("export", sheet, "--headers", "zh", "-o", "a.xlsx")
    summary = openpyxl.load_workbook(world.folder / "a.xlsx")["summary"]
    assert ("完成", 1) in {(line[0].value, line[1].value) for line in summary.iter_rows()}


def test_a_csv_has_chinese_headers_and_keeps_the_states_words(world: World) -> None:
    sheet = ran(world, "a cat")
    world.run("export", sheet, "--headers", "zh", "-o", "a.csv")
    with (world.folder / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["结果_状态"] == "done"


def test_json_lines_have_chinese_keys(world: World) -> None:
    sheet = ran(world, "a cat")
    world.run("export", sheet, "--headers", "zh", "-o", "a.jsonl")
    line = json.loads((world.folder / "a.jsonl").read_text())
    assert line["结果_状态"] == "done"


def test_defaults_set_the_headers_of_the_runs_own_results(world: World) -> None:
    world.settings('[defaults]\nheaders = "zh"\n', trusted=False)
    ran(world, "a cat")
    assert "结果_状态" in heads(world.folder / "own.rowmill" / "results.xlsx")


def test_a_copy_has_chinese_headers_and_states(world: World) -> None:
    sheet = workbook(world.folder / "own.xlsx", ["prompt"], ["a cat"])
    world.run("run", sheet, *PICTURE)
    done = world.run("export", sheet, "--headers", "zh", "--into-copy", "-o", "copy.xlsx")
    assert done.code == 0, done.err
    assert "could not be copied" not in done.err
    copy = page_of(world.folder / "copy.xlsx")
    assert [copy.cell(1, at).value for at in (2, 3, 4)] == ["结果_图片", "结果_链接", "结果_状态"]
    assert copy["D2"].value == "完成"
    assert len(copy._images) == 1


@pytest.mark.parametrize("ending", ["xlsx", "csv", "jsonl"])
def test_retry_takes_the_failed_rows_of_a_chinese_results_file(world: World, ending: str) -> None:
    world.mock({"bad": ["refusal"]})
    sheet = workbook(world.folder / "own.xlsx", ["prompt"], ["a cat"], ["a bad dog"])
    assert world.run("run", sheet, *PICTURE).code == 4
    path = world.folder / f"a.{ending}"
    world.run("export", sheet, "--headers", "zh", "-o", path)
    done = world.run("retry", sheet, "--from", path, "--class", "refused", "-y")
    assert done.code == 0, done.err
    assert done.posts == 1


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_a_chinese_results_file_is_no_sheet_to_be_run_again(world: World, ending: str) -> None:
    sheet = ran(world, "a cat")
    path = world.folder / f"again.{ending}"
    world.run("export", sheet, "--headers", "zh", "-o", path)
    done = world.run("run", path, *TEXT)
    assert done.code == 3
    assert "is a results file" in done.err


def test_old_results_with_chinese_headers_are_no_columns_of_the_user() -> None:
    ours = map(chinese_name, (*RESULT_COLUMNS, "result_picture", "result_link"))
    loaded = sheet_of("prompt", *ours, "结果文件")
    assert [loaded.headers[place] for place in own_columns(loaded)] == ["prompt", "结果文件"]


def test_a_safe_chinese_csv_loses_its_quotes_when_it_is_read(world: World) -> None:
    sheet = world.prompts("own.csv", "=1+1")
    world.run("run", sheet, *TEXT)
    path = world.folder / "safe.csv"
    world.run("export", sheet, "--headers", "zh", "--safe-csv", "-o", path)
    assert "'=1+1" in path.read_text(encoding="utf-8")
    assert [cells[0] for _, cells in open_sheet(path).rows()] == ["=1+1"]


def test_fields_may_be_named_in_chinese(world: World) -> None:
    sheet = ran(world, "a cat")
    done = world.run("export", sheet, "--fields", "结果_状态", "--headers", "zh", "-o", "a.csv")
    assert done.code == 0, done.err
    text = (world.folder / "a.csv").read_text(encoding="utf-8-sig")
    assert text.splitlines() == ["prompt,结果_状态", "a cat,done"]
