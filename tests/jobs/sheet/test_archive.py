"""A workbook's zip that is damaged, unsafe or far too large is refused before it is read."""

import zipfile
from pathlib import Path

import pytest

from jobs.sheet.finding import SheetError
from jobs.sheet.workbook import archive
from jobs.sheet.workbook.archive import PROLOG_BYTES, check_archive

PROLOG = '<?xml version="1.0"?>'
ENTITY = f'{PROLOG}<!DOCTYPE x [<!ENTITY a "b">]><x/>'


def packed(folder: Path, *parts: tuple[str, str | bytes]) -> Path:
    path = folder / "a.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts:
            book.writestr(name, content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(SheetError) as caught:
        check_archive(path)
    return caught.value.findings[0].kind


def test_an_ordinary_workbook_passes(tmp_path: Path) -> None:
    check_archive(packed(tmp_path, ("xl/workbook.xml", f"{PROLOG}<workbook/>")))


@pytest.mark.parametrize("name", ["../a.xml", "/a.xml", "c:/a.xml", "xl\\..\\..\\a.xml"])
def test_a_part_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    assert refusal(packed(tmp_path, (name, "<x/>"))) == "unsafe_workbook"


def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path, ("xl/a.xml", "<x/>"), ("XL/A.xml", "<y/>"))
    assert refusal(path) == "unsafe_workbook"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_declared_entities_are_refused_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    assert refusal(packed(tmp_path, ("xl/a.xml", ENTITY.encode(encoding)))) == "unsafe_xml"


def test_a_declaration_cannot_hide_behind_a_long_prolog(tmp_path: Path) -> None:
    hidden = f"{PROLOG}<!--{' ' * PROLOG_BYTES}-->{ENTITY.removeprefix(PROLOG)}"
    assert refusal(packed(tmp_path, ("xl/a.xml", hidden))) == "unsafe_xml"


def test_entities_outside_xml_parts_are_no_matter(tmp_path: Path) -> None:
    check_archive(packed(tmp_path, ("notes.txt", ENTITY)))


def test_dense_packing_is_refused_only_if_it_unpacks_to_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path, ("xl/media/a.bin", bytes(1_000_000)))
    check_archive(path)
    monkeypatch.setattr(archive, "HARMLESS_BYTES", 100_000)
    assert refusal(path) == "unsafe_size"


def test_too_many_parts_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_ENTRIES", 2)
    assert refusal(packed(tmp_path, *((f"{k}.xml", "<x/>") for k in range(3)))) == "unsafe_size"


def test_half_a_zip_is_damaged(tmp_path: Path) -> None:
    path = packed(tmp_path, ("xl/workbook.xml", f"{PROLOG}<workbook/>"))
    path.write_bytes(path.read_bytes()[:-30])
    assert refusal(path) == "damaged_workbook"
