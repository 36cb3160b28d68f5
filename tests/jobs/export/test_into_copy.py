"""Results go into a copy of the user's workbook, and the rest of the copy is unchanged."""

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from PIL import Image
from python_calamine import CalamineWorkbook
from xlsxwriter import Workbook

from jobs.loading.columns import RESULT_COLUMNS
from tests.support.world import PICTURE, TEXT, World, workbook

PROMPTS = ("a red fox", "一只猫 🐱", "=1+1", "_x0041_ and\r\na second line")


def rich_workbook(path: Path, *, macros: bool = False) -> Path:
    """A workbook with two dozen features that people use in theirs."""
    book = Workbook(str(path))
    page = book.add_worksheet("任务")
    head = book.add_format({"bold": True, "bg_color": "#FFD966", "border": 1})
    page.merge_range("A1:D1", "Winter campaign", head)  # 1 merged cells, 2 a title row
    page.write_row("A3", ["编号", "prompt", "price", "note"], head)  # 3 styles
    for place, prompt in enumerate(PROMPTS):
        page.write_row(3 + place, 0, [f"00{place}"])
        page.write_string(3 + place, 1, prompt)
        page.write_number(3 + place, 2, 12.5 + place, book.add_format({"num_format": "0.00"}))
        page.write_formula(3 + place, 3, f"=C{4 + place}*2", None, 25 + 2 * place)  # 4 cached
    page.write_rich_string("E4", "plain ", book.add_format({"bold": True}), "bold")  # 5 rich text
    page.conditional_format("C4:C7", {"type": "data_bar", "data_bar_2010": True})  # 6, 7
    page.data_validation("E5:E7", {"validate": "list", "source": ["a", "b"]})  # 8
    page.write_comment("B4", "who wrote this?")  # 9
    drawn = io.BytesIO()
    Image.new("RGB", (400, 200), "#3366CC").save(drawn, "PNG")
    png = drawn.getvalue()
    page.insert_image("G9", "logo.png", {"image_data": io.BytesIO(png), "x_scale": 0.1})  # 10
    page.embed_image("E6", "cell.png", {"image_data": io.BytesIO(png)})  # 11 picture in a cell
    chart = book.add_chart({"type": "column"})
    chart.add_series({"values": "=任务!$C$4:$C$7"})
    page.insert_chart("G10", chart)  # 12
    page.insert_textbox("A12", "look here")  # 13
    page.add_sparkline("F4", {"range": "任务!C4:C7"})  # 14
    page.insert_checkbox("E7", True)  # 15
    page.freeze_panes(3, 1)  # 16
    page.autofilter("A3:D7")  # 17
    page.set_header("&CWinter")  # 18 page setup
    page.print_area("A1:E7")
    page.write_url("E3", "https://example.com/", string="link")  # 19
    book.define_name("Prices", "=任务!$C$4:$C$7")  # 20
    table = book.add_worksheet("table")
    table.add_table("A1:B3", {"data": [["x", 1], ["y", 2]]})  # 21
    book.add_worksheet("hidden").hide()  # 22
    book.add_worksheet("secret").very_hidden()  # 23
    book.set_custom_property("campaign", "winter")  # 24
    if macros:
        book.add_vba_project(io.BytesIO(b"\xd0\xcf\x11\xe0 a macro"), is_stream=True)  # 25
        book.set_vba_name("ThisWorkbook")
    book.close()
    with zipfile.ZipFile(path, "a") as archive:  # 26, 27: parts that other programs write
        archive.writestr("customXml/item1.xml", "<data xmlns='urn:x'>kept</data>")
        archive.writestr("xl/pivotCache/pivotCacheDefinition1.xml", "<pivotCacheDefinition/>")
    return path


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def cells(path: Path, tab: str) -> list[list[Any]]:
    return list(CalamineWorkbook.from_path(path).get_sheet_by_name(tab).to_python())


@pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")  # what openpyxl would drop
@pytest.mark.parametrize("ending", ["xlsx", "xlsm"])
def test_a_rich_workbook_comes_back_with_one_part_changed(world: World, ending: str) -> None:
    sheet = rich_workbook(world.folder / f"own.{ending}", macros=ending == "xlsm")
    before = sheet.read_bytes()
    done = world.run("run", sheet, *TEXT)
    assert done.code == 0, done.err
    copy = world.folder / f"copy.{ending}"
    exported = world.run("export", sheet, "--into-copy", "-o", copy)
    assert exported.code == 0, exported.err
    assert "could not be copied" not in exported.err
    assert sheet.read_bytes() == before
    old, new = parts(sheet), parts(copy)
    assert list(old) == list(new)
    changed = [name for name in old if old[name] != new[name]]
    assert changed == ["xl/worksheets/sheet1.xml"]
    # In that one part, only our cells were added.
    ours = re.compile(rb'<c r="[A-Z]+\d+"(?: s="\d+")? t="inlineStr">.*?</c>|<c r="[A-Z]+\d+"><v>')
    assert len(ours.findall(new[changed[0]])) > 4 * 8
    tail = old[changed[0]].partition(b"</sheetData>")[2]
    assert new[changed[0]].endswith(tail)
    own, got = cells(sheet, "任务"), cells(copy, "任务")
    width = len(own[0])
    assert [row[:width] for row in got] == own
    heads = [value for value in got[2] if value][-len(RESULT_COLUMNS) :]
    assert heads == list(RESULT_COLUMNS)
    status = got[2].index("result_status")
    assert [row[status] for row in got[3:7]] == ["done"] * 4
    book = openpyxl.load_workbook(copy, keep_vba=ending == "xlsm")
    formulas = [c.coordinate for line in book["任务"] for c in line if c.data_type == "f"]
    assert formulas == ["D4", "D5", "D6", "D7"]
    book.close()


def test_our_columns_stand_right_of_charts_and_nothing_is_covered(world: World) -> None:
    sheet = rich_workbook(world.folder / "own.xlsx")
    world.run("run", sheet, *TEXT)
    world.run("export", sheet, "--into-copy", "-o", "copy.xlsx")
    got = cells(world.folder / "copy.xlsx", "任务")
    assert got[2].index("result_status") >= 13  # the chart ends above column N


def test_a_sheet_that_changed_since_gets_a_new_workbook_and_a_reason(world: World) -> None:
    sheet = workbook(world.folder / "own.xlsx", ["prompt"], ["a cat"])
    world.run("run", sheet, *TEXT)
    workbook(sheet, ["prompt"], ["a dog"], ["a cat"])
    exported = world.run("export", sheet, "--into-copy", "-o", "copy.xlsx")
    assert exported.code == 0
    assert "has changed since it was loaded" in exported.err
    rows = openpyxl.load_workbook(world.folder / "copy.xlsx").worksheets[0]
    assert rows["A2"].value == "a cat"


@pytest.mark.parametrize(
    ("pattern", "by", "reason"),
    [
        (rb'<c r="[A-Z]+\d+"', b"<c", "do not say where"),
        (rb'<row r="\d+"', b"<row", "do not say which"),
        (rb"<sheetData>", b"<!-- a --><sheetData>", "unusual"),
        (rb"(</?)(sheetData|row|c|v|is|t|worksheet)\b", rb"\1x:\2", "unusual"),
    ],
)
def test_a_sheet_that_is_written_oddly_gets_a_new_workbook_and_a_reason(
    world: World, pattern: bytes, by: bytes, reason: str
) -> None:
    plain = workbook(world.folder / "plain.xlsx", ["prompt"], ["a cat"])
    sheet = world.folder / "own.xlsx"
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(sheet, "w") as new:
        for name in old.namelist():
            raw = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                raw = re.sub(pattern, by, raw).replace(b'xmlns="', b'xmlns:x="', b":row" in by)
                if b"x:" in by or rb"x:" in by:
                    raw = raw.replace(b'<x:worksheet xmlns="', b'<x:worksheet xmlns:x="')
            new.writestr(name, raw)
    plain.unlink()
    assert world.run("run", sheet, *TEXT).code == 0
    exported = world.run("export", sheet, "--into-copy", "-o", "copy.xlsx")
    assert exported.code == 0, exported.err
    assert reason in exported.err
    assert cells(world.folder / "copy.xlsx", "results")[1][0] == "a cat"


def test_what_cannot_be_a_copy_is_said_before_anything_is_written(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    assert world.run("export", sheet, "--into-copy").code == 2
    assert world.run("export", sheet, "--into-copy", "-o", "a.pdf").code == 2
    assert world.run("export", sheet, "--thumbs", "-o", "b.csv").code == 2
    exported = world.run("export", sheet, "--into-copy", "-o", "b.xlsx")
    assert exported.code == 0
    assert "no .xlsx" in exported.err


def test_the_users_own_workbook_is_never_the_target(world: World) -> None:
    sheet = workbook(world.folder / "own.xlsx", ["prompt"], ["a cat"])
    before = sheet.read_bytes()
    world.run("run", sheet, *PICTURE)
    exported = world.run("export", sheet, "--into-copy", "-o", sheet)
    assert exported.code == 0, exported.err
    assert sheet.read_bytes() == before
    assert len(list(world.folder.glob("own *.xlsx"))) == 1


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_opens_the_copy_and_reads_every_cell(world: World) -> None:
    sheet = rich_workbook(world.folder / "own.xlsx")
    world.run("run", sheet, *TEXT)
    world.run("export", sheet, "--into-copy", "-o", "copy.xlsx")
    words = ["soffice", f"-env:UserInstallation=file://{world.folder.parent}/office"]
    words += ["--headless", "--convert-to", "ods", "--outdir", str(world.folder / "out")]
    subprocess.run([*words, "copy.xlsx"], check=True, capture_output=True, timeout=100)
    got = cells(world.folder / "out" / "copy.ods", "任务")
    status = got[2].index("result_status")
    assert [row[status] for row in got[3:7]] == ["done"] * 4
    assert got[5][1] == "=1+1"


def test_a_workbook_with_a_damaged_picture_gets_a_new_workbook_and_a_reason(world: World) -> None:
    sheet = workbook(world.folder / "own.xlsx", ["prompt"], ["a cat"])
    with zipfile.ZipFile(sheet, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image9.png", b"a picture " * 500)
        entry = archive.getinfo("xl/media/image9.png")
    raw = bytearray(sheet.read_bytes())
    begin = entry.header_offset + 30 + len(entry.filename)
    raw[begin : begin + 8] = b"\xff" * 8  # compressed data never starts with these bytes
    sheet.write_bytes(raw)
    assert world.run("run", sheet, *TEXT).code == 0
    exported = world.run("export", sheet, "--into-copy", "-o", "copy.xlsx")
    assert exported.code == 0, exported.err
    assert "cannot be taken apart" in exported.err
    assert cells(world.folder / "copy.xlsx", "results")[1][0] == "a cat"
