"""Every stop reason has its exit code and its sentence in both languages."""

import pytest

from runner.catalogue import LANGUAGES, choose_language, say
from runner.engine.stop import STOP_CODES, StopReason, interrupt_words


@pytest.mark.parametrize("reason", StopReason)
def test_every_reason_has_an_exit_code(reason: StopReason) -> None:
    assert reason in STOP_CODES


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", StopReason)
def test_every_reason_has_its_sentence(reason: StopReason, language: str) -> None:
    choose_language(language, {})
    try:
        assert say(f"run.stopped_{reason}", detail="the detail")
    finally:
        choose_language("en", {})


def test_the_words_after_ctrl_c_name_what_is_waited_for() -> None:
    assert interrupt_words(1, calls=0, files=0) == say("run.stopping")
    assert "3 calls" in interrupt_words(1, calls=3, files=1)
    assert interrupt_words(2, calls=3, files=1) == say("run.cut")
