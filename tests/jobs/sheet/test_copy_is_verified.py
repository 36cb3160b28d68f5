"""A copy of a workbook that does not show what it should does not count."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from xlsxwriter import Workbook

from jobs.sheet.copy.parts import UnfitWorkbookError
from jobs.sheet.copy.sheet import AddedRow
from jobs.sheet.copy.workbook import Copied, SheetLocation, copy_with_columns, verify_copy

PLACE = SheetLocation(tab="t", header_row=1)
HEADERS = ["result_picture", "result_link", "result_status"]
SHEET, DRAWING = "xl/worksheets/sheet1.xml", "xl/drawings/drawing1.xml"
RELATIONS = "xl/worksheets/_rels/sheet1.xml.rels"


class OwnBook:
    """A workbook with a picture and a link of its own, and a picture to be added."""

    def __init__(self, folder: Path) -> None:
        self.sheet, self.copy = folder / "own.xlsx", folder / "copy.xlsx"
        self.picture = folder / "1.png.jpg"
        Image.new("RGB", (64, 32), "red").save(self.picture, "JPEG")
        book = Workbook(str(self.sheet))
        page = book.add_worksheet("t")
        page.write_column("A1", ["prompt", "a cat"])
        page.write_url("B1", "https://example.com/")
        page.insert_image("C5", str(self.picture))
        book.close()

    def lines(self) -> Iterator[AddedRow]:
        yield AddedRow(
            number=2, values=[None, "1.png", "done"], picture=self.picture, link="files/1.png"
        )

    def written(self) -> Copied:
        with self.copy.open("w+b") as file:
            return copy_with_columns(self.sheet, file, PLACE, HEADERS, self.lines())

    def changed(self, change: Callable[[str, bytes], bytes]) -> None:
        with zipfile.ZipFile(self.copy) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(self.copy, "w") as archive:
            for name, raw in parts.items():
                archive.writestr(name, change(name, raw))

    def verify(self, copied: Copied) -> None:
        verify_copy(self.sheet, self.copy, copied, PLACE, self.lines())


def replacing(part: str, old: bytes, new: bytes) -> Callable[[str, bytes], bytes]:
    """A change of one part, which must be one."""

    def change(name: str, raw: bytes) -> bytes:
        if name != part:
            return raw
        assert old in raw
        return raw.replace(old, new, 1)

    return change


def test_a_copy_as_it_was_written_counts(tmp_path: Path) -> None:
    own = OwnBook(tmp_path)
    own.verify(own.written())


@pytest.mark.parametrize(
    "change",
    [
        replacing(DRAWING, b"twoCellAnchor", b"oneCellAnchor"),  # of the user's picture
        replacing(RELATIONS, b"files/1.png", b"files/2.png"),
        replacing(RELATIONS, b"https://example.com/", b"https://example.org/"),
        replacing(SHEET, b"<pageMargins", b"<pageMargin"),
        replacing(SHEET, b"<drawing", b"<drawings"),
        replacing("[Content_Types].xml", b"image/jpeg", b"image/jpg"),
    ],
)
def test_a_copy_with_another_byte_in_a_part_does_not_count(
    tmp_path: Path, change: Callable[[str, bytes], bytes]
) -> None:
    own = OwnBook(tmp_path)
    copied = own.written()
    own.changed(change)
    with pytest.raises(UnfitWorkbookError):
        own.verify(copied)


def test_a_copy_with_another_picture_does_not_count(tmp_path: Path) -> None:
    own = OwnBook(tmp_path)
    copied = own.written()
    own.changed(lambda name, raw: raw[:-1] if name.startswith("xl/media/rowmill") else raw)
    with pytest.raises(UnfitWorkbookError):
        own.verify(copied)
