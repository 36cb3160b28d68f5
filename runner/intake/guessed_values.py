"""The values that a column may hold if only its name suggests that it is a request field.

A shop's column `Size` may hold XL, `Style` oil painting and `Quality` A: sent as they are, they
make the provider refuse the row. A column that bears the field's own name, or is mapped, may hold
anything.
"""

import re
from collections.abc import Callable

from jobs.job import JSON
from runner.endpoints.fields import InputError

_RATIO = r"\d{1,3}(?:\.\d{1,3})?\s?[:：∶/]\s?\d{1,3}(?:\.\d{1,3})?(?::\d\d)?"
_PLAUSIBLE: dict[str, tuple[str, str]] = {
    name: (pattern, expected)
    for name, pattern, expected in (
        (
            "size",
            rf"auto|\d{{2,5}}\s?[x×*＊]\s?\d{{2,5}}|{_RATIO}|[1-9]k",
            "a size such as 1024x1024, 16:9, 2K or auto",
        ),
        ("aspect_ratio", rf"auto|{_RATIO}", "a ratio such as 16:9"),
        (
            "quality",
            r"auto|low|medium|high|standard|hd|ultra|draft|[1-9]k",
            "a word such as low, medium, high, standard or hd",
        ),
        ("style", r"vivid|natural|[a-z0-9]+[_/-][a-z0-9_/-]+", "vivid or natural"),
        ("background", r"transparent|opaque|auto", "transparent, opaque or auto"),
        ("moderation", r"auto|low", "auto or low"),
        ("output_format", r"png|jpe?g|webp", "png, jpeg or webp"),
        ("input_fidelity", r"low|high", "low or high"),
    )
}
FIELDS = frozenset(_PLAUSIBLE)
MAX_LENGTH = 40  # characters: longer texts are none of these


def only_plausible(field: str, convert: Callable[[JSON], JSON]) -> Callable[[JSON], JSON]:
    """The converter of a guessed column. It raises InputError for a value that cannot be meant."""
    words, expected = _PLAUSIBLE[field]
    pattern = re.compile(words, re.IGNORECASE)

    def checked(cell: JSON) -> JSON:
        value = convert(cell)
        text = value.strip() if isinstance(value, str) else ""
        if len(text) > MAX_LENGTH or (text and not pattern.fullmatch(text)):
            raise InputError(field, expected=expected, found=repr(text[:MAX_LENGTH]))
        return value

    return checked
