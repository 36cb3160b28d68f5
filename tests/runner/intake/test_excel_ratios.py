"""Ratios that Excel turned into times are sent as typed, with a finding."""

import datetime as dt
from pathlib import Path

import pytest

from runner.intake.excel_ratios import ratio_of
from tests.support.world import PICTURE, World, workbook


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("16:09:00", "16:9"),
        ("16:09", "16:9"),
        ("04:03:00", "4:3"),
        ("4:03", "4:3"),
        ("01:01:00", "1:1"),
        ("9:16", "9:16"),
        ("21:09:00", "21:9"),
        ("32:09:00", "32:9"),
        ("16:10:00", "16:10"),
        ("16：9", "16:9"),
        (" 16 : 9 ", "16:9"),
        ("1024x1024", None),
        ("auto", None),
        ("16:09:30", None),
        ("00:00:00", None),
        ("2.35:1", None),
    ],
)
def test_a_time_is_a_ratio_and_other_texts_are_left_alone(text: str, ratio: str | None) -> None:
    assert ratio_of(text) == ratio


def test_a_workbooks_times_are_sent_as_ratios_and_stay_in_the_users_column(world: World) -> None:
    world.mock()
    sheet = world.folder / "a.xlsx"
    workbook(sheet, ["prompt", "比例"], ["cat", dt.time(16, 9)], ["dog", "4:3"])
    checked = world.run("check", sheet, *PICTURE[:-1])
    assert '"aspect_ratio": "16:9"' in checked.out
    assert 'row 2, column 比例: 1 cell such as "16:09:00" is a ratio' in checked.out
    done = world.run("run", sheet, *PICTURE)
    assert done.code == 0, done.err
    assert "Excel took for a time; sent as 16:9" in done.err
    assert [row["比例"] for row in world.results(sheet)] == ["16:09:00", "4:3"]


def test_the_same_ratio_typed_or_damaged_is_one_request(world: World) -> None:
    world.mock()
    sheet = world.sheet("a.csv", ["id", "prompt", "ratio"], ["a", "cat", "16:9"])
    world.run("run", sheet, *PICTURE)
    world.sheet("a.csv", ["id", "prompt", "ratio"], ["a", "cat", "16:09:00"])
    assert world.run("run", sheet, "-y").posts == 0


def test_a_ratio_that_became_a_date_is_refused_by_row(world: World, tmp_path: Path) -> None:
    world.mock()
    sheet = world.folder / "a.xlsx"
    workbook(sheet, ["prompt", "size"], ["cat", dt.date(2026, 1, 2)])
    refused = world.run("run", sheet, *PICTURE)
    assert (refused.code, refused.posts) == (3, 0)
    assert "row 2, column size" in refused.err
    assert "a date" in refused.err
