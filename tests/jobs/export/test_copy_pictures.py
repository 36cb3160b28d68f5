"""A copy of the user's workbook shows the first picture of a row and links to all its files."""

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import openpyxl
import pytest
from PIL import Image
from xlsxwriter import Workbook

from tests.jobs.export.test_into_copy import PROMPTS, cells, parts, rich_workbook
from tests.support.world import PICTURE, TEXT, World, workbook

R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
SHEET = "xl/worksheets/sheet1.xml"


def copied(world: World, sheet: Path, *more: str) -> Path:
    done = world.run("run", sheet, *PICTURE)
    assert done.code == 0, done.err
    copy = world.folder / f"copy{sheet.suffix}"
    exported = world.run("export", sheet, "--into-copy", *more, "-o", copy)
    assert exported.code == 0, exported.err
    assert "could not be copied" not in exported.err
    return copy


def column(page: Any, name: str, *, row: int = 1) -> int:
    return next(int(cell.column) for cell in page[row] if cell.value == name)


def test_each_row_has_its_picture_in_a_cell_of_its_own(world: World) -> None:
    sheet = workbook(world.folder / "own.xlsx", ["prompt"], ["a cat"], ["a dog"])
    page = openpyxl.load_workbook(copied(world, sheet)).worksheets[0]
    at = column(page, "result_picture")
    spots = [(one.anchor._from.row + 1, one.anchor._from.col + 1) for one in page._images]
    assert spots == [(2, at), (3, at)]
    assert [one.anchor.to.row + 1 for one in page._images] == [2, 3]
    assert page.cell(2, at).value is None


def test_a_picture_in_the_copy_is_the_rows_thumbnail(world: World) -> None:
    sheet = workbook(world.folder / "own.xlsx", ["prompt"], ["a cat"])
    page = openpyxl.load_workbook(copied(world, sheet)).worksheets[0]
    thumb = next((world.folder / "own.rowmill" / "thumbs").iterdir())
    assert page._images[0]._data() == thumb.read_bytes()


def test_a_picture_keeps_its_shape_and_fits_its_row(world: World) -> None:
    sheet = workbook(world.folder / "own.xlsx", ["prompt"], ["a cat"])
    page = openpyxl.load_workbook(copied(world, sheet)).worksheets[0]
    anchor = page._images[0].anchor
    wide = (anchor.to.colOff - anchor._from.colOff) / 9525
    tall = (anchor.to.rowOff - anchor._from.rowOff) / 9525
    thumb = next((world.folder / "own.rowmill" / "thumbs").iterdir())
    with Image.open(thumb) as image:
        assert wide / tall == pytest.approx(image.width / image.height, rel=0.05)
    height = page.row_dimensions[2].height
    assert height is not None
    assert anchor.to.rowOff / 9525 <= height * 4 / 3


def test_the_link_leads_to_the_file(world: World) -> None:
    sheet = workbook(world.folder / "own.xlsx", ["prompt"], ["a cat"])
    page = openpyxl.load_workbook(copied(world, sheet)).worksheets[0]
    cell = page.cell(2, column(page, "result_link"))
    assert (world.folder / cell.hyperlink.target).is_file()
    assert cell.value == Path(cell.hyperlink.target).name


def test_a_link_to_several_files_leads_to_their_folder(world: World) -> None:
    sheet = workbook(world.folder / "own.xlsx", ["prompt", "n"], ["a cat", "2"])
    done = world.run("run", sheet, "-e", "image", "-m", "mock-image", "-y")
    assert done.code == 0, done.err
    assert world.run("export", sheet, "--into-copy", "-o", "copy.xlsx").code == 0
    page = openpyxl.load_workbook(world.folder / "copy.xlsx").worksheets[0]
    cell = page.cell(2, column(page, "result_link"))
    assert len(cell.value.splitlines()) == 2
    assert all((world.folder / cell.hyperlink.target / one).is_file() for one in cell.value.split())


def test_rows_without_files_bring_no_columns_for_them(world: World) -> None:
    sheet = workbook(world.folder / "own.xlsx", ["prompt"], ["a cat"])
    assert world.run("run", sheet, *TEXT).code == 0
    assert world.run("export", sheet, "--into-copy", "-o", "copy.xlsx").code == 0
    assert cells(world.folder / "copy.xlsx", "Sheet")[0][1] == "result_status"


def test_a_hidden_row_shows_no_picture(world: World) -> None:
    sheet = workbook(world.folder / "own.xlsx", ["prompt"], ["a cat"], ["a dog"])
    book = openpyxl.load_workbook(sheet)
    book.worksheets[0].row_dimensions[2].hidden = True
    book.save(sheet)
    page = openpyxl.load_workbook(copied(world, sheet)).worksheets[0]
    assert [one.anchor._from.row + 1 for one in page._images] == [3]
    assert page.row_dimensions[2].hidden


def test_a_high_row_keeps_its_height(world: World) -> None:
    sheet = workbook(world.folder / "own.xlsx", ["prompt"], ["a cat"])
    book = openpyxl.load_workbook(sheet)
    book.worksheets[0].row_dimensions[2].height = 200
    book.save(sheet)
    page = openpyxl.load_workbook(copied(world, sheet)).worksheets[0]
    assert page.row_dimensions[2].height == 200


@pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")  # what openpyxl would drop
@pytest.mark.parametrize("ending", ["xlsx", "xlsm"])
def test_parts_change_only_by_what_is_added(world: World, ending: str) -> None:
    sheet = rich_workbook(world.folder / f"own.{ending}", macros=ending == "xlsm")
    old, new = parts(sheet), parts(copied(world, sheet))
    changed = {name for name in old if old[name] != new[name]}
    drawing, rels = "xl/drawings/drawing1.xml", "xl/worksheets/_rels/sheet1.xml.rels"
    known = {SHEET, drawing, rels, "xl/drawings/_rels/drawing1.xml.rels", "[Content_Types].xml"}
    assert changed <= known
    for name in changed - {SHEET}:
        kept = 0  # the longest common start; what follows the added bytes is the old end
        while kept < len(old[name]) and old[name][kept] == new[name][kept]:
            kept += 1
        assert new[name].endswith(old[name][kept:])
    media = [name for name in new if name not in old]
    assert len(media) == len(PROMPTS)
    assert all(name.startswith("xl/media/rowmill") for name in media)


@pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")  # what openpyxl would drop
def test_drawings_and_links_of_the_user_stay_beside_ours(world: World) -> None:
    sheet = rich_workbook(world.folder / "own.xlsx")
    page = openpyxl.load_workbook(copied(world, sheet))["任务"]
    assert len(page._images) == 1 + len(PROMPTS)
    assert len(page._charts) == 1
    assert page["E3"].hyperlink.target == "https://example.com/"


def test_every_relationship_of_the_tab_resolves(world: World) -> None:
    sheet = rich_workbook(world.folder / "own.xlsx")
    got = parts(copied(world, sheet))
    rels = {one.get("Id") for one in ET.fromstring(got["xl/worksheets/_rels/sheet1.xml.rels"])}
    named = [one.get(R) for one in ET.fromstring(got[SHEET]).iter() if one.get(R)]
    assert set(named) <= rels
    assert len(rels) == len(set(rels))


def test_elements_behind_the_rows_come_in_the_order_of_the_schema(world: World) -> None:
    path = world.folder / "own.xlsx"
    book = Workbook(str(path))
    page = book.add_worksheet("t")
    page.write_column("A1", ["prompt", "a cat"])
    page.data_validation("B2", {"validate": "list", "source": ["a", "b"]})
    page.write_comment("A2", "a note")
    page.set_footer("&P")
    book.close()
    root = ET.fromstring(parts(copied(world, path))[SHEET])
    names = [one.tag.rpartition("}")[2] for one in root]
    behind = names[names.index("sheetData") + 1 :]
    assert behind == [
        *("dataValidations", "hyperlinks", "pageMargins", "headerFooter", "drawing"),
        "legacyDrawing",
    ]


def test_rows_under_a_chart_keep_their_height(world: World) -> None:
    path = world.folder / "own.xlsx"
    book = Workbook(str(path))
    page = book.add_worksheet("t")
    page.write_column("A1", ["prompt", *(f"cat {one}" for one in range(3))])
    chart = book.add_chart({"type": "column"})
    chart.add_series({"values": "=t!$A$2:$A$3"})
    page.insert_chart("C1", chart, {"object_position": 1, "y_scale": 0.3})
    book.close()
    copy = openpyxl.load_workbook(copied(world, path)).worksheets[0]
    heights = [copy.row_dimensions[row].height for row in (2, 3, 4)]
    assert heights == [None, None, None]
    assert len(copy._images) == 3


def test_a_broken_drawing_gets_a_new_workbook_and_a_reason(world: World) -> None:
    plain = world.folder / "plain.xlsx"
    book = Workbook(str(plain))
    page = book.add_worksheet("t")
    page.write_column("A1", ["prompt", "a cat"])
    drawn = io.BytesIO()
    Image.new("RGB", (40, 20), "#3366CC").save(drawn, "PNG")
    page.insert_image("G9", "logo.png", {"image_data": drawn})
    book.close()
    sheet = world.folder / "own.xlsx"
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(sheet, "w") as new:
        for name in old.namelist():
            raw = old.read(name)
            cut = name == "xl/drawings/drawing1.xml"
            new.writestr(name, re.sub(rb"</xdr:wsDr>", b"", raw) if cut else raw)
    plain.unlink()
    assert world.run("run", sheet, *PICTURE).code == 0
    exported = world.run("export", sheet, "--into-copy", "-o", "copy.xlsx")
    assert exported.code == 0, exported.err
    assert "is not well-formed" in exported.err
    assert cells(world.folder / "copy.xlsx", "results")[1][0] == "a cat"


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_keeps_every_picture_of_the_copy(world: World) -> None:
    sheet = rich_workbook(world.folder / "own.xlsx")
    copied(world, sheet)
    words = ["soffice", f"-env:UserInstallation=file://{world.folder.parent}/office"]
    words += ["--headless", "--convert-to", "ods", "--outdir", str(world.folder / "out")]
    subprocess.run([*words, "copy.xlsx"], check=True, capture_output=True, timeout=100)
    with zipfile.ZipFile(world.folder / "out" / "copy.ods") as archive:
        content = archive.read("content.xml").decode()
        jpegs = [one for one in archive.namelist() if one.endswith((".jpg", ".jpeg"))]
    assert len(jpegs) == len(PROMPTS)
    assert content.count(".png") >= len(PROMPTS)  # the links
