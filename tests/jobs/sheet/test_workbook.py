"""A workbook is read from the right tab, with true row numbers and each cell's shortest text."""

import datetime as dt
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from jobs.sheet.reader import SheetError, open_sheet
from runner.catalogue.findings import describe_error, finding_text

Fill = Callable[[openpyxl.Workbook], None]


def book(folder: Path, fill: Fill, name: str = "sheet.xlsx") -> Path:
    workbook = openpyxl.Workbook()
    fill(workbook)
    path = folder / name
    workbook.save(path)
    return path


def table(*rows: list[object]) -> Fill:
    def fill(workbook: openpyxl.Workbook) -> None:
        for row in rows:
            workbook.active.append(row)

    return fill


def refused(path: Path, tab: str | None = None) -> SheetError:
    with pytest.raises(SheetError) as caught:
        open_sheet(path, tab=tab)
    return caught.value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (42, "42"),
        (42.0, "42"),
        (-7, "-7"),
        (0, "0"),
        (0.1, "0.1"),
        (1.5e-7, "1.5e-07"),
        (9007199254740992, "9007199254740992"),
        (1e20, "100000000000000000000"),
        (1e300, "1e+300"),
        ("007", "007"),
        ("NA", "NA"),
        ("1e5", "1e5"),
        ("two\nlines", "two\nlines"),
        (" x ", " x "),
        ("😀", "😀"),
        ("{{ prompt }}", "{{ prompt }}"),
        (True, "TRUE"),
        (False, "FALSE"),
        (dt.date(2026, 11, 23), "2026-11-23"),
        (dt.datetime(2026, 11, 23, 8, 30), "2026-11-23T08:30:00"),  # noqa: DTZ001 - Excel knows no zones
        (dt.time(16, 9), "16:09:00"),
        (dt.timedelta(hours=36), "36:00:00"),
        (None, ""),
    ],
)
def test_a_cell_becomes_its_shortest_text(tmp_path: Path, value: object, text: str) -> None:
    path = book(tmp_path, table(["prompt", "value"], ["a cat", value]))
    assert list(open_sheet(path).rows()) == [(2, ["a cat", text])]


@pytest.mark.parametrize("name", ["sheet.xlsx", "SHEET.XLSM", "really_an_xlsx.xls"])
def test_row_numbers_are_those_of_excel(tmp_path: Path, name: str) -> None:
    def fill(workbook: openpyxl.Workbook) -> None:
        sheet = workbook.active
        sheet["B3"], sheet["C3"] = "编号", "提示词"
        sheet["B4"], sheet["C4"] = 1, "猫"
        sheet["B7"], sheet["C7"] = 2, "狗"

    sheet = open_sheet(book(tmp_path, fill).rename(tmp_path / name))
    assert (sheet.layout.header_row, sheet.layout.headers) == (3, ("编号", "提示词"))
    assert list(sheet.rows()) == [(4, ["1", "猫"]), (7, ["2", "狗"])]
    assert list(sheet.rows()) == [(4, ["1", "猫"]), (7, ["2", "狗"])]


def test_a_title_above_the_header_is_left_out_and_said(tmp_path: Path) -> None:
    path = book(tmp_path, table(["商品提示词表"], ["编号", "提示词", "尺寸"], [1, "猫", "1:1"]))
    sheet = open_sheet(path)
    assert list(sheet.rows()) == [(3, ["1", "猫", "1:1"])]
    assert [(f.kind, f.row) for f in sheet.findings] == [("rows_above_header", 1)]


def tabs(workbook: openpyxl.Workbook) -> None:
    workbook.active.title = "Notes"
    workbook.active.append(["about", "this file"])
    for name, state in (("Secret", "hidden"), ("Deep", "veryHidden"), ("主图", "visible")):
        sheet = workbook.create_sheet(name)
        sheet.sheet_state = state
        sheet.append(["prompt"])
        sheet.append([f"in {name}"])


def test_the_first_visible_tab_with_a_prompt_is_read_and_the_others_named(tmp_path: Path) -> None:
    sheet = open_sheet(book(tmp_path, tabs))
    assert sheet.layout.tab == "主图"
    assert list(sheet.rows()) == [(2, ["in 主图"])]
    (finding,) = [f for f in sheet.findings if f.kind == "other_tabs_hidden"]
    assert "not Notes, and not the hidden Secret, Deep" in finding_text(finding).message


def test_a_named_tab_is_read_even_if_hidden(tmp_path: Path) -> None:
    assert list(open_sheet(book(tmp_path, tabs), tab="Secret").rows()) == [(2, ["in Secret"])]


def test_rows_that_are_written_are_seen_though_all_others_are_hidden(tmp_path: Path) -> None:
    def fill(workbook: openpyxl.Workbook) -> None:
        table(["prompt"], ["a cat"], ["a dog"], ["a hen"])(workbook)
        workbook.active.sheet_format.zeroHeight = True  # for rows that the file does not hold
        workbook.active.row_dimensions[4].hidden = True

    found = open_sheet(book(tmp_path, fill)).findings
    assert [(one.kind, one.row) for one in found] == [("hidden_rows", 4)]


def test_a_row_without_height_is_a_hidden_row(tmp_path: Path) -> None:
    def fill(workbook: openpyxl.Workbook) -> None:
        table(["prompt"], ["a cat"], ["a dog"], ["a hen"])(workbook)
        workbook.active.row_dimensions[3].height = 77
        workbook.active.row_dimensions[4].height = 0.5

    path = book(tmp_path, fill)
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name).replace(b'ht="77"', b'ht="0"') for name in file.namelist()}
    with zipfile.ZipFile(path, "w") as file:
        for name, data in parts.items():
            file.writestr(name, data)
    found = open_sheet(path).findings
    assert [(one.kind, one.row) for one in found] == [("hidden_rows", 3)]


def test_an_unknown_tab_lists_the_tabs(tmp_path: Path) -> None:
    text = describe_error(refused(book(tmp_path, tabs), "Secrte"))
    assert 'did you mean "Secret"?' in text
    assert '"主图"' in text


def test_an_empty_chart_tab_does_no_harm(tmp_path: Path) -> None:
    def fill(workbook: openpyxl.Workbook) -> None:
        table(["prompt"], ["a cat"])(workbook)
        workbook.create_chartsheet("Chart")

    assert list(open_sheet(book(tmp_path, fill)).rows()) == [(2, ["a cat"])]


def test_formatted_but_empty_rows_are_no_rows(tmp_path: Path) -> None:
    def fill(workbook: openpyxl.Workbook) -> None:
        table(["prompt", "n"], ["a cat", 1])(workbook)
        for row in range(3, 500):
            workbook.active.cell(row, 1).font = openpyxl.styles.Font(bold=True)

    assert list(open_sheet(book(tmp_path, fill)).rows()) == [(2, ["a cat", "1"])]


def test_cells_right_of_the_header_are_kept(tmp_path: Path) -> None:
    sheet = open_sheet(book(tmp_path, table(["prompt"], ["a cat", "", "aside"])))
    assert sheet.layout.headers == ("prompt", "", "")
    assert list(sheet.rows()) == [(2, ["a cat", "", "aside"])]


@pytest.mark.parametrize("rows", [[], [["prompt", "n"]]])
def test_a_workbook_without_rows_is_refused(tmp_path: Path, rows: list[list[object]]) -> None:
    error = refused(book(tmp_path, table(*rows)))
    assert error.findings[-1].kind == ("no_rows" if rows else "empty_tab")


def test_line_breaks_stored_as_escapes_are_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    workbook = xlsxwriter.Workbook(path)
    workbook.add_worksheet().write_column(0, 0, ["prompt", "a\rb"])
    workbook.close()
    assert list(open_sheet(path).rows()) == [(2, ["a\rb"])]


ODS = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2">
<office:body><office:spreadsheet><table:table table:name="One">
<table:table-row
><table:table-cell office:value-type="string"><text:p>提示词</text:p></table:table-cell
><table:table-cell office:value-type="string"><text:p>n</text:p></table:table-cell
></table:table-row>
<table:table-row
><table:table-cell office:value-type="string"><text:p>猫</text:p></table:table-cell
><table:table-cell office:value-type="float" office:value="2"><text:p>2</text:p></table:table-cell
></table:table-row>
</table:table></office:spreadsheet></office:body></office:document-content>"""


ODS_MANIFEST = """<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>"""


def test_an_opendocument_sheet_reads(tmp_path: Path) -> None:
    path = tmp_path / "sheet.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", ODS)
        archive.writestr("META-INF/manifest.xml", ODS_MANIFEST)
    sheet = open_sheet(path)
    assert (sheet.layout.format, sheet.layout.tab) == ("ods", "One")
    assert list(sheet.rows()) == [(2, ["猫", "2"])]


def zipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["../evil.xml", "/etc/evil.xml", "xl\\..\\evil", "C:/evil.xml"])
def test_a_workbook_that_names_files_outside_itself_is_refused(tmp_path: Path, name: str) -> None:
    finding = refused(zipped(tmp_path / "sheet.xlsx", {name: b"x"})).findings[0]
    assert finding.kind == "unsafe_workbook"
    assert name.rsplit("evil", maxsplit=1)[-1] in finding.found


def test_a_densely_packed_workbook_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "sheet.xlsx", {"xl/worksheets/sheet1.xml": b" " * 20_000_000})
    assert "200 times" in finding_text(refused(path).findings[0]).expected


def test_a_workbook_of_too_many_parts_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "sheet.xlsx", {f"x{i}": b"" for i in range(10_001)})
    assert "10,000 entries" in finding_text(refused(path).findings[0]).expected


def test_a_workbook_that_unpacks_beyond_a_gigabyte_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "sheet.xlsx", {"big": b"x"})
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = struct.pack("<I", 2_000_000_000)
    path.write_bytes(bytes(content))
    assert "bytes unpacked" in finding_text(refused(path).findings[0]).found


@pytest.mark.parametrize("keep", [30, 600, 3000])
def test_a_half_copied_workbook_is_named_damaged(tmp_path: Path, keep: int) -> None:
    path = book(tmp_path, table(["prompt"], ["a cat"]))
    path.write_bytes(path.read_bytes()[:keep])
    assert refused(path).findings[0].kind == "damaged_workbook"


def test_a_workbook_with_broken_insides_is_named_damaged(tmp_path: Path) -> None:
    path = zipped(tmp_path / "sheet.xlsx", {"xl/worksheets/sheet1.xml": b"<worksheet>"})
    assert refused(path).findings[0].kind == "damaged_workbook"


def test_an_old_workbook_that_is_only_a_head_is_named_damaged(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000)
    assert refused(path).findings[0].kind == "damaged_workbook"


def renamed(path: Path, rename: Callable[[str], str]) -> Path:
    """The same workbook with other part names."""
    target = path.with_name(f"renamed-{path.name}")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(rename(name), old.read(name))
    return target


@pytest.mark.parametrize(
    "rename", [lambda name: name.replace("/", "\\"), lambda name: name.replace("sheet1", "Sheet1")]
)
def test_parts_named_unusually_are_scanned_as_any_others(
    tmp_path: Path, rename: Callable[[str], str]
) -> None:
    path = renamed(book(tmp_path, table(["prompt"], ["#REF!"], ["a cat"])), rename)
    sheet = open_sheet(path)
    assert [(one.kind, one.row) for one in sheet.findings] == [("error_cells", 2)]
    assert [cells for _, cells in sheet.rows()] == [["#REF!"], ["a cat"]]
