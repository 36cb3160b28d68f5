"""Finds English sentences in Chinese output."""

import re

MEANT_FOR_MACHINES = (
    re.compile(r"`[^`]*`"),  # commands to copy, with their arguments
    re.compile(r"\"[^\"\n]*\""),  # text that a person would type
    re.compile(r"rowmill (?:keys )?[a-z]+(?: \S*[./:-]\S*)*"),
    re.compile(r"\S*[/\\=<>{}\[\]_]\S*"),  # paths, addresses, settings, templates
)
SENTENCE = re.compile(r"[A-Za-z][a-z']+(?: [A-Za-z][a-z']*){2,}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def english_in(text: str) -> list[str]:
    """Likely English sentences: three consecutive words that are not names."""
    for pattern in MEANT_FOR_MACHINES:
        text = pattern.sub("、", text)
    return SENTENCE.findall(text)
