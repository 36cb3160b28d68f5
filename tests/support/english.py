"""Finds the English sentences in what a person who reads Chinese is told."""

import re

MEANT_FOR_MACHINES = (
    re.compile(r"`[^`]*`"),  # commands to copy, and what they are followed by
    re.compile(r"\"[^\"\n]*\""),  # what a person would write
    re.compile(r"rowmill (?:keys )?[a-z]+(?: \S*[./:-]\S*)*"),
    re.compile(r"\S*[/\\=<>{}\[\]_]\S*"),  # paths, addresses, settings, templates
)
SENTENCE = re.compile(r"[A-Za-z][a-z']+(?: [A-Za-z][a-z']*){2,}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def english_in(text: str) -> list[str]:
    """What looks like English sentences: three words in a row that are no names."""
    for pattern in MEANT_FOR_MACHINES:
        text = pattern.sub("、", text)
    return SENTENCE.findall(text)
