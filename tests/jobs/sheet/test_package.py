"""Parts of a workbook are found by their relations, in any spelling, and read within limits."""

import zipfile
from pathlib import Path

import pytest

from jobs.sheet.workbook.package import Package, attributes, part_key, read_member

WORKBOOK = """<workbook xmlns:r="r"><sheets>
<sheet name="First &amp; last" sheetId="1" r:id="rId1"/>
<sheet name="Gone" sheetId="2" r:id="rId2"/></sheets></workbook>"""
RELATIONS = """<Relationships>
<Relationship Id="rId1" Type="http://x/worksheet" Target="worksheets/one.xml"/>
<Relationship Id="rId2" Type="http://x/worksheet" Target="/xl/worksheets/two.xml"/>
<Relationship Id="rId3" Type="http://x/hyperlink" Target="https://e.x" TargetMode="External"/>
</Relationships>"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A workbook of two tabs, of which one part is missing."""
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", WORKBOOK)
        archive.writestr("xl/_rels/workbook.xml.rels", RELATIONS)
        archive.writestr("XL\\Worksheets\\One.xml", "<sheet/>")
        archive.writestr("xl/media/a.png", b"a" * 1000, zipfile.ZIP_DEFLATED)
        archive.writestr("xl/media/b.png", b"b" * 1000, zipfile.ZIP_STORED)
        archive.writestr("xl/media/c.png", b"c" * 1000, zipfile.ZIP_BZIP2)
    return path


def test_attributes_are_unescaped_in_either_quotes() -> None:
    assert attributes("a=\"1 &lt; 2\" r:id = 'x'") == {"a": "1 < 2", "r:id": "x"}


def test_a_part_has_one_key_in_any_spelling() -> None:
    assert part_key("\\XL\\Workbook.xml") == part_key("xl/workbook.xml")


def test_a_tab_is_found_by_its_relation_if_its_part_exists(book: Path) -> None:
    with zipfile.ZipFile(book) as archive:
        package = Package(archive)
        assert package.tab("First & last") == "xl/worksheets/one.xml"
        assert package.tab("Gone") is None
        assert package.tab("Never there") is None
        assert package.text("xl/worksheets/one.xml") == "<sheet/>"


def test_external_relations_are_left_out(book: Path) -> None:
    with zipfile.ZipFile(book) as archive:
        found = Package(archive).relations("xl/workbook.xml")
    assert found == {
        "rId1": ("worksheet", "xl/worksheets/one.xml"),
        "rId2": ("worksheet", "xl/worksheets/two.xml"),
    }


def test_a_missing_part_reads_as_empty(book: Path) -> None:
    with zipfile.ZipFile(book) as archive:
        package = Package(archive)
        assert package.text("xl/styles.xml") == ""
        assert package.relations("xl/styles.xml") == {}
        assert package.has("xl/MEDIA/")
        assert not package.has("xl/charts/")


@pytest.mark.parametrize("name", ["xl/media/a.png", "XL\\media\\b.png"])
def test_a_member_is_read_up_to_one_byte_over_the_limit(book: Path, name: str) -> None:
    assert len(read_member(book, name, 5000)) == 1000
    assert len(read_member(book, name, 99)) == 100


def test_a_member_that_is_missing_or_packed_otherwise_is_refused(book: Path) -> None:
    with pytest.raises(ValueError, match=r"no xl/media/d\.png"):
        read_member(book, "xl/media/d.png", 99)
    with pytest.raises(ValueError, match="unknown way"):
        read_member(book, "xl/media/c.png", 99)


def test_a_changed_workbook_has_a_new_directory(book: Path) -> None:
    assert read_member(book, "xl/media/b.png", 1) == b"bb"
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("xl/media/other.png", b"other")
    with pytest.raises(ValueError, match="no xl/media/b"):
        read_member(book, "xl/media/b.png", 1)
