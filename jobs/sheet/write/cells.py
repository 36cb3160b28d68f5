"""What a cell of an Excel workbook can hold, and the options that keep text from being run."""

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from jobs.sheet.write.writers import REPLACEMENT, WriteError

MAX_CELL_CHARACTERS = 32_767  # of one cell, in UTF-16
_UNFIT = re.compile("[\ud800-\udfff\ufffe\uffff]")  # control characters have an escape

SAFE_WORKBOOK_OPTIONS: Mapping[str, object] = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "use_zip64": True,
}
"""Options that write every text as text, and rows to the disk as they come."""


def clean(text: str) -> tuple[str, int]:
    """The text without characters that a workbook cannot hold, and how many were replaced."""
    return (text, 0) if _UNFIT.search(text) is None else _UNFIT.subn(REPLACEMENT, text)


def is_long(text: str) -> bool:
    """True if the text is too long for a cell. Excel counts UTF-16 units: an emoji is two."""
    if len(text) <= MAX_CELL_CHARACTERS // 2:
        return False
    return len(text.encode("utf-16-le", "surrogatepass")) // 2 > MAX_CELL_CHARACTERS


@contextmanager
def open_book(file: BinaryIO, options: Mapping[str, object]) -> Iterator[Any]:
    """A workbook that is complete in `file` at the end. Raises WriteError if that is impossible."""
    from xlsxwriter import Workbook  # noqa: PLC0415 - for this format only
    from xlsxwriter.exceptions import XlsxWriterException  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory(prefix="rowmill-") as scratch:
        book = Workbook(file, {**options, "tmpdir": scratch})
        try:
            yield book
        except BaseException:
            with suppress(XlsxWriterException):
                book.close()  # only this removes its scratch files
            raise
        try:
            book.close()
        except XlsxWriterException as error:
            if isinstance(error.__context__, OSError):
                raise error.__context__ from error
            raise WriteError("write_no_workbook", reason=error) from error
