"""Questions and usage errors on the terminal are printed safely."""

from collections.abc import Callable

import click
import pytest

from runner.console.usage import ask_typed_yes, ask_yes_no

ESCAPES = "price unknown for m\x1b]0;owned\x07\u202e"


@pytest.mark.parametrize("ask", [lambda text: ask_yes_no(text, default=False), ask_typed_yes])
def test_a_question_shows_what_a_terminal_would_act_on_as_text(
    ask: Callable[[str], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def prompt(text: str, **options: object) -> str:
        asked.append(text)
        return ""

    monkeypatch.setattr(click, "prompt", prompt)
    assert not ask(ESCAPES)
    assert not set("\x1b\x07\u202e") & set(asked[0])
    assert "\\u001b]0;owned" in asked[0]


@pytest.mark.parametrize(
    ("typed", "agreed"), [("yes", True), ("是", True), ("y", False), ("", False)]
)
def test_a_typed_yes_is_the_whole_word(
    typed: str, agreed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(click, "prompt", lambda text, **options: typed)
    assert ask_typed_yes("Run the other 257 rows") is agreed
