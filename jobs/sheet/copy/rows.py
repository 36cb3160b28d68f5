"""Makes room for a picture in a row of a worksheet."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.sheet.copy.pictures import Anchored
from jobs.sheet.write.pictures import picture_size

PICTURE_PIXELS = 92  # of the longer edge, as it is shown
ROW_PIXELS = 100  # of a row with a picture, unless the person made it higher
MARGINS_PIXELS = 8  # above and below, left and right
_DEFAULT_ROW_PIXELS = 20
_DEFAULT_COLUMN_PIXELS = 64
_HEIGHT = re.compile(rb'\sht="([0-9.]{1,12})"')
_CUSTOM = re.compile(rb'\scustomHeight="[^"]{0,5}"')
_HIDDEN = re.compile(rb'\shidden="(?:1|true)"')
_DEFAULT_HEIGHT = re.compile(rb'<sheetFormatPr\b[^<>]{0,500}?\bdefaultRowHeight="([0-9.]{1,12})"')
_COLUMN = re.compile(rb"<col\b([^<>]{0,500})>")
_NUMBER_OF = {
    name: re.compile(rb"\b%s=\"([0-9.]{1,12})\"" % name) for name in (b"min", b"max", b"width")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The cells for the pictures: their column, its width, the rows that keep their height."""

    column: int
    width: int  # pixels
    row_height: int  # pixels, where a row does not say it
    kept_rows: Sequence[range]

    def fitted(self, number: int, opening: bytes, picture: Path) -> tuple[bytes, Anchored | None]:
        """The row's tag, high enough, and the picture in it; None in a hidden row."""
        found = _HEIGHT.search(opening)
        height = round(float(found[1]) * 4 / 3) if found else self.row_height
        size = picture_size(picture)
        if size is None or height == 0 or _HIDDEN.search(opening):
            return opening, None
        if height < ROW_PIXELS and not any(number in rows for rows in self.kept_rows):
            height = ROW_PIXELS
            plain = _CUSTOM.sub(b"", _HEIGHT.sub(b"", opening))
            end = b"/>" if plain.endswith(b"/>") else b">"
            sized = b' ht="%d" customHeight="1"' % (height * 3 // 4)
            opening = plain[: -len(end)].rstrip() + sized + end
        room = (self.width - MARGINS_PIXELS, height - MARGINS_PIXELS)
        limits = (min(one, PICTURE_PIXELS) / edge for one, edge in zip(room, size, strict=True))
        scale = min(*limits, 1.0)
        width, tall = (max(round(edge * scale), 1) for edge in size)
        return opening, Anchored(
            row=number - 1, column=self.column, picture=picture, width=width, height=tall
        )


def row_pixels(head: bytes) -> int:
    """The height of a row that does not say its own, by what precedes the rows."""
    found = _DEFAULT_HEIGHT.search(head)
    return round(float(found[1]) * 4 / 3) if found else _DEFAULT_ROW_PIXELS


def column_pixels(head: bytes, column: int) -> int:
    """The width of a column, by what precedes the rows."""
    for attributes in _COLUMN.findall(head):
        found = {name: pattern.search(attributes) for name, pattern in _NUMBER_OF.items()}
        first, last, width = (found[name] for name in (b"min", b"max", b"width"))
        if first and last and float(first[1]) <= column + 1 <= float(last[1]):
            return round(float(width[1]) * 7) + 5 if width else _DEFAULT_COLUMN_PIXELS
    return _DEFAULT_COLUMN_PIXELS
