"""The log of a run quotes foreign text without letting it control a terminal."""

import logging
from pathlib import Path

from runner.workspace.log_file import end_log, log_to


def test_a_strangers_words_are_visible_and_each_line_has_its_time(tmp_path: Path) -> None:
    file = tmp_path / "rowmill.log"
    handler = log_to(file)
    try:
        logging.getLogger("rowmill").warning("one\x1b]0;owned\x07\ntwo\u202e")
    finally:
        end_log(handler)
    first, second = file.read_text(encoding="utf-8").splitlines()
    assert first.endswith("WARNING one\\u001b]0;owned\\u0007")
    assert second.endswith("WARNING two\\u202e")


def test_the_log_is_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "rowmill.log"
    end_log(log_to(file))
    assert file.stat().st_mode & 0o077 == 0
