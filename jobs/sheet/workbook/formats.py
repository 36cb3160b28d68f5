"""Decides which number formats of a workbook show something other than the number."""

import re
from collections.abc import Mapping

from jobs.sheet.workbook.package import PREFIX, attributes

_FORMAT = re.compile(rf"<{PREFIX}numFmt\s([^>]{{0,2000}})>")
_STYLE = re.compile(rf"<{PREFIX}xf\s([^>]{{0,2000}})>")
_PLAIN = re.compile(r"General|@|[0#?]|(?:G/通用格式)", re.IGNORECASE)
_PADDED = re.compile(r"0{2,}")
_PERCENT = re.compile(r"0(?:\.(0+))?%")

# Formats that Excel has built in; those of dates and times differ by system language.
_BUILT_IN: Mapping[int, str] = {
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "yyyy/m/d",
    **dict.fromkeys(range(15, 18), "d-mmm-yy"),
    **dict.fromkeys((18, 19, 20, 21, 45, 46, 47), "h:mm:ss"),
    22: "yyyy/m/d h:mm",
    **dict.fromkeys((*range(27, 37), *range(50, 59)), "yyyy年m月d日"),
    **dict.fromkeys((5, 6, 7, 8, *range(37, 45)), "¤ #,##0.00"),
    48: "##0.0E+0",
}


def odd_styles(styles: str) -> dict[int, str]:
    """Style number → format code, for styles that may show something other than the number."""
    own: dict[int, str] = {}
    for tag in _FORMAT.findall(styles):
        one = attributes(tag)
        if one.get("numFmtId", "").isdecimal():
            own[int(one["numFmtId"])] = one.get("formatCode", "")
    block = styles[max(styles.find("cellXfs"), 0) : styles.rfind("cellXfs")]
    odd = {}
    for number, tag in enumerate(_STYLE.findall(block)):
        key = attributes(tag).get("numFmtId", "0")
        code = own.get(int(key), _BUILT_IN.get(int(key), "")) if key.isdecimal() else ""
        if code and not _PLAIN.fullmatch(code.split(";")[0]):
            odd[number] = code
    return odd


def shows_itself(code: str, value: str) -> bool:
    """True if a cell of this format shows exactly the number it holds."""
    first = code.split(";", maxsplit=1)[0]
    if _PADDED.fullmatch(first):
        return value.isdecimal() and len(value) >= len(first)
    if set(first) <= set("#,0.") and value.lstrip("-").isdecimal() and "." not in first:
        return len(value.lstrip("-")) < 4  # no thousands separator
    if re.fullmatch(r"0\.0+", first):
        return len(value.partition(".")[2]) == len(first) - 2
    return False


def shown(code: str, value: str) -> str:
    """What such a cell shows, for simple formats; else an empty text."""
    first = code.split(";", maxsplit=1)[0]
    try:
        number = float(value)
    except ValueError:
        return ""
    if _PADDED.fullmatch(first) and number.is_integer():
        return f"{int(number):0{len(first)}d}"
    percent = _PERCENT.fullmatch(first)
    if percent:
        return f"{number * 100:.{len(percent[1] or '')}f}%"
    return ""
