"""Number formats that display something other than the number are recognised."""

import pytest

from jobs.sheet.workbook.formats import odd_styles, shown, shows_itself


def test_only_styles_that_may_show_something_else_are_odd() -> None:
    styles = (
        '<numFmts><numFmt numFmtId="200" formatCode="000"/></numFmts><cellXfs>'
        '<xf numFmtId="0"/><xf numFmtId="200"/><xf numFmtId="9"/><xf numFmtId="49"/></cellXfs>'
    )
    assert odd_styles(styles) == {1: "000", 2: "0%"}


@pytest.mark.parametrize(
    ("code", "value", "itself", "text"),
    [
        ("000", "7", False, "007"),
        ("000", "1234", True, "1234"),
        ("0.0%", "0.125", False, "12.5%"),
        ("#,##0", "999", True, ""),
        ("#,##0", "1000", False, ""),
        ("0.00", "1.25", True, ""),
        ("0.00", "1.2", False, ""),
        ("000", "no number", False, ""),
    ],
)
def test_a_format_is_told_by_what_it_shows(code: str, value: str, itself: bool, text: str) -> None:
    assert shows_itself(code, value) is itself
    assert shown(code, value) == text
