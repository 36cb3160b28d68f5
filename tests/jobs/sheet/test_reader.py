"""Files that are not sheets are refused with a plain message."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.sheet.reader import Finding, SheetError, open_sheet
from runner.catalogue import choose_language
from runner.catalogue.findings import describe, describe_error, finding_text
from tests.support.fuzzed_sheets import fuzzed

FORMATS = ["csv", "tsv", "txt", "jsonl", "json", "xlsx", "xlsm", "xls", "xlsb", "ods", "parquet"]


def refused(path: Path, **options: str) -> Finding:
    with pytest.raises(SheetError) as caught:
        open_sheet(path, **options)
    assert str(path) in str(caught.value)
    assert "Traceback" not in str(caught.value)
    return caught.value.findings[-1]


def workbook() -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    book.add_worksheet().write_string(0, 0, "prompt")
    book.close()
    return buffer.getvalue()


@pytest.mark.parametrize("ending", FORMATS)
def test_what_is_not_there_is_said(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"sheet.{ending}"
    assert refused(path).kind == "missing_file"
    path.write_bytes(b"")
    assert refused(path).kind == "empty_file"
    path.unlink()
    path.mkdir()
    assert refused(path).kind == "folder"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "sheet.csv")
    assert refused(tmp_path / "sheet.csv").kind == "not_a_file"


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no such device")
def test_a_device_is_refused_and_a_circle_of_links_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    assert refused(tmp_path / "zero.csv").kind == "not_a_file"
    (tmp_path / "circle.csv").symlink_to("circle.csv")
    assert refused(tmp_path / "circle.csv").kind == "missing_file"


@pytest.mark.parametrize("content", ["\n\n \n", "\ufeff\n", "\r\n"])
@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_a_sheet_of_blanks_is_empty(tmp_path: Path, content: str, ending: str) -> None:
    path = tmp_path / f"sheet.{ending}"
    path.write_text(content)
    assert refused(path).kind == "empty_sheet"


@pytest.mark.parametrize("content", ["id,prompt\n", "id,prompt", "id,prompt\n\n,\n"])
def test_a_header_alone_is_not_enough(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(content)
    assert refused(path).kind == "no_rows"


def test_an_unknown_ending_lists_the_formats(tmp_path: Path) -> None:
    path = tmp_path / "sheet.docx"
    path.write_text("prompt\nx\n")
    finding = refused(path)
    assert finding.kind == "unknown_format"
    assert "xlsx" in finding.expected
    assert list(open_sheet(path, format="csv").rows()) == [(2, ["x"])]


@pytest.mark.parametrize(
    ("content", "ending", "found"),
    [
        (workbook(), "csv", "workbook"),
        (workbook(), "jsonl", "workbook"),
        (workbook(), "parquet", "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "csv", "old Excel"),
        (b"PAR1" + b"\0" * 60, "csv", "parquet"),
        (b"id,prompt\n1,x\n", "xlsx", "plain text"),
        (b"id,prompt\n1,x\n", "xls", "plain text"),
        (bytes(range(256)) * 9, "xlsx", "a binary file"),
        (b"\xff\xfe" + "id,prompt".encode("utf-16-le"), "xlsx", "plain text"),
        (b"id,prompt\n1,x\n", "parquet", "plain text"),
        (b"<html><table><tr><td>prompt</td></tr></table>", "xls", "a web page"),
        (b"\xef\xbb\xbf\r\n<table><tr><td>prompt</td></tr></table>", "csv", "a web page"),
        (b"<?xml version='1.0'?><Workbook/>", "xls", "XML"),
        (b"%PDF-1.7\n", "csv", "a PDF"),
        (b"\x1f\x8b\x08\0", "csv", "gzip"),
    ],
)
def test_a_file_under_a_wrong_name_is_recognised(
    tmp_path: Path, content: bytes, ending: str, found: str
) -> None:
    path = tmp_path / f"sheet.{ending}"
    path.write_bytes(content)
    finding = refused(path)
    assert finding.kind == "wrong_kind"
    assert found in finding_text(finding).found
    assert finding_text(finding).expected == f"a {ending} sheet"


PIECES = st.sampled_from(
    [
        *(
            b"prompt",
            b"id,",
            b"\xe6\x8f\x90",
            b"\xcc\xe1",
            b"\xff\xfe",
            b"\xef\xbb\xbf",
            b"\0",
            b"\xd8",
        ),
        *(b'"', b"\n", b"\r", b"\t", b";", b"sep=;\n", b"{", b"}", b"[", b'{"a":1}', b'"\\ud83d"'),
        *(
            b"PK\x03\x04",
            b"PAR1",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            b"\x1b$B",
            b"\x84\x31\x95\x33",
        ),
    ]
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(PIECES | st.binary(max_size=4), max_size=14), st.sampled_from(FORMATS))
def test_any_bytes_are_a_sheet_or_a_plain_refusal(
    tmp_path: Path, pieces: list[bytes], ending: str
) -> None:
    path = tmp_path / f"sheet.{ending}"
    path.write_bytes(b"".join(pieces))
    try:
        sheet = open_sheet(path)
        rows = list(sheet.rows())
    except SheetError as error:
        str(error).encode()
    else:
        assert all(len(cells) >= len(sheet.layout.headers) for _, cells in rows)
        json.dumps([rows, sheet.layout.headers], ensure_ascii=False).encode()


def test_a_zip_that_is_no_workbook_is_called_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("prompts.csv", "prompt\nx\n")
    assert finding_text(refused(path)).found == "a zip archive"


def test_options_without_meaning_are_said(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("prompt\nx\n")
    sheet = open_sheet(path, tab="Sheet1")
    assert [(f.kind, f.severity) for f in sheet.findings] == [("unused_option", "warning")]


FOUND = Finding(
    kind="long_row",
    severity="error",
    row=5,
    column="si\nze",
    found="x",
    values=(("width", 2), ("count", 1234)),
)


def test_an_error_names_file_row_column_expected_and_found() -> None:
    text = describe_error(SheetError(Path("a.csv"), [FOUND, FOUND]))
    assert text.splitlines() == ["a.csv cannot be used:", *(2 * ["  " + describe(FOUND)])]
    assert describe(FOUND).startswith("row 5, column si ze: the row is longer than the header; put")
    assert describe(FOUND).endswith(
        "(found 1,234 cells, beyond the header: x; expected 2 cells, as in the header)"
    )


def test_the_same_error_is_told_in_chinese_and_stays_english_as_data() -> None:
    choose_language("zh", {})
    text = describe_error(SheetError(Path("a.csv"), [FOUND]))
    assert text.splitlines()[0] == "a.csv 无法使用："
    assert text.splitlines()[1].startswith("  第 5 行，“si ze”列：这一行比表头长")
    assert finding_text(FOUND, "en").message.startswith("the row is longer")


def test_reading_csv_imports_neither_pandas_nor_pyarrow(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("prompt\nx\n")
    code = (
        "import sys, pathlib; from jobs.sheet.reader import open_sheet;"
        "list(open_sheet(pathlib.Path(sys.argv[1])).rows());"
        "print([m for m in ('pandas', 'pyarrow', 'numpy') if m in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "lists.jsonl", "safe.csv"])
def test_rows_of_long_cells_come_in_small_blocks(tmp_path: Path, name: str) -> None:
    cell = "data:image/png;base64," + "A" * 300_000
    path = tmp_path / name
    with path.open("w", encoding="utf-8") as file:
        if name == "safe.csv":  # is read row by row
            file.write('"id","result_status","result_row","result_key","image"\n')
            file.writelines(f'\'=1,done,{number},k,"{cell}"\n' for number in range(60))
        elif name == "a.csv":
            file.write("id,image\n")
            file.writelines(f'{number},"{cell}"\n' for number in range(60))
        else:
            image = [cell] if name == "lists.jsonl" else cell
            file.writelines(json.dumps({"id": n, "image": image}) + "\n" for n in range(60))
    sizes = [len(block.rows) for block in open_sheet(path).blocks()]
    assert sum(sizes) == 60
    assert max(sizes) <= 10


def test_a_sheet_read_in_blocks_of_any_size_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(200):
        sheet = fuzzed(seed)
        path = tmp_path / sheet.name
        path.write_bytes(sheet.raw)
        seen = []
        for size in (1, 3, 250):
            monkeypatch.setattr("jobs.sheet.block.MAX_BLOCK_ROWS", size)
            seen.append(_in_blocks(path))
        assert seen[0] == seen[1] == seen[2], f"seed {seed}"


def _in_blocks(path: Path) -> tuple[list[object], list[Finding]]:
    """The rows and findings of a sheet; the refusal, if it cannot be read to its end."""
    found: list[object] = []
    try:
        sheet = open_sheet(path)
    except SheetError as error:
        return found, list(error.findings)
    try:
        for block in sheet.blocks():
            rows = zip(block.positions, block.texts, strict=True)
            found += [(position, text, block.errors.get(position)) for position, text in rows]
    except SheetError as error:
        return [], sorted([*sheet.findings, *error.findings], key=repr)
    return found, sorted(sheet.findings, key=repr)
