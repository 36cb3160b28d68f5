"""The window's title and the task bar show how far a run is, and are restored."""

import io

import pytest

from runner.console.terminal_title import TerminalTitle, knows_titles


class Window(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_share_and_the_sheet_stand_in_the_title_and_in_the_task_bar() -> None:
    window = Window()
    title = TerminalTitle(window)
    title.show(45, 100, "主图.xlsx → run 12")
    assert "\x1b]0;45 % · 主图.xlsx → run 12 · rowmill\x07" in window.getvalue()
    assert "\x1b]9;4;1;45\x07" in window.getvalue()


def test_nothing_is_written_while_nothing_changes() -> None:
    window = Window()
    title = TerminalTitle(window)
    title.show(45, 100, "a.csv")
    written = window.getvalue()
    title.show(45, 100, "a.csv")
    assert window.getvalue() == written


def test_the_old_title_comes_back_once() -> None:
    window = Window()
    title = TerminalTitle(window)
    title.show(1, 2, "a.csv")
    title.restore()
    title.restore()
    assert window.getvalue().startswith("\x1b[22;0t")
    assert window.getvalue().endswith("\x1b]9;4;0\x07\x1b[23;0t")
    assert window.getvalue().count("\x1b[23;0t") == 1


def test_a_sheets_name_ends_no_sequence() -> None:
    window = Window()
    TerminalTitle(window).show(1, 2, "a\x07\x1b]52;c;aGk=\x07.csv")
    assert window.getvalue().count("\x07") == 2
    assert "\x1b]52" not in window.getvalue()


@pytest.mark.parametrize(
    ("term", "known"), [("xterm-256color", True), ("linux", False), ("", False)]
)
def test_a_console_that_prints_such_sequences_gets_none(
    monkeypatch: pytest.MonkeyPatch, term: str, known: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    assert knows_titles(Window()) is known
    assert not knows_titles(io.StringIO())
