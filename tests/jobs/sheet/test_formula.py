"""Neutralised text runs nothing and loses nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.sheet.formula import neutralise, undo

TRICKY = (
    st.text(alphabet=st.sampled_from("'=+-@|%＝＋－＠ \t\r\n\x00\u200b\ufeff07.e\"a,;")) | st.text()
)


@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "|calc", "%0A=1"),
        *("\t=1", "\r=1", "\n=1", "\ttext", "\rtext", "\ntext"),
        *("＝1+1", "＋1+1", "－cmd", "＠x", "｜x", "％x", "﹦1", "−1+1"),
        *("  =1", "\u00a0=1", "\u3000=1", "\u200b=1", "\ufeff=1", "\x00=1", " \x00 \u200b=1"),
        *("- a list", "+5\n", "-1-1", "-", "+", "+1=", "-1e", "-١"),
    ],
)
def test_what_a_spreadsheet_may_run_is_quoted(text: str) -> None:
    assert neutralise(text) == f"'{text}"
    assert undo(neutralise(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a cat",
        "-5",
        "+3.25",
        "-1e5",
        "-.5",
        "-12%",
        "5",
        "a=b",
        "'tis",
        "'007",
        "'",
        "1-2",
        '"=1',
    ],
)
def test_plain_text_and_plain_numbers_stay_as_they_are(text: str) -> None:
    assert neutralise(text) == text
    assert undo(text) == text


def test_what_looks_quoted_already_is_quoted_once_more() -> None:
    assert neutralise("'=1") == "''=1"
    assert undo("''=1") == "'=1"
    assert undo("'=1") == "=1"


@settings(max_examples=5000, deadline=None)
@given(TRICKY)
def test_undo_gives_every_text_back_exactly(text: str) -> None:
    assert undo(neutralise(text)) == text


@settings(max_examples=500, deadline=None)
@given(TRICKY)
def test_neutralised_text_never_begins_with_a_sign_unless_it_is_a_number(text: str) -> None:
    safe = neutralise(text).lstrip(" \t\r\n\x00\u200b\ufeff")
    if safe[:1] and safe[0] in "=+-@|%＝＋－＠":
        float(safe.removesuffix("%"))
