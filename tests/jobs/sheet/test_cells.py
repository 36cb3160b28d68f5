"""What a workbook cell cannot hold is replaced and counted, and long text is recognised."""

from io import BytesIO

import pytest

from jobs.sheet.write.cells import (
    MAX_CELL_CHARACTERS,
    SAFE_WORKBOOK_OPTIONS,
    clean,
    is_long,
    open_book,
)
from jobs.sheet.write.writers import REPLACEMENT


def test_lone_surrogates_and_noncharacters_are_replaced() -> None:
    assert clean("a\ud800b\uffff") == (f"a{REPLACEMENT}b{REPLACEMENT}", 2)
    assert clean("plain 猫 🐱\x01") == ("plain 猫 🐱\x01", 0)


@pytest.mark.parametrize(
    ("text", "long"),
    [
        ("x" * MAX_CELL_CHARACTERS, False),
        ("x" * (MAX_CELL_CHARACTERS + 1), True),
        ("🐱" * (MAX_CELL_CHARACTERS // 2), False),
        ("🐱" * (MAX_CELL_CHARACTERS // 2 + 1), True),
    ],
)
def test_length_is_counted_as_excel_does(text: str, long: bool) -> None:
    assert is_long(text) is long


def test_an_error_while_writing_is_not_hidden() -> None:
    book = open_book(BytesIO(), SAFE_WORKBOOK_OPTIONS)
    book.__enter__().add_worksheet("a")
    error = ZeroDivisionError()
    assert not book.__exit__(ZeroDivisionError, error, None)


def test_a_finished_book_is_a_zip() -> None:
    file = BytesIO()
    with open_book(file, SAFE_WORKBOOK_OPTIONS) as book:
        book.add_worksheet("a").write_string(0, 0, "=1+1")
    assert file.getvalue().startswith(b"PK")
