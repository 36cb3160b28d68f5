"""Finds the values at the places of an answer that a dialect names."""

from collections.abc import Iterator

from jobs.job import JSON
from runner.protocol.task_dialect import Paths


def values_at(answer: JSON, path: str) -> list[JSON]:
    """The values at one place: `data.videos[].url` goes through all entries of `videos`.

    A part that is a number is a place in a list. "." is the answer itself.
    """
    if path == ".":
        return [answer]
    found = [answer]
    for part in path.split("."):
        found = list(_step(found, part))
    return found


def first_text(answer: JSON, paths: Paths) -> str:
    """The first text or number at these places that is not empty, or ""."""
    for path in paths:
        for value in values_at(answer, path):
            if text := _text(value):
                return text
    return ""


def _text(value: JSON) -> str:
    """A text, or a number with all its digits; "" for anything else."""
    if isinstance(value, float):
        value = int(value) if value.is_integer() else value
    is_text = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value).strip() if is_text else ""


def first_number(answer: JSON, paths: Paths) -> float | None:
    """The first number at these places, also as text: "5", "5s", 5.04."""
    for path in paths:
        for value in values_at(answer, path):
            if isinstance(value, bool):
                continue
            try:
                number = float(str(value).strip().rstrip("s"))
            except ValueError:
                continue
            if 0 <= number < 1e15:
                return number
    return None


def first_value(answer: JSON, paths: Paths) -> JSON:
    """The first value at these places that is neither null nor empty."""
    for path in paths:
        for value in values_at(answer, path):
            if value not in (None, "", [], {}):
                return value
    return None


def texts_at(answer: JSON, paths: Paths) -> list[str]:
    """All texts at the first of these places that has any."""
    for path in paths:
        found = [one.strip() for one in values_at(answer, path) if isinstance(one, str)]
        if any(found):
            return [one for one in found if one]
    return []


def _step(values: list[JSON], part: str) -> Iterator[JSON]:
    name, each = part.removesuffix("[]"), part.endswith("[]")
    for value in values:
        if isinstance(value, dict) and name in value:
            member = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            member = value[int(name)]
        else:
            continue
        if not each:
            yield member
        elif isinstance(member, list):
            yield from member
