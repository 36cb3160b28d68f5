"""Draws placeholder pictures: the wrapped prompt on a colour of its own."""

import colorsys
import io
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from runner.mock.chance import chance
from runner.mock.pictures.picture import MockPicture

if TYPE_CHECKING:  # Pillow is imported when the first picture is drawn
    from PIL.ImageFont import FreeTypeFont

FONT = Path(__file__).with_name("placeholder.otf")

# a line break, a Latin word with its trailing blanks, or one other character with closing marks
_UNIT = re.compile(r"\n|[!-\u02ff]+[ \t]*|[^\n][，。！？；：、）」』》”’]*")


@lru_cache(maxsize=64)
def draw(picture: MockPicture, kind: str) -> bytes:
    """The picture's bytes as `PNG`, `JPEG` or `WEBP`. Takes milliseconds: not for an event loop."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - costs start-up time, needed only here

    dark, light = _colours(picture.prompt)
    image = Image.new("RGB", (picture.width, picture.height), light)
    pen = ImageDraw.Draw(image)
    margin = max(picture.width // 16, 2)
    foot = _font(max(picture.width // 32, 8))
    label = f"mock {picture.number}.{picture.ask + 1} · {picture.width}×{picture.height}"
    pen.text((margin, picture.height - margin), label, font=foot, fill=dark, anchor="ls")
    inner = picture.width - 2 * margin, picture.height - 4 * margin
    size, lines = _fitting(picture.prompt, *inner)
    text = "\n".join(lines)
    pen.multiline_text((margin, margin), text, font=_font(size), fill=dark, spacing=size // 4)
    out = io.BytesIO()
    image.save(out, kind, **({"compress_level": 1} if kind == "PNG" else {"quality": 80}))
    return out.getvalue()


def wrapped(text: str, ems: float) -> Iterator[str]:
    """The text in lines of at most that many ems, except for longer words."""
    line, used = "", 0.0
    for unit in _UNIT.findall(text):
        if unit == "\n" or (line and used + _ems(unit.rstrip()) > ems):
            yield line.rstrip()
            line, used = "", 0.0
        if line or unit.strip():
            line += unit
            used += _ems(unit)
    if line:
        yield line.rstrip()


def _fitting(prompt: str, width: int, height: int) -> tuple[int, list[str]]:
    """The largest of four font sizes that fits, else the smallest with as many lines as fit."""
    for share in (10, 14, 20, 28):
        size = max(width // share, 8)
        lines = list(wrapped(prompt, width / size))
        room = max(height // (size + size // 3 + 4), 1)
        if len(lines) <= room and all(_ems(line) * size <= width for line in lines):
            break
    return size, lines[:room]


@lru_cache(maxsize=8192)
def _ems(text: str) -> float:
    """The width of a text in ems."""
    return _font(100).getlength(text) / 100


def _colours(prompt: str) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """A dark and a light tone of this prompt's hue."""
    hue = chance(0, prompt)
    dark, light = colorsys.hls_to_rgb(hue, 0.2, 0.6), colorsys.hls_to_rgb(hue, 0.85, 0.6)
    return _bytes(dark), _bytes(light)


def _bytes(colour: tuple[float, float, float]) -> tuple[int, int, int]:
    red, green, blue = (round(part * 255) for part in colour)
    return red, green, blue


@lru_cache(maxsize=32)
def _font(size: int) -> "FreeTypeFont":
    from PIL import ImageFont  # noqa: PLC0415 - as above

    return ImageFont.truetype(FONT, size, layout_engine=ImageFont.Layout.BASIC)
