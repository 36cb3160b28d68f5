"""Decides whether a guess at an encoding can be trusted when there is little text to guess from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

CERTAIN_CHARACTERS = 64  # non-ASCII characters; this many are not valid UTF-8 by chance
MIN_CHARACTERS = 16  # non-ASCII characters; fewer prove no multi-byte encoding
EVERYDAY_SHARE = 0.9  # of the non-ASCII characters

# The everyday subset of each encoding; text in another encoding soon leaves it.
_EVERYDAY = {
    "gb18030": "gb2312",
    "cp950": "big5",
    "big5hkscs": "big5",
    "cp932": "shift_jis",
    "shift_jis_2004": "shift_jis",
    "euc_jp": "shift_jis",
    "euc_jis_2004": "shift_jis",
    "cp949": "euc_kr",
}
_HIGH = re.compile(rb"[\x80-\xff]+")
_FIRST_HANZI = re.compile(rb"(?:[\xb0-\xd7][\xa1-\xfe])+")  # the 3,755 commonest of GB2312
_HANZI = re.compile(rb"(?:[\xb0-\xf7][\xa1-\xfe])+")


@dataclass(frozen=True, slots=True, kw_only=True)
class GbkDoubt:
    """A text that is valid UTF-8 and would be Chinese in GB18030."""

    read: str
    other: str
    raw: bytes


def gbk_doubt(foreign: Sequence[str]) -> GbkDoubt | None:
    """The doubt if a text with these non-ASCII words, valid as UTF-8, may be GBK; else None.

    Only a short text can be both: each of its characters must be two bytes that are also a Chinese
    character. Accents inside Latin words rule it out, since a Chinese cell has no Latin letters.
    """
    if not foreign or sum(map(len, foreign)) >= CERTAIN_CHARACTERS:
        return None
    bare = ["".join(c for c in word if not c.isascii()) for word in foreign]
    if not all(_HANZI.fullmatch(word.encode()) for word in bare):
        return None
    for word, shown in zip(foreign, bare, strict=True):
        alone = not (word[0].isascii() and word[0].isalpha()) and not (
            word[-1].isascii() and word[-1].isalpha()
        )
        if alone and any(character > "\u00bf" for character in shown):
            raw = shown.encode()
            return GbkDoubt(read=shown, other=raw.decode("gb18030"), raw=raw)
    return None


def is_plausible(lines: Sequence[bytes], name: str) -> bool:
    """True if there is enough text, nearly all in everyday characters of this encoding."""
    text = b"".join(lines).decode(name, "ignore")
    high = [character for character in text if not character.isascii()]
    if len(high) < MIN_CHARACTERS:
        return False
    everyday = "".join(high).encode(_EVERYDAY[name], "ignore").decode(_EVERYDAY[name])
    return len(everyday) >= EVERYDAY_SHARE * len(high)


def looks_chinese(lines: Sequence[bytes]) -> bool:
    """True if there is little text, and all of it is common Chinese characters of GBK."""
    words = _HIGH.findall(b"".join(lines))
    return sum(map(len, words)) < MIN_CHARACTERS and all(map(_FIRST_HANZI.fullmatch, words))
