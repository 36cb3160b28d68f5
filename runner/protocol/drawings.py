"""Tells whether bytes are a whole SVG drawing, without parsing what may be a weapon."""

import re

from runner.protocol.media import (
    MEDIA_HEAD_BYTES,
    MediaFormat,
    inspect_media,
    is_film,
    is_sound,
    media_kind,
)
from runner.protocol.pictures import Bytes, CutPictureError, PictureFormat, inspect

DRAWING_TYPE = "image/svg+xml"
DRAWING_ENDING = ".svg"
MAX_PROLOG_BYTES = 16 * 1024  # XML declaration, comments and document type before the drawing
_START = re.compile(
    rb"""(?>\xef\xbb\xbf)?\s*(?><\?xml(?:(?!\?>).)*\?>\s*)?
    (?><!--(?:(?!-->).)*-->\s*|<!DOCTYPE\s[^>\[]*(?:\[[^\]]*\])?\s*>\s*)*
    <svg(?P<attributes>[\s/][^>]*)?>""",
    re.DOTALL | re.VERBOSE,
)
_LENGTH = rb"""\s%s\s*=\s*["']\s*(\d{1,6})(?:\.\d+)?(?:px)?\s*["']"""
_WIDTH, _HEIGHT = re.compile(_LENGTH % b"width"), re.compile(_LENGTH % b"height")
_BOX = re.compile(rb"""\sviewBox\s*=\s*["']\s*\S+[\s,]+\S+[\s,]+(\d{1,6})\S*[\s,]+(\d{1,6})""")


def inspect_any(data: Bytes) -> PictureFormat | MediaFormat:
    """As `inspect`, for SVG, films and sounds too: what was paid for is kept in every form.

    A drawing may hold scripts: it is kept and linked, and nothing of ours renders it. One without
    a size has the size 0. Raises NotAPictureError or CutPictureError.
    """
    with memoryview(data) as view:
        head = bytes(view[:MAX_PROLOG_BYTES])
        if kind := media_kind(head[:MEDIA_HEAD_BYTES]):
            return inspect_media(view, kind)
        found = _START.match(head)
        if found is None:
            return inspect(view)
        attributes = found["attributes"] or b""
        end = bytes(view[-1024:]).rstrip(b"\0 \t\r\n")
        if not attributes.endswith(b"/") and not re.search(rb"</svg\s*>(?:\s*<!--.*-->)?\Z", end):
            raise CutPictureError(f"{DRAWING_TYPE} ends too early, after {len(view):,} bytes")
    width, height = _size(attributes)
    return PictureFormat(media_type=DRAWING_TYPE, width=width, height=height)


def _size(attributes: bytes) -> tuple[int, int]:
    width, height, box = (one.search(attributes) for one in (_WIDTH, _HEIGHT, _BOX))
    if width and height:
        return int(width[1]), int(height[1])
    return (int(box[1]), int(box[2])) if box else (0, 0)


def is_drawing(name: str) -> bool:
    """True for the name of a kept drawing."""
    return name.lower().endswith(DRAWING_ENDING)


def is_picture(name: str) -> bool:
    """True for the name of a kept file that a decoder of pictures may open."""
    return not (is_drawing(name) or is_film(name) or is_sound(name))
