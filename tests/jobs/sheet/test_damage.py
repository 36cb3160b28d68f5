"""Cells that Excel damaged are named by row and column, and never sent as if they were values."""

import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from jobs.sheet.reader import Sheet, SheetError, open_sheet
from runner.catalogue.findings import finding_text
from tests.support.world import TEXT, World


def book(path: Path, fill: Callable[[xlsxwriter.Workbook, object], None]) -> Path:
    workbook = xlsxwriter.Workbook(str(path))
    fill(workbook, workbook.add_worksheet())
    workbook.close()
    return path


def places_of(sheet: Sheet) -> dict[str, tuple[int | None, str | None]]:
    list(sheet.rows())
    return {one.kind: (one.row, one.column) for one in sheet.findings}


def page(path: Path, *rows: list[object], formats: dict[int, str] | None = None) -> Path:
    """A workbook of one tab; `formats` are number formats by column."""

    def fill(workbook: xlsxwriter.Workbook, sheet: object) -> None:
        styles = {
            column: workbook.add_format({"num_format": code})
            for column, code in (formats or {}).items()
        }
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                sheet.write(number, column, value, *([styles[column]] if column in styles else []))  # type: ignore[attr-defined]

    return book(path, fill)


def test_error_cells_are_told_and_spoil_only_rows_that_need_them(tmp_path: Path) -> None:
    def fill(_: xlsxwriter.Workbook, sheet: object) -> None:
        sheet.write_row(0, 0, ["prompt", "note"])  # type: ignore[attr-defined]
        sheet.write_row(1, 0, ["a cat"])  # type: ignore[attr-defined]
        sheet.write_formula(1, 1, "=NA()", None, "#N/A")  # type: ignore[attr-defined]
        sheet.write_formula(2, 0, "=A99/0", None, "#DIV/0!")  # type: ignore[attr-defined]

    sheet = open_sheet(book(tmp_path / "a.xlsx", fill))
    sheet.needed = frozenset({0})
    assert list(sheet.rows()) == [(2, ["a cat", "#N/A"]), (3, ["#DIV/0!", ""])]
    found = [(one.kind, one.row, one.column) for one in sheet.findings]
    assert found == [("error_cells", 2, "note"), ("error_cell", 3, "prompt")]


def test_formulas_that_were_never_calculated_are_an_error_where_needed(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    for row in (["id", "prompt"], ["a", '="a "&"cat"'], ["b", "a dog"]):
        workbook.active.append(row)
    workbook.save(tmp_path / "a.xlsx")
    sheet = open_sheet(tmp_path / "a.xlsx")
    assert places_of(sheet) == {
        "never_calculated_cells": (2, "prompt"),
        "never_calculated": (2, "prompt"),
    }


@pytest.mark.parametrize("word", ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?"])
def test_the_same_texts_in_a_csv_are_never_sent(world: World, word: str) -> None:
    world.mock()
    sheet = world.sheet("a.csv", ["id", "prompt", "note"], ["a", "a cat", word], ["b", word, ""])
    refused = world.run("run", sheet, *TEXT)
    assert (refused.code, refused.posts) == (3, 0)
    assert "row 3, column prompt: this cell holds an Excel error" in refused.err
    done = world.run("run", sheet, *TEXT, "--skip-bad")
    assert (done.code, done.posts) == (4, 1)
    assert [row["note"] for row in world.results(sheet)] == [word, ""]


def test_a_hash_alone_is_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("prompt\n#N/A as a title on a poster\n#art\n")
    assert places_of(open_sheet(path)) == {}


def test_rounded_ids_and_seeds_are_refused_in_both_kinds_of_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,prompt,seed\n1.23457E+18,cat,5\nx,1.5E+10 stars,6\n")
    assert places_of(open_sheet(path)) == {"rounded": (2, "id")}
    rows: list[list[object]] = [["id", "prompt", "seed"], ["a", "cat", 12345678901234567890]]
    assert places_of(open_sheet(page(tmp_path / "a.xlsx", *rows))) == {
        "rounded_cells": (2, "seed"),
        "rounded": (2, "seed"),
    }


def test_hidden_rows_and_columns_are_told(tmp_path: Path) -> None:
    def fill(_: xlsxwriter.Workbook, sheet: object) -> None:
        for row in range(6):
            sheet.write_row(row, 0, ["prompt", "style"] if row == 0 else [f"cat {row}", "x"])  # type: ignore[attr-defined]
        sheet.set_row(3, None, None, {"hidden": True})  # type: ignore[attr-defined]
        sheet.set_column(1, 1, None, None, {"hidden": True})  # type: ignore[attr-defined]

    sheet = open_sheet(book(tmp_path / "a.xlsx", fill))
    assert places_of(sheet) == {"hidden_rows": (4, None), "hidden_columns": (None, "style")}
    assert len(list(sheet.rows())) == 5


def test_merged_cells_count_for_each_of_their_rows(tmp_path: Path) -> None:
    def fill(_: xlsxwriter.Workbook, sheet: object) -> None:
        for row, cells in enumerate([["id", "prompt"], ["a", ""], ["b", ""], ["c", "x"], ["", ""]]):
            sheet.write_row(row, 0, cells)  # type: ignore[attr-defined]
        sheet.merge_range(1, 1, 2, 1, "a cat")  # type: ignore[attr-defined]
        sheet.merge_range(3, 1, 4, 1, "x")  # type: ignore[attr-defined]

    sheet = open_sheet(book(tmp_path / "a.xlsx", fill))
    expected = [(2, ["a", "a cat"]), (3, ["b", "a cat"]), (4, ["c", "x"])]
    assert list(sheet.rows()) == expected
    assert list(sheet.rows()) == expected
    assert places_of(sheet) == {"merged": (2, "prompt")}


@pytest.mark.parametrize(
    ("value", "code", "shown", "read"),
    [
        (7, "000", "007", "7"),
        (0.125, "0.0%", "12.5%", "0.125"),
        (dt.datetime(2026, 11, 23), 'yyyy"年"m"月"d"日"', 'yyyy"年"m"月"d"日"', "2026-11-23"),  # noqa: DTZ001 - Excel knows no zones
        (1234567, "#,##0", "#,##0", "1234567"),
    ],
)
def test_a_format_that_shows_something_else_is_told(
    tmp_path: Path, value: object, code: str, shown: str, read: str
) -> None:
    rows: list[list[object]] = [["prompt", "x"], ["a cat", value], ["a dog", value]]
    sheet = open_sheet(page(tmp_path / "a.xlsx", *rows, formats={1: code}))
    (finding,) = sheet.findings
    assert (finding.kind, finding.row, finding.column) == ("shown_otherwise", 2, "x")
    assert f"shown as {shown}, read as {read}; 2 cells" in finding_text(finding).message


@pytest.mark.parametrize("code", ["0", "@", "General", "#"])
def test_a_format_that_shows_the_number_itself_is_not(tmp_path: Path, code: str) -> None:
    rows: list[list[object]] = [["prompt", "x"], ["a cat", 42]]
    sheet = open_sheet(page(tmp_path / "a.xlsx", *rows, formats={1: code}))
    assert sheet.findings == []


@pytest.mark.parametrize("since_1904", [False, True])
def test_dates_are_the_same_days_in_both_calendars(tmp_path: Path, *, since_1904: bool) -> None:
    workbook = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"), {"date_1904": since_1904})
    sheet = workbook.add_worksheet()
    sheet.write_row(0, 0, ["prompt", "day"])
    style = workbook.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write(1, 0, "a cat")
    sheet.write_datetime(1, 1, dt.datetime(2026, 11, 23), style)  # noqa: DTZ001 - as above
    workbook.close()
    assert list(open_sheet(tmp_path / "a.xlsx").rows()) == [(2, ["a cat", "2026-11-23"])]


def test_a_stray_cell_far_away_is_named_and_fills_no_memory(tmp_path: Path) -> None:
    path = page(tmp_path / "a.xlsx", ["prompt"], ["a cat"])
    workbook = openpyxl.load_workbook(path)
    workbook.active["XFD1048576"] = "x"
    workbook.save(path)
    with pytest.raises(SheetError) as caught:
        open_sheet(path)
    (finding,) = caught.value.findings
    assert finding.kind == "far_cell"
    assert "XFD1048576" in finding_text(finding).message


def rezipped(path: Path, change: Callable[[str, bytes], bytes], **extra: bytes) -> Path:
    """The workbook with some parts replaced or added."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, change(name, content))
        for name, content in extra.items():
            archive.writestr(name.replace("__", "/") + ".xml", content)
    return path


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
)


@pytest.mark.parametrize(
    "part", ["xl/worksheets/sheet1.xml", "xl/styles.xml", "[Content_Types].xml"]
)
def test_a_part_that_declares_entities_is_refused_unread(tmp_path: Path, part: str) -> None:
    path = page(tmp_path / "a.xlsx", ["prompt"], ["a cat"])
    rezipped(path, lambda name, content: BOMB if name == part else content)
    with pytest.raises(SheetError) as caught:
        open_sheet(path)
    assert [(one.kind, one.found) for one in caught.value.findings] == [("unsafe_xml", part)]


def test_an_entity_behind_utf16_is_refused_too(tmp_path: Path) -> None:
    path = page(tmp_path / "a.xlsx", ["prompt"], ["a cat"])
    rezipped(path, lambda _, content: content, xl__evil=BOMB.decode().encode("utf-16"))
    with pytest.raises(SheetError, match="unsafe_xml"):
        open_sheet(path)


def test_the_same_name_twice_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = page(tmp_path / "a.xlsx", ["prompt"], ["a cat"])
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"<worksheet/>")
    with pytest.raises(SheetError, match="unsafe_workbook"):
        open_sheet(path)


def test_a_part_larger_than_the_directory_says_is_refused(tmp_path: Path) -> None:
    path = page(tmp_path / "a.xlsx", ["prompt"], ["a cat" * 2_000])
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("xl/sharedStrings.xml")
    at = content.rindex(b"xl/sharedStrings.xml") - 46
    assert content[at : at + 4] == b"PK\x01\x02"
    content[at + 24 : at + 28] = (entry.file_size // 4).to_bytes(4, "little")
    path.write_bytes(bytes(content))
    with pytest.raises(SheetError, match=r"damaged_workbook|unsafe_workbook"):
        open_sheet(path)
