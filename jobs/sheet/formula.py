"""Keeps foreign text in a csv cell from being run as a formula, reversibly."""

import re
import string

# Spreadsheets skip white space and invisible characters before a formula sign.
_UNSEEN = r"[\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff]*"
_BLANK = r"[^\S\t\r\n]*"
# The ASCII signs, and their full-width and small forms, which some input methods produce.
_SIGNS = "=+\\-@|%＝＋－＠｜％﹦﹢﹣﹫﹪−"
_DANGEROUS = re.compile(rf"(?:{_UNSEEN}[{_SIGNS}]|{_BLANK}[\t\r\n])")
_PLAIN_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?%?")

HARMLESS_STARTS = frozenset(string.ascii_letters + string.digits + "[{(/.<")
"""`neutralise` never changes a text that starts with one of these characters."""


def neutralise(text: str) -> str:
    """The text with a leading `'` if a spreadsheet could run it, or if it looks quoted already."""
    return f"'{text}" if _is_dangerous(text.lstrip("'")) else text


def undo(text: str) -> str:
    """The inverse of `neutralise`."""
    if text.startswith("'") and _is_dangerous(text.lstrip("'")):
        return text[1:]
    return text


def _is_dangerous(text: str) -> bool:
    # `fullmatch`: with anything behind it, even a line break, it is not a plain number.
    return _DANGEROUS.match(text) is not None and _PLAIN_NUMBER.fullmatch(text) is None
