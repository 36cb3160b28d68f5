"""SVG drawings are whole or cut, and nothing else is taken for one."""

import pytest

from runner.protocol.drawings import inspect_any
from runner.protocol.pictures import CutPictureError, NotAPictureError

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="20px" height="10">%s</svg>'


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (SVG % b"<rect/>", (20, 10)),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a > b -->\n" + SVG % b"" + b"\n", (20, 10)),
        (b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd">\n' + SVG % b"", (20, 10)),
        (b'<svg viewBox="0 0 30.5 40"><g/></svg >', (30, 40)),
        (b"<svg/>", (0, 0)),
        (b"<svg></svg><!-- made by a model -->", (0, 0)),
    ],
)
def test_a_drawing_that_closes_is_whole(data: bytes, size: tuple[int, int]) -> None:
    found = inspect_any(data)
    assert (found.media_type, found.ending) == ("image/svg+xml", ".svg")
    assert (found.width, found.height) == size


def test_a_drawing_that_ends_early_is_cut() -> None:
    with pytest.raises(CutPictureError):
        inspect_any((SVG % b"<rect/>")[:-3])


@pytest.mark.parametrize(
    "data",
    [
        b"<html><svg></svg></html>",
        b"<?xml version='1.0'?><Error>",
        b"<svgs></svgs>",
        b"<!-- -->" * 2000 + b"<p>",
    ],
)
def test_what_only_holds_a_drawing_is_none(data: bytes) -> None:
    with pytest.raises(NotAPictureError):
        inspect_any(data)
