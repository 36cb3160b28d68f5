"""A file is recognised by its content, whatever its name says."""

import zipfile
from pathlib import Path

import pytest

from jobs.sheet.magic import real_kind


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "ole"),
        (b"PAR1\0\0", "parquet"),
        (b"%PDF-1.7\n", "pdf"),
        (b"SQLite format 3\0", "sqlite"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"\xef\xbb\xbf  <!DOCTYPE HTML><p>", "web page"),
        (b'<?xml version="1.0"?><html>', "web page"),
        (b'<?xml version="1.0"?><Workbook>', "xml"),
        (b"prompt\na cat\n", "text"),
        ("提示词\n一只猫\n".encode("gb18030"), "text"),
        ("prompt\na cat\n".encode("utf-16"), "text"),
        ("prompt\na cat\n".encode("utf-16-le"), "text"),
        (b"", "text"),
        (bytes(range(1, 9)) * 20, "binary"),
    ],
)
def test_the_first_bytes_name_the_kind(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert real_kind(path) == kind


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("xl/workbook.xml", "zip workbook"),
        ("\\XL\\Workbook.xml", "zip workbook"),
        ("xl/workbook.bin", "zip workbook"),
        ("content.xml", "zip workbook"),
        ("photos/cat.png", "zip"),
    ],
)
def test_a_zip_is_a_workbook_only_with_a_workbook_part(
    tmp_path: Path, part: str, kind: str
) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(part, "x")
    assert real_kind(path) == kind


def test_a_damaged_zip_goes_to_the_workbook_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"PK\x03\x04 and then nothing")
    assert real_kind(path) == "zip workbook"
