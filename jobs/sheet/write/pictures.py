"""Measures pictures that go into a workbook."""

import struct
from pathlib import Path


def picture_size(picture: Path) -> tuple[int, int] | None:
    """Width and height in pixels; None for a file that is missing or no whole picture."""
    from xlsxwriter.exceptions import XlsxWriterException  # noqa: PLC0415 - as below
    from xlsxwriter.image import Image  # noqa: PLC0415 - for workbooks with pictures only

    try:
        image = Image(str(picture))
    except (OSError, ValueError, IndexError, struct.error, XlsxWriterException):
        return None
    width, height = int(image.width), int(image.height)
    return (width, height) if width > 0 and height > 0 else None
