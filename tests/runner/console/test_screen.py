"""Text for the terminal is cut, padded and cleaned by its width in columns."""

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.catalogue.safe_text import plain
from runner.console.screen import console, folded_beside, folded_line, is_utf8, markup, prepare


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x7f\x00", "\\x7f\\x00"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028end", "line\\u2028end"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("half \ud800", "half \\ud800"),
        ("提示词 ✓ C:\\Users", "提示词 ✓ C:\\Users"),
    ],
)
def test_control_bidi_and_format_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_a_long_text_is_cut_at_the_limit() -> None:
    assert plain("x" * 1000, 20) == "x" * 19 + "…"
    assert plain("x" * 20, 20) == "x" * 20


@given(st.text(), st.integers(min_value=1, max_value=60))
def test_no_text_makes_a_second_line_or_exceeds_the_limit(text: str, limit: int) -> None:
    shown = plain(text, limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown


def test_square_brackets_are_no_markup() -> None:
    out = io.StringIO()
    console(out, color="never").print(plain("[red]x[/red]"))
    assert out.getvalue() == "[red]x[/red]\n"
    assert markup("[red]x[/red]") == "\\[red]x\\[/red]"


def test_a_mark_that_the_encoding_lacks_becomes_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="gbk")
    monkeypatch.setattr(sys, "stdout", stream)
    prepare()
    stream.write("✓ 完成 🐱 → ok")
    stream.flush()
    assert raw.getvalue().decode("gbk") == "+ 完成 ? → ok"
    assert not is_utf8(stream)


def test_colours_follow_the_option_before_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = {}
    for color in ("auto", "always", "never"):
        out = io.StringIO()
        console(out, color=color).print("x", style="red")
        shown[color] = "\x1b" in out.getvalue()
    assert shown == {"auto": False, "always": True, "never": False}


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        ("short enough", ["short enough"]),
        ("1 row · chat · price about 0.01 USD", ["1 row · chat ·", "price about 0.01", "USD"]),
        ("gateway  0.50 USD of credits", ["gateway  0.50 USD of", "         credits"]),
        (
            "  chat    text out of pictures here",
            ["  chat    text out of pictures", " " * 10 + "here"],
        ),
        ("没有列保存提示词。把一列命名", ["没有列保存提示", "词。把一列命名"]),
        (f"a {'x' * 30} b", ["a", "x" * 30, "b"]),
    ],
)
def test_a_line_is_folded_at_words_and_chinese_marks_do_not_begin_one(
    line: str, pieces: list[str]
) -> None:
    width = 27 if line.startswith("gateway") else 30 if line.startswith("  chat") else 16
    assert folded_line(line, width).split("\n") == pieces


def test_text_beside_a_chinese_label_is_folded_by_columns() -> None:
    assert folded_beside("列名  ", "how many pictures", 16) == "how many\n" + " " * 6 + "pictures"
    assert folded_beside("列名  ", "how many", 16) == "how many"


@given(st.text(), st.integers(min_value=1, max_value=40))
def test_folding_changes_nothing_but_spaces(line: str, width: int) -> None:
    flat = "".join(line.split("\n"))
    assert "".join(folded_line(flat, width).split()) == "".join(flat.split())
