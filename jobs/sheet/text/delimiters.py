"""Finds out which character separates the cells of a delimited sheet."""

import csv
import io
import re
from dataclasses import dataclass

from jobs.sheet.header import find_header
from jobs.sheet.names import KnownHeader, is_known, normalise

SEPARATOR_LINE = re.compile(r'"?sep=([^"\w\r\n])"?[;,\t|]*\r?\n?', re.IGNORECASE)
"""The first line in which Excel names the delimiter."""
CANDIDATE_DELIMITERS = (",", ";", "\t", "|")
NO_DELIMITER = "none"
"""The value of --delimiter for a sheet of one column."""
_WORDS = {
    "tab": "\t",
    "\\t": "\t",
    "comma": ",",
    "semicolon": ";",
    "pipe": "|",
    "colon": ":",
    "space": " ",
    NO_DELIMITER: "",
}
MIN_SHARE = 0.8  # of the rows must match a header without a known name
MAX_NAME_CHARACTERS = 60  # a longer "header" is prose


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class _Score:
    """How well a delimiter explains the sample. Scores compare field by field in this order."""

    known: int  # header cells with a known name
    clean: bool  # header cells are short, filled and unique
    share: float  # rows that are as wide as the header
    within: float  # rows of at least two cells that are no wider than the header
    width: int


def read_delimiter(word: str) -> str | None:
    """The delimiter that --delimiter names, by a character or a word.

    Empty for a sheet of one column; None if it names no usable character.
    """
    found = _WORDS.get(word.strip().lower())
    if found is not None:
        return found
    mark = word if len(word) == 1 else word.strip()
    fit = len(mark) == 1 and not mark.isalnum() and mark not in "\"'\r\n\0" and mark.isprintable()
    return mark if fit or mark == "\t" else None


def best_delimiter(sample: str, known: KnownHeader = is_known) -> str | None:
    """The delimiter of a sample of whole lines; None for a sheet of one column.

    The header decides: a delimiter that yields known names wins, whatever the rows look like,
    because a prompt with an unquoted comma must not hide the columns. Without a known name nearly
    all rows must match the header, or a list of prompts would be cut at its commas. A row may be
    shorter, because spreadsheet programs leave out trailing delimiters, but not a single cell.
    """
    scores = {
        mark: score for mark in CANDIDATE_DELIMITERS if (score := _score(sample, mark, known))
    }
    fitting = {
        mark: score
        for mark, score in scores.items()
        if score.known or (score.clean and max(score.share, score.within) >= MIN_SHARE)
    }
    return max(fitting, key=lambda mark: fitting[mark]) if fitting else None


def has_spaced_quotes(text: str, mark: str) -> bool:
    """True if there may be blanks between a delimiter and a quote that opens a cell.

    A quote inside a quoted cell is doubled, so a single one behind blanks is nearly always one that
    opens a cell.
    """
    return ' "' in text and re.search(rf'{re.escape(mark)} +"(?!")', text) is not None


def looks_like_table(line: str) -> bool:
    """True if a line is a header: known column names, one of them the prompt, and no prose."""
    for mark in CANDIDATE_DELIMITERS:
        cells = [cell.strip().strip('"') for cell in line.split(mark)]
        known = sum(1 for cell in cells if is_known(cell))
        if known > 1 and _is_clean(cells) and any(_is_prompt(cell) for cell in cells):
            return True
    return False


def _is_prompt(cell: str) -> bool:
    return normalise(cell.strip('"')) in {"prompt", "text", "提示词", "画面描述", "描述", "文案"}


def _score(sample: str, mark: str, known: KnownHeader) -> _Score | None:
    """None if the delimiter gives one column, or if the sample cannot be parsed with it."""
    try:
        rows = list(
            csv.reader(
                io.StringIO(sample, newline=""),
                delimiter=mark,
                skipinitialspace=has_spaced_quotes(sample, mark),
            )
        )
    except csv.Error:
        return None
    index = find_header(rows, known)
    if index is None or len(rows[index]) < 2:
        return None
    header = rows[index]
    below = [row for row in rows[index + 1 :] if any(row)]
    agreeing = sum(1 for row in below if len(row) == len(header))
    within = sum(1 for row in below if 2 <= len(row) <= len(header))
    return _Score(
        known=sum(map(known, header)),
        clean=_is_clean(header),
        share=agreeing / len(below) if below else 1.0,
        within=within / len(below) if below else 1.0,
        width=len(header),
    )


def _is_clean(header: list[str]) -> bool:
    unique = len(set(header)) == len(header)
    return unique and all(c and c == c.strip() and len(c) <= MAX_NAME_CHARACTERS for c in header)
