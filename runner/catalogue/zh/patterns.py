"""Our English phrases in Chinese, found by patterns. Imported only where Chinese is read."""

import re
from functools import cache, lru_cache, partial
from typing import TypeAlias

from runner.catalogue.en.system import NUMBERS, SYSTEM
from runner.catalogue.zh.phrases import DETAILS, LABELS, LIBRARIES, PHRASES
from runner.catalogue.zh.system import SQLITE
from runner.catalogue.zh.system import SYSTEM as ZH_SYSTEM

_GROUP = re.compile(r"\\(\d)")
_CHOICES = re.compile(r"[\w.:-]+(?: or [\w.:-]+)+")
_SYSTEM = SQLITE | {SYSTEM[f"system.{name}"]: ZH_SYSTEM[f"system.{name}"] for name in NUMBERS}
_Patterns: TypeAlias = tuple[tuple[re.Pattern[str], str], ...]


@cache  # at first use: they take 20 ms, and most commands say none of them
def _phrases() -> _Patterns:
    return _compiled(LIBRARIES + PHRASES)


@cache
def _details() -> _Patterns:
    return _compiled(LIBRARIES + DETAILS)


@cache
def _labels() -> _Patterns:
    return _compiled(LABELS)


def _compiled(pairs: tuple[tuple[str, str], ...]) -> _Patterns:
    return tuple((re.compile(pattern, re.DOTALL), text) for pattern, text in pairs)


def phrase(text: str) -> str:
    """What a cell should be or was, or what the system says."""
    if text in _SYSTEM:
        return _SYSTEM[text]
    if _CHOICES.fullmatch(text):
        return text.replace(" or ", " 或 ")
    return _translated(text, _phrases()) or text


@lru_cache(maxsize=512)  # the rows of a page have few details that differ
def detail(text: str) -> str:
    """What happened to a row."""
    return _SYSTEM.get(text) or _translated(text, _details()) or text


def label(text: str) -> str:
    """A label on the summary of a results workbook."""
    return _translated(text, _labels()) or text


def _translated(text: str, patterns: _Patterns) -> str | None:
    """By the first pattern that is the whole text; its parts may be phrases themselves."""
    for pattern, other in patterns:
        if found := pattern.fullmatch(text):
            return _GROUP.sub(partial(_part, found), other)
    return None


def _part(found: re.Match[str], group: re.Match[str]) -> str:
    return phrase(found[int(group[1])] or "")
