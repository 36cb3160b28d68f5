"""Column names are recognised, made unique, or read as a part of the body."""

import pytest

from jobs.sheet.names import (
    MAX_NAME_CHARACTERS,
    body_name,
    is_known,
    letter,
    normalise,
    split_number,
    unique_headers,
)


@pytest.mark.parametrize(
    "header", ["Prompt", " ＰＲＯＭＰＴ ", "pro_mpt", "提示词", "image 2", "body.x"]
)
def test_case_blanks_and_width_do_not_matter(header: str) -> None:
    assert is_known(header)


def test_what_is_longer_than_any_name_stays_different() -> None:
    long = "a" * MAX_NAME_CHARACTERS
    assert normalise(f"{long}b") != normalise(f"{long}c")
    assert not is_known("prompt" + "\u0300" * 1_000)


def test_repeated_headers_get_numbers_that_nobody_has() -> None:
    headers = ["a", "a", "a (2)", "a", "b"]
    assert unique_headers(headers) == ("a", "a (2)", "a (2) (2)", "a (3)", "b")


def test_a_number_belongs_to_pictures_only() -> None:
    assert split_number("image2") == ("image", 2)
    assert split_number("prompt2") == ("prompt2", 0)


def test_the_name_behind_body_keeps_its_spelling() -> None:
    assert body_name("Body . top_K") == "top_K"
    assert body_name("body.") is None


def test_columns_have_the_letters_of_excel() -> None:
    assert [letter(at) for at in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
