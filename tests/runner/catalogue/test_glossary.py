"""The words of docs/glossary.md are the words of all messages."""

from pathlib import Path

import pytest

from runner.catalogue.en.failures import FAILURES as ENGLISH_FAILURES
from runner.catalogue.en.messages import MESSAGES as ENGLISH
from runner.catalogue.zh.failures import FAILURES as CHINESE_FAILURES
from runner.catalogue.zh.messages import MESSAGES as CHINESE

GLOSSARY = Path(__file__).parents[3] / "docs" / "glossary.md"


def terms() -> list[tuple[str, ...]]:
    """English, Chinese, meaning and words to avoid, of each term."""
    lines = GLOSSARY.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return [tuple(row) for row in cells[2:]]


def avoided() -> list[str]:
    """The words that stand for a term nowhere."""
    return [word.strip() for *_, words in terms() for word in words.split(",") if word.strip()]


def sentences(language: str) -> dict[str, str]:
    """All sentences of a language, by key."""
    said = ENGLISH if language == "en" else CHINESE
    failures = ENGLISH_FAILURES if language == "en" else CHINESE_FAILURES
    return {**said, **{key: " ".join(words) for key, words in failures.items()}}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_message_uses_a_word_that_the_glossary_replaces(language: str) -> None:
    found = [
        (key, word)
        for key, text in sentences(language).items()
        for word in avoided()
        if word in text.lower()
    ]
    assert not found


def test_every_term_has_one_word_in_each_language_and_no_word_two_terms() -> None:
    for place in (0, 1):
        words = [row[place] for row in terms()]
        assert all(words)
        assert len(set(words)) == len(words)


def test_every_term_is_said_in_both_languages() -> None:
    for place, language in ((0, "en"), (1, "zh")):
        text = " ".join(sentences(language).values()).lower()
        assert not [row[place] for row in terms() if row[place].lower() not in text]
