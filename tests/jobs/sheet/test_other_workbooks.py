"""Damage and hidden content of .ods and .xls are reported as those of .xlsx are."""

import datetime as dt
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from jobs.sheet.reader import Sheet, SheetError, open_sheet
from runner.catalogue.findings import finding_text

needs_office = pytest.mark.skipif(
    shutil.which("soffice") is None, reason="LibreOffice is not installed"
)


def damaged(path: Path) -> Path:
    """A workbook with one of each: rounded id, time, errors, hidden row and column, merge."""
    book = xlsxwriter.Workbook(str(path))
    page, hidden = book.add_worksheet("main"), book.add_worksheet("old")
    hidden.hide()
    page.write_row(0, 0, ["id", "prompt", "ratio", "note"])
    page.write_row(1, 0, [1234567890123456789, "a cat"])
    page.write_datetime(1, 2, dt.time(16, 9), book.add_format({"num_format": "h:mm"}))
    page.write_formula(1, 3, "=NA()", None, "#N/A")
    page.write_number(2, 0, 7, book.add_format({"num_format": "000"}))
    page.write_formula(2, 1, "=1/0", None, "#DIV/0!")
    page.write_row(3, 0, ["k3", "in a hidden row"])
    page.set_row(3, None, None, {"hidden": True})
    page.write_string(4, 0, "k4")
    page.write_formula(4, 1, '="a "&"dog"', None, "a dog")
    page.merge_range(5, 1, 6, 1, "for both")
    page.write_column(5, 0, ["k5", "k6"])
    page.set_column(3, 3, None, None, {"hidden": True})
    book.close()
    return path


def converted(path: Path, ending: str) -> Path:
    office = f"-env:UserInstallation=file://{path.parent}/office"
    words_ = ["soffice", office, "--headless", "--convert-to", ending, "--outdir", str(path.parent)]
    subprocess.run([*words_, str(path)], check=True, capture_output=True, timeout=100)
    return path.with_suffix(f".{ending}")


def findings_of(sheet: Sheet) -> set[tuple[str, int | None, str | None]]:
    return {(one.kind, one.row, one.column) for one in sheet.findings}


SEEN = {
    ("hidden_tabs", None, None),
    ("hidden_rows", 4, None),
    ("hidden_columns", None, "note"),
    ("merged", 6, "prompt"),
    ("error_cells", 2, "note"),
    ("error_cell", 3, "prompt"),
    ("rounded_cells", 2, "id"),
    ("rounded", 2, "id"),
}


@needs_office
@pytest.mark.parametrize("ending", ["ods", "xls"])
def test_damage_in_other_workbooks_is_reported_too(tmp_path: Path, ending: str) -> None:
    sheet = open_sheet(converted(damaged(tmp_path / "a.xlsx"), ending))
    sheet.needed = frozenset({0, 1})
    rows = dict(sheet.rows())
    assert findings_of(sheet) >= SEEN
    assert rows[2][2:] == ["16:09:00", "#N/A"]
    assert rows[3][1] == "#DIV/0!"
    assert [rows[6][1], rows[7][1]] == ["for both", "for both"]
    if ending == "ods":
        assert rows[5][1] == "a dog"
        assert ("shown_otherwise", 3, "id") in findings_of(sheet)
    else:  # LibreOffice wrote a 0 for the text that the formula returns
        assert ("never_calculated", 5, "prompt") in findings_of(sheet)
        assert ("formats_unseen", None, None) in findings_of(sheet)
        assert refused_when_far(sheet.path) == ["far_cell"]


def refused_when_far(path: Path) -> list[str]:
    """The same workbook with its first number moved to the last column a record can address."""
    number = struct.pack("<HHHH", 0x0203, 14, 1, 0)
    assert path.read_bytes().count(number) == 1
    far = struct.pack("<HHHH", 0x0203, 14, 0xFFFF, 0xFFFF)
    path.write_bytes(path.read_bytes().replace(number, far))
    with pytest.raises(SheetError) as refused:
        open_sheet(path)
    return [one.kind for one in refused.value.findings]


CONTENT = """<?xml version="1.0"?><office:document-content
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0">
<office:body><office:spreadsheet><table:table table:name="t">{rows}</table:table>
</office:spreadsheet></office:body></office:document-content>"""
HEAD = "<table:table-row>" + "".join(
    f'<table:table-cell office:value-type="string"><text:p>{name}</text:p></table:table-cell>'
    for name in ("prompt", "note")
) + "</table:table-row>"  # fmt: skip


def ods(path: Path, *cells: str, more: tuple[str, ...] = ()) -> Path:
    """An OpenDocument sheet with one row below its header."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        row = f"<table:table-row>{''.join(cells)}</table:table-row>"
        archive.writestr("content.xml", CONTENT.format(rows=HEAD + row))
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        for name in more:
            archive.writestr(name, b"x")
    return path


CAT = '<table:table-cell office:value-type="string"><text:p>a cat</text:p></table:table-cell>'


def test_a_formula_without_a_result_is_told_in_ods(tmp_path: Path) -> None:
    cell = '<table:table-cell table:formula="of:=A1"/>'
    sheet = open_sheet(ods(tmp_path / "a.ods", CAT, cell))
    list(sheet.rows())
    assert ("never_calculated", 2, "note") in findings_of(sheet)


def test_a_comment_at_an_ods_cell_is_not_what_the_cell_shows(tmp_path: Path) -> None:
    note = "<office:annotation><text:p>do not use</text:p></office:annotation>"
    cell = f'<table:table-cell office:value-type="float" office:value="7">{note}<text:p>7</text:p>'
    sheet = open_sheet(ods(tmp_path / "a.ods", CAT, f"{cell}</table:table-cell>"))
    assert next(iter(sheet.rows()))[1][0] == "a cat"
    assert findings_of(sheet) == set()


def test_pictures_that_are_not_read_are_said(tmp_path: Path) -> None:
    sheet = open_sheet(ods(tmp_path / "a.ods", CAT, more=("Pictures/1.png",)))
    assert findings_of(sheet) == {("pictures_unseen", None, None)}


def record(kind: int, content: bytes) -> bytes:
    """One record of a binary workbook."""
    number = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return number + bytes([len(content)]) + content


def text(words_: str) -> bytes:
    return struct.pack("<I", len(words_)) + words_.encode("utf-16-le")


def xlsb(path: Path) -> Path:
    """A binary workbook with two text cells in one column."""
    bundle = record(156, struct.pack("<II", 0, 1) + text("rId1") + text("t"))
    rows = [
        record(0, struct.pack("<IIHBBBI", row, 0, 300, 0, 0, 0, 0))
        + record(6, struct.pack("<II", 0, 0) + text(words_))
        for row, words_ in enumerate(("prompt", "a cat"))
    ]
    area = record(148, struct.pack("<IIII", 0, 1, 0, 0))
    sheet = record(129, b"") + area + record(145, b"") + b"".join(rows) + record(146, b"")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(
            "xl/workbook.bin", record(143, b"") + bundle + record(144, b"") + record(132, b"")
        )
        archive.writestr(
            "xl/_rels/workbook.bin.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="rId1" Target="worksheets/sheet1.bin" Type="http://schemas.'
            'openxmlformats.org/officeDocument/2006/relationships/worksheet"/></Relationships>',
        )
        archive.writestr("xl/worksheets/sheet1.bin", sheet + record(130, b""))
    return path


@pytest.mark.parametrize("tongue", ["en", "zh"])
def test_a_format_that_cannot_be_looked_through_says_so(tmp_path: Path, tongue: str) -> None:
    sheet = open_sheet(xlsb(tmp_path / "a.xlsb"))
    assert list(sheet.rows()) == [(2, ["a cat"])]
    (finding,) = sheet.findings
    assert finding.kind == "unscanned"
    assert ".xlsx" in finding_text(finding, tongue).message
