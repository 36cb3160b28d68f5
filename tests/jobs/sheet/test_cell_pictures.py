"""Pictures in and above the cells of workbooks are inputs. The WPS files are synthetic."""

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from openpyxl.drawing.image import Image as Drawn
from PIL import Image

from jobs.sheet.reader import SheetError, open_sheet
from runner.files.attachments import AttachmentError, load, resolve
from tests.support.world import PICTURE, World


def png(color: str) -> io.BytesIO:
    """A small picture."""
    out = io.BytesIO()
    Image.new("RGB", (32, 32), color).save(out, "PNG")
    out.seek(0)
    return out


def excel_book(path: Path) -> Path:
    """One picture in a cell as Excel stores it, one floating picture, and one row without."""
    workbook = xlsxwriter.Workbook(str(path))
    sheet = workbook.add_worksheet()
    for row, cells in enumerate([["prompt", "原图"], ["one", ""], ["two", ""], ["three", ""]]):
        sheet.write_row(row, 0, cells)
    sheet.embed_image(1, 1, "a.png", {"image_data": png("red")})
    sheet.insert_image(2, 1, "b.png", {"image_data": png("blue")})
    workbook.close()
    return path


WPS_IMAGES = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<etc:cellImages xmlns:etc="http://www.wps.cn/officeDocument/2017/etCustomData"
 xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
 xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"
 xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">
<etc:cellImage><xdr:pic><xdr:nvPicPr><xdr:cNvPr id="2" name="ID_RED" descr="x"/></xdr:nvPicPr>
<xdr:blipFill><a:blip r:embed="rId1"/></xdr:blipFill></xdr:pic></etc:cellImage>
<etc:cellImage><xdr:pic><xdr:nvPicPr><xdr:cNvPr id="3" name="ID_BLUE"/></xdr:nvPicPr>
<xdr:blipFill><a:blip r:embed="rId2"/></xdr:blipFill></xdr:pic></etc:cellImage>
</etc:cellImages>"""
WPS_RELATIONS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://x/image" Target="media/image1.png"/>
<Relationship Id="rId2" Type="http://x/image" Target="media/image2.png"/></Relationships>"""


def wps_book(path: Path, *names: str) -> Path:
    """Pictures in cells as WPS stores them: a formula with a name, and a part with the names."""
    workbook = openpyxl.Workbook()
    workbook.active.append(["prompt", "参考图"])
    for number, name in enumerate(names):
        workbook.active.append([f"row {number}", f'=_xlfn.DISPIMG("{name}",1)'])
    workbook.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/cellimages.xml", WPS_IMAGES)
        archive.writestr("xl/_rels/cellimages.xml.rels", WPS_RELATIONS)
        archive.writestr("xl/media/image1.png", png("red").read())
        archive.writestr("xl/media/image2.png", png("blue").read())
    return path


def test_excels_pictures_are_found_by_row(tmp_path: Path) -> None:
    sheet = open_sheet(excel_book(tmp_path / "主图.xlsx"))
    cells = [row[1] for _, row in sheet.rows()]
    assert cells[0] != cells[1]
    assert all(str(cell).startswith("主图.xlsx#xl/media/image") for cell in cells[:2])
    assert cells[2] == ""
    assert {(one.kind, one.row) for one in sheet.findings} == {
        ("pictures_in_cells", 2),
        ("floating_pictures", 3),
    }


def test_pictures_of_another_program_float_above_the_right_cells(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    for row in (["image", "prompt"], ["", "one"], ["", "two"]):
        workbook.active.append(row)
    for at, color in (("A3", "red"), ("A3", "blue"), ("D1", "green")):
        workbook.active.add_image(Drawn(png(color)), at)
    workbook.save(tmp_path / "a.xlsx")
    (_, one), (_, two) = open_sheet(tmp_path / "a.xlsx").rows()
    assert one == ["", "one"]
    assert str(two[0]).split("\n") == [f"a.xlsx#xl/media/image{k}.png" for k in (1, 2)]


def test_the_pictures_of_wps_are_found_by_their_names(tmp_path: Path) -> None:
    sheet = open_sheet(wps_book(tmp_path / "a.xlsx", "ID_BLUE", "ID_RED", "ID_LOST"))
    assert [row[1] for _, row in sheet.rows()][:2] == [
        "a.xlsx#xl/media/image2.png",
        "a.xlsx#xl/media/image1.png",
    ]
    assert [(one.kind, one.row) for one in sheet.findings if one.severity == "error"] == [
        ("picture_lost", 4)
    ]


@pytest.mark.parametrize("make", [excel_book, lambda path: wps_book(path, "ID_RED", "ID_BLUE")])
def test_they_arrive_at_the_gateway_and_the_sheet_need_not_be_read_again(
    world: World, make: object
) -> None:
    world.mock()
    sheet = make(world.folder / "a.xlsx")  # type: ignore[operator]  # makes a workbook
    done = world.run("run", sheet, *PICTURE, "-y")
    assert done.code == 0, done.err
    with zipfile.ZipFile(sheet) as archive:
        sent = {len(archive.read(f"xl/media/image{k}.png")) for k in (1, 2)}
    assert sent
    again = world.run("run", sheet, "-y")
    assert (again.code, again.posts) == (0, 0)
    assert "unchanged since the last run" in again.err


def test_the_bytes_are_those_in_the_workbook(tmp_path: Path) -> None:
    path = excel_book(tmp_path / "a.xlsx")
    (reference,) = resolve("a.xlsx#xl/media/image1.png", folder=tmp_path)
    with zipfile.ZipFile(path) as archive:
        assert load(reference, folder=tmp_path).data == archive.read("xl/media/image1.png")


@pytest.mark.parametrize(
    "cell",
    [
        "a.xlsx#xl/media/image9.png",
        "b.xlsx#xl/media/image1.png",
        "../a.xlsx#xl/media/image1.png",
        "/etc/a.xlsx#xl/media/image1.png",
        "a.xlsx#xl/workbook.xml",
        "a.xlsx#docProps/core.xml",
    ],
)
def test_a_cell_leads_to_no_other_part_and_to_no_other_folder(tmp_path: Path, cell: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    excel_book(folder / "a.xlsx")
    excel_book(tmp_path / "a.xlsx")
    with pytest.raises(AttachmentError):
        resolve(cell, folder=folder)


def test_a_workbook_that_lost_its_pictures_is_no_traceback(tmp_path: Path) -> None:
    path = excel_book(tmp_path / "a.xlsx")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if "richData" not in name}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    try:
        sheet = open_sheet(path)
    except SheetError:
        return
    list(sheet.rows())
    assert "picture_lost" in {one.kind for one in sheet.findings}
