"""Reading time is proportional to the size of a sheet, whatever its content."""

import io
import random
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from jobs.export.expand import MAX_PROPERTIES, property_columns
from jobs.sheet.area import MAX_COLUMNS
from jobs.sheet.copy.parts import UnfitWorkbookError
from jobs.sheet.copy.sheet import AddedColumns, add_columns, used_columns
from jobs.sheet.damage import noting_damage
from jobs.sheet.formula import neutralise, undo
from jobs.sheet.names import body_name, is_known, normalise, unique_headers
from jobs.sheet.reader import SheetError, open_sheet
from jobs.sheet.workbook.compound import read_stream
from jobs.sheet.workbook.formats import odd_styles, shown, shows_itself
from jobs.sheet.workbook.package import attributes
from jobs.sheet.workbook.scan_xls import old_book
from jobs.sheet.write.texts import is_placeholder
from jobs.sheet.write.workbook import SAFE_LINK
from tests.support.growth import MAX_SECONDS, assert_linear, cpu_seconds

pytestmark = pytest.mark.deep  # takes minutes: each case reads two sheets several times
MEGABYTE = 1 << 20


def assert_bounded(work: Callable[[int], Callable[[], object]]) -> None:
    """`work` prepares an input of so many bytes, and returns the function to measure."""
    assert_linear(work(MEGABYTE // 2), work(MEGABYTE))


def repeated(text: str, size: int) -> str:
    return text * (size // max(len(text.encode()), 1))


def read_all(path: Path) -> None:
    with suppress(SheetError):
        sheet = open_sheet(path)
        for _ in sheet.blocks():
            pass


DELIMITED = {
    "one cell": "x",
    "quotes": '"',
    "pairs of quotes": '""',
    "spaced quotes": ', "',
    "open quotes": 'a,"b\n',
    "quoted lines": '"a\n',
    "commas": ",",
    "short rows": "a\n",
    "blank lines": "\n",
    "blanks": " ",
    "tabs": "\t",
    "combining marks": "\u0315\u0300",
    "error values": "#N/A,E+??",
    "a header in each line": "prompt,id\n",
    "known names": "prompt,",
    "words beyond ASCII": "é ",
    "carriage returns": "\r",
    "separator lines": "sep=;\n",
    "numbers of an id": '1,"x\n',
}


@pytest.mark.parametrize("name", DELIMITED)
def test_text_sheets_of_one_thing_take_linear_time(tmp_path: Path, name: str) -> None:
    for ending in ("csv", "tsv") if '"' in DELIMITED[name] else ("csv",):

        def work(size: int, ending: str = ending) -> Callable[[], None]:
            path = tmp_path / f"{size}.{ending}"
            path.write_text(repeated(DELIMITED[name], size), encoding="utf-8", newline="")
            return lambda: read_all(path)

        assert_bounded(work)


WIDE: dict[str, Callable[[int], str]] = {
    "a wide header above short rows": lambda size: (
        "prompt," + repeated("a,", size // 2) + "\n" + repeated("a\n", size // 2)
    ),
    "the widest header above short rows": lambda size: (
        ",".join(f"c{at}" for at in range(MAX_COLUMNS - 1)) + ",prompt\n" + repeated("a\n", size)
    ),
    "a quote far down": lambda size: (
        "id,prompt\n" + repeated("1,a cat\n", size // 2) + '2,"' + repeated("x,y\n", size // 2)
    ),
    "rows in a quote": lambda size: "id,prompt\n" + '1,"' + repeated("SKU-1,y\n", size) + '"\n',
    "combining marks in a header": lambda size: "\u0315" * (size // 4) + "\u0300" * (size // 4),
    "a safe csv": lambda size: (
        '"prompt","result_status","result_row","result_key"\n'
        + repeated("'=" + "1" * 99 + "\n", size)
    ),
}


@pytest.mark.parametrize("name", WIDE)
def test_sheets_made_to_be_slow_take_linear_time(tmp_path: Path, name: str) -> None:
    def work(size: int) -> Callable[[], None]:
        path = tmp_path / f"{size}.csv"
        path.write_text(WIDE[name](size), encoding="utf-8", newline="")
        return lambda: read_all(path)

    assert_bounded(work)


def random_bytes(size: int, low: int, high: int) -> bytes:
    chance = random.Random(7)
    return bytes(chance.choices(range(low, high), k=size))


@pytest.mark.parametrize(
    "raw",
    [
        lambda size: random_bytes(size, 0, 256),
        lambda size: random_bytes(size, 0x81, 0xFF),
        lambda size: b"prompt\n" + random_bytes(size, 0xA1, 0xFF),
        lambda size: b"a\n" * (size // 4) + b"\xe9\n" * (size // 4),
        lambda size: ("\u4e00," * (size // 4)).encode("utf-16-le"),
        lambda size: ("\u732b," * (size // 3)).encode("gb18030"),
        lambda size: b"\0" * size,
        lambda size: b"a\0" * (size // 2) + b"x",
    ],
)
def test_finding_an_encoding_takes_linear_time(tmp_path: Path, raw: Callable[[int], bytes]) -> None:
    def work(size: int) -> Callable[[], None]:
        path = tmp_path / f"{size}.csv"
        path.write_bytes(raw(size))
        return lambda: read_all(path)

    assert_bounded(work)


RECORDS: dict[str, Callable[[int], str]] = {
    "a key in each record": lambda size: "".join(f'{{"{at}":1}}\n' for at in range(size // 12)),
    "one record of many keys": lambda size: (
        "{" + ",".join(f'"{at}":1' for at in range(size // 11)) + ',"a":"\\":"}'
    ),
    "deep lists": lambda size: "[" * size,
    "deep lists in a line": lambda size: '{"a":' + "[" * size,
    "digits": lambda size: '{"a":' + "9" * size + "}",
    "halves of characters": lambda size: '{"a":"' + repeated("\\ud83d", size) + '"}',
    "blanks": lambda size: '{"a":' + " " * size + "1}",
    "a list of lists": lambda size: "[" + repeated("[],", size) + "[]]",
    "a list of objects": lambda size: "[" + repeated("{},", size) + "{}]",
    "open objects": lambda size: repeated("{\n", size // 8),
}


@pytest.mark.parametrize("name", RECORDS)
def test_records_take_linear_time(tmp_path: Path, name: str) -> None:
    def work(size: int) -> Callable[[], None]:
        path = tmp_path / f"{size}.jsonl"
        path.write_text(RECORDS[name](size), encoding="utf-8")
        return lambda: read_all(path)

    assert_bounded(work)


def workbook(path: Path, *, sheet: str, styles: str = "", tabs: int = 1, drawing: str = "") -> Path:
    """An .xlsx with these parts, whatever they contain."""
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    names = "".join(f'<sheet name="t{at}" sheetId="{at + 1}" r:id="rId1"/>' for at in range(tabs))
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r" Target='
        f'"xl/workbook.xml" Type="{kind}/officeDocument"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{kind}"><sheets>{names}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="rId1" '
        f'Target="worksheets/sheet1.xml" Type="{kind}/worksheet"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}">{sheet}</worksheet>',
        "xl/styles.xml": styles,
    }
    if drawing:
        parts["xl/drawings/d.xml"] = drawing
        parts["xl/worksheets/_rels/sheet1.xml.rels"] = (
            f'<Relationships xmlns="{package}"><Relationship Id="d" Target="../drawings/d.xml" '
            f'Type="{kind}/drawing"/></Relationships>'
        )
        parts["xl/drawings/_rels/d.xml.rels"] = (
            f'<Relationships xmlns="{package}"><Relationship Id="i" Target="../media/a.png" '
            f'Type="{kind}/image"/></Relationships>'
        )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


ROW1 = '<row r="1"><c r="A1" t="inlineStr"><is><t>prompt</t></is></c></row>'


def data(rows: str) -> str:
    return f"<sheetData>{ROW1}{rows}</sheetData>"


SHEETS: dict[str, Callable[[int], str]] = {
    "cells without an end": lambda size: data(repeated('<c r="A2" t="e">', size)),
    "formulas without cells": lambda size: data(repeated("<f>", size)),
    "row tags without an end": lambda size: data(repeated("<row ", size)),
    "hidden columns": lambda size: (
        "<cols>" + repeated('<col min="1" max="300" hidden="1"/>', size) + f"</cols>{data('')}"
    ),
    "prefixes": lambda size: data(repeated("<aaaaaaaaaaaaaaaaaaaa:", size)),
    "merged cells": lambda size: (
        data("")
        + "<mergeCells>"
        + repeated('<mergeCell ref="A2:A1048576"/>', size)
        + "</mergeCells>"
    ),
    "long numbers": lambda size: data(repeated("<c><v>1234567890123456", size)),
    "blanks": lambda size: data(" " * size),
    "attributes": lambda size: data(f'<c r="A2" {repeated("a=", size)}>'),
    "rows": lambda size: data(
        "".join(
            f'<row r="{at}"><c r="A{at}" t="e"><v>#N/A</v></c></row>' for at in range(2, size // 50)
        )
    ),
}


@pytest.mark.parametrize("name", SHEETS)
def test_the_xml_of_a_tab_takes_linear_time(tmp_path: Path, name: str) -> None:
    def work(size: int) -> Callable[[], None]:
        path = workbook(tmp_path / f"{size}.xlsx", sheet=SHEETS[name](size))
        return lambda: read_all(path)

    assert_bounded(work)


def test_many_styles_many_tabs_and_many_pictures_take_linear_time(tmp_path: Path) -> None:
    formats = "".join(f'<numFmt numFmtId="{at + 200}" formatCode="0{at}"/>' for at in range(9))

    def styled(size: int) -> Callable[[], None]:
        cells = "".join(
            f'<row r="{at}"><c r="A{at}" s="{at % 9999}"><v>1</v></c></row>'
            for at in range(2, size // 100)
        )
        xfs = repeated('<xf numFmtId="201"/>', size // 2)
        styles = f"<numFmts>{formats}</numFmts><cellXfs>{xfs}</cellXfs>"
        path = workbook(tmp_path / f"s{size}.xlsx", sheet=data(cells), styles=styles)
        return lambda: read_all(path)

    def tabbed(size: int) -> Callable[[], None]:
        path = workbook(tmp_path / f"t{size}.xlsx", sheet="<sheetData/>", tabs=size // 80)
        return lambda: read_all(path)

    def pictured(size: int) -> Callable[[], None]:
        anchor = (
            "<xdr:oneCellAnchor><xdr:from><xdr:col>0</xdr:col><xdr:row>1</xdr:row></xdr:from>"
            '<a:blip r:embed="i"/></xdr:oneCellAnchor>'
        )
        path = workbook(
            tmp_path / f"p{size}.xlsx",
            sheet=data('<row r="2"><c r="B2"><v>1</v></c></row>'),
            drawing=repeated(anchor, size),
        )
        return lambda: read_all(path)

    for work in (styled, tabbed, pictured):
        assert_bounded(work)


def ods(path: Path, rows: str) -> Path:
    names = "".join(
        f" xmlns:{one}={quoteattr(f'urn:oasis:names:tc:opendocument:xmlns:{one}:1.0')}"
        for one in ("office", "table", "text")
    )
    content = (
        f"<office:document-content{names}><office:body><office:spreadsheet>"
        f'<table:table table:name="t">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", "<manifest:manifest xmlns:manifest='urn:x'/>")
    return path


def test_repeated_cells_of_an_opendocument_sheet_are_bounded(tmp_path: Path) -> None:
    cell = (
        '<table:table-row table:number-rows-repeated="1000"><table:table-cell '
        'office:value-type="float" office:value="1e300" table:number-columns-repeated="1000">'
        "<text:p>x</text:p></table:table-cell></table:table-row>"
    )
    path = ods(tmp_path / "a.ods", cell * 2_000)
    assert cpu_seconds(lambda: read_all(path)) < MAX_SECONDS


def compound(directory: int, tables: int, more: int) -> bytes:
    """The head of an old binary workbook, and sectors that point at themselves."""
    head = bytearray(512)
    head[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<HH", head, 30, 9, 6)
    struct.pack_into("<II", head, 44, tables, directory)
    struct.pack_into("<5I", head, 56, 4096, 0, 0, more, 1)
    struct.pack_into("<109I", head, 76, *([0] * 109))
    return bytes(head)


@pytest.mark.parametrize(("tables", "more"), [(0xFFFFFFFF, 0), (109, 0), (1, 0xFFFFFFFE)])
def test_chains_of_an_old_workbook_that_run_in_a_circle_take_linear_time(
    tmp_path: Path, tables: int, more: int
) -> None:
    def work(size: int) -> Callable[[], None]:
        path = tmp_path / f"{size}.xls"
        path.write_bytes(compound(0, tables, more) + b"\0\0\0\0" * (size // 4))

        def read() -> None:
            with suppress(ValueError):
                read_stream(path, ("Workbook",))
                old_book(path)
            read_all(path)

        return read

    assert_bounded(work)


COPIED: dict[str, Callable[[int], str]] = {
    "rows without an end": lambda size: repeated("<row ", size),
    "cells without an end": lambda size: repeated("<c ", size),
    "short rows": lambda size: repeated('<row r="1"/>', size),
    "blanks": lambda size: f'<row r="1"{" " * size}/>',
    "dimensions": lambda size: repeated("<dimension ", size),
    "column tags": lambda size: repeated("<col max=", size),
    "one row": lambda size: f'<row r="1">{repeated("<c r=", size)}',
}


@pytest.mark.parametrize("name", COPIED)
@pytest.mark.parametrize("head", ["<sheetData>", "", "<cols></cols><sheetData>"])
def test_adding_columns_takes_linear_time(name: str, head: str) -> None:
    def work(size: int) -> Callable[[], None]:
        raw = f"<worksheet>{head}{COPIED[name](size)}</sheetData></worksheet>".encode()
        raw = raw if head else raw.replace(b"</sheetData>", b"") + b"<sheetData></sheetData>"
        added = AddedColumns(first=1, header_row=1, headers=["x"], widths=[9])

        def read() -> None:
            with suppress(UnfitWorkbookError, ValueError):
                used_columns(io.BytesIO(raw))
            with suppress(UnfitWorkbookError, ValueError):
                add_columns(io.BytesIO(raw), len, added, iter(()))

        return read

    assert_bounded(work)


TEXTS: dict[str, Callable[[str], object]] = {
    "neutralise": neutralise,
    "undo": undo,
    "normalise": normalise,
    "is_known": is_known,
    "body_name": body_name,
    "is_placeholder": is_placeholder,
    "safe link": SAFE_LINK.fullmatch,
    "attributes": lambda text: attributes(text[:5_000]) and None,
    "odd_styles": odd_styles,
    "shown": lambda text: shown(text, "1"),
    "shows_itself": lambda text: shows_itself(text, "1"),
    "damage": lambda text: list(
        noting_damage(iter([(1, [text])]), ("id",), frozenset({0}), lambda _: None)
    ),
    "unique_headers": lambda text: unique_headers(["a"] * (len(text) // 4)),
}
SEEDS = (
    *("-1", "=", " ", "'", "a", "0", "0.", "\u0300\u0315", "body.", "body ", "../", "a/", "a."),
    *("<numFmt ", '<xf a="', "#", "1E+", "[1", "image1", '"', "\t", "０", "<x:"),
)


@pytest.mark.parametrize("name", TEXTS)
def test_what_looks_at_one_text_takes_linear_time(name: str) -> None:
    for seed in SEEDS:

        def work(size: int, seed: str = seed) -> Callable[[], object]:
            text = seed[:1] + repeated(seed[1:] or seed, size) + "x"
            return lambda: TEXTS[name](text)

        assert_bounded(work)


def test_columns_of_structured_output_are_bounded() -> None:
    class Row:
        def __init__(self, at: int) -> None:
            self.data = {"structured": {f"{at}-{one}": one for one in range(10)}}

    rows = [Row(at) for at in range(5_000)]
    assert len(property_columns(rows)) == MAX_PROPERTIES  # type: ignore[arg-type]  # only data
