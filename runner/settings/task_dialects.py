"""Reads task dialects: those that come with rowmill, and those of a settings file."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from jobs.job import FailureClass
from runner.protocol.task_dialect import (
    AnswerWords,
    AskWords,
    SilentChange,
    SubmitWords,
    TaskDialect,
)
from runner.protocol.task_life import TaskLife

SHIPPED = Path(__file__).parents[1] / "endpoints" / "dialects" / "tasks"
METHODS = ("GET", "POST")
KEY_HEADERS = frozenset({"authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"})
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
T = TypeVar("T")


class DialectError(Exception):
    """A table that is no task dialect; `key` is its wrong member."""

    def __init__(self, key: str, expected: str) -> None:
        super().__init__(f"{key}: expected {expected}")
        self.key = key
        self.expected = expected


def shipped() -> dict[str, TaskDialect]:
    """The dialects that come with rowmill, by name."""
    found = {}
    for path in sorted(SHIPPED.glob("*.toml")):
        table = tomllib.loads(path.read_text("utf-8"))
        found[path.stem] = read_dialect(path.stem, table)
    return found


def shipped_names() -> frozenset[str]:
    """The names of the dialects that come with rowmill."""
    return frozenset(path.stem for path in SHIPPED.glob("*.toml"))


def read_dialect(name: str, table: Mapping[str, object], *, own: bool = False) -> TaskDialect:
    """One dialect out of its table; one of a settings file names no price. Raises DialectError."""
    if not _NAME.fullmatch(name):
        raise DialectError(name, "a name of small letters, digits and hyphens")
    dialect = _made(TaskDialect, {**table, "name": name}, f"{name}." if own else "")
    if own and (dialect.answer.quota or dialect.answer.usage):
        raise DialectError(f"{name}.answer.quota", "no price in a settings file")
    _check(dialect)
    return dialect


def _check(dialect: TaskDialect) -> None:
    """Raises DialectError for a path, a header or a word that no dialect may have."""
    asked = (dialect.ask, dialect.then) if dialect.then else (dialect.ask,)
    for words in (dialect.submit, *asked):
        for path in (words.path, *words.paths.values()):
            if not path.startswith("/") or path.startswith("//") or not path.isprintable():
                raise DialectError("path", "a path that begins with /")
        for header, value in words.headers.items():
            if header.lower() in KEY_HEADERS and "{key}" not in value:
                raise DialectError("headers", "{key} in the place of the key")
    for word in (*dialect.submit.refused.values(), *dialect.answer.codes.values()):
        if word not in list(FailureClass):
            raise DialectError("codes", " or ".join(FailureClass))
    if any(words.method not in METHODS for words in asked):
        raise DialectError("method", " or ".join(METHODS))
    if dialect.answer.content and not dialect.answer.content.startswith("/"):
        raise DialectError("content", "a path that begins with /")


def _made(kind: type[T], table: object, place: str) -> T:
    """A frozen value out of a table, each member checked against its type."""
    if not isinstance(table, Mapping):
        raise DialectError(place, "a table")
    known: dict[str, Field[Any]] = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    for name in table:
        if name not in known:
            raise DialectError(f"{place}{name}", " or ".join(known))
    hints = get_type_hints(kind)
    values = {name: _value(hints[name], value, f"{place}{name}") for name, value in table.items()}
    for name, one in known.items():
        if name not in values and one.default is MISSING and one.default_factory is MISSING:
            raise DialectError(f"{place}{name}", "a value")
    return kind(**values)


def _value(hint: Any, value: object, place: str) -> Any:
    if hint in _TABLES:
        return _made(_TABLES[hint], value, f"{place}.")
    if hint == tuple[SilentChange, ...]:
        listed = value if isinstance(value, list) else [value]
        return tuple(_made(SilentChange, one, f"{place}.") for one in listed)
    if hint is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9:
            return float(value)
        raise DialectError(place, "a number above 0")
    if get_origin(hint) in (frozenset, tuple):
        return get_origin(hint)(_words(value, place))
    return _plain(hint, value, place) if hint in (str, bool) else _table(hint, value, place)


_TABLES: Mapping[Any, Any] = {
    **{one: one for one in (SubmitWords, AskWords, AnswerWords, TaskLife)},
    AskWords | None: AskWords,
}


def _plain(hint: type, value: object, place: str) -> object:
    if isinstance(value, hint):
        return value
    raise DialectError(place, "true or false" if hint is bool else "text")


def _words(value: object, place: str) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in listed):
        raise DialectError(place, "a list of texts")
    return [str(one) for one in listed]


def _table(hint: Any, value: object, place: str) -> Any:
    """A table of texts, of lists of places, or of anything (a request)."""
    if not isinstance(value, Mapping):
        raise DialectError(place, "a table")
    inner = get_args(hint)[1]
    if inner is str:
        if not all(isinstance(one, str) for one in value.values()):
            raise DialectError(place, "a table of texts")
        return dict(value)
    if inner == tuple[str, ...]:
        return {name: tuple(_words(one, f"{place}.{name}")) for name, one in value.items()}
    return dict(value)
