"""The header row is found below titles and blank rows."""

import pytest

from jobs.sheet.header import find_header, header_findings
from jobs.sheet.names import known_or_named


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        ([], None),
        ([["", " "]], None),
        ([["prompt"], ["a"]], 0),
        ([[], ["a title"], ["id", "prompt"], ["1", "x"]], 2),
        ([["foo", "bar"], ["text", "prompt"]], 0),
        ([["a title", ""], ["id", "prompt"]], 1),
        ([["one", "two"], ["item", "kind", "size", "prompt"]], 1),
        ([["one"], *([["x", "y"]] * 12), ["id", "prompt", "a", "b"]], 0),
    ],
)
def test_the_first_filled_row_is_the_header_but_for_a_title(
    rows: list[list[str]], index: int | None
) -> None:
    assert find_header(rows) == index


def test_a_name_that_the_options_use_finds_the_header_and_silences_the_warning() -> None:
    rows = [["list"], ["Item", "Kind"], ["t1", "tree"]]
    assert find_header(rows) == 0
    known = known_or_named(["kind"])
    assert find_header(rows, known) == 1
    assert [one.kind for one in header_findings(rows, 1)] == [
        "rows_above_header",
        "no_known_header",
    ]
    assert [one.kind for one in header_findings(rows, 1, known)] == ["rows_above_header"]
