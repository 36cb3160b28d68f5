"""Keeps foreign text in a csv cell from being run as a formula, reversibly."""

import re
import string

# A spreadsheet looks for the sign behind white space, and drops characters that show nothing.
_UNSEEN = r"[\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff]*"
_BLANK = r"[^\S\t\r\n]*"
# Beside the ASCII signs their full-width and small forms, which some input methods give.
_SIGNS = "=+\\-@|%＝＋－＠｜％﹦﹢﹣﹫﹪−"
_DANGEROUS = re.compile(rf"(?:{_UNSEEN}[{_SIGNS}]|{_BLANK}[\t\r\n])")
_PLAIN_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?%?")

HARMLESS_STARTS = frozenset(string.ascii_letters + string.digits + "[{(/.<")
"""A text that begins so is none that `neutralise` would change."""


def neutralise(text: str) -> str:
    """The text with a leading `'` where a spreadsheet could run it, or where it looks so quoted."""
    return f"'{text}" if _is_dangerous(text.lstrip("'")) else text


def undo(text: str) -> str:
    """The text that `neutralise` was given."""
    if text.startswith("'") and _is_dangerous(text.lstrip("'")):
        return text[1:]
    return text


def _is_dangerous(text: str) -> bool:
    # `fullmatch`: a number with anything behind it, a line break even, is no number.
    return _DANGEROUS.match(text) is not None and _PLAIN_NUMBER.fullmatch(text) is None
