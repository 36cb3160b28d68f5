"""Reads the value of one setting, as written on a command line, in the environment or in a file."""

import json
import math
import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jobs.job import FailureClass, State
from runner.catalogue import say
from runner.protocol.base_url import normalised
from runner.settings.schema import (
    AUTO,
    NO_CAP,
    NO_DATABASE,
    Cap,
    Setting,
    SettingKind,
    StopIf,
    Tolerance,
    Until,
    Value,
)

if TYPE_CHECKING:
    from runner.settings.database_url import DatabaseUrl

_SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|)")
_TOLERANCE = re.compile(r"([0-9]{1,9})|([0-9]{1,3}(?:\.[0-9]+)?)%")
MIN_SILENCE_SECONDS = 3.0
_UNIT = {"": 1, "s": 1, "m": 60, "h": 3600}
_SWITCH = {"1": True, "true": True, "yes": True, "on": True} | {
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


class InvalidValueError(ValueError):
    """The value is not what the setting takes; `expected` says what it takes."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


def read_value(setting: Setting, raw: object) -> Value:
    """The setting's value, read from text or from a TOML value. Raises `InvalidValueError`."""
    if setting.kind is SettingKind.CHOICE:
        if isinstance(raw, str) and raw in setting.choices:
            return raw
        raise InvalidValueError(say("expected.choice", choices=", ".join(setting.choices)))
    return _READERS[setting.kind](raw)


def read_base_url(raw: object) -> str:
    """A base URL in its one spelling. Raises `InvalidValueError`."""
    # Never say what was found: what is wrong with it may be the password inside.
    found = normalised(raw) if isinstance(raw, str) and raw.isprintable() else None
    if found is None:
        raise InvalidValueError(say("expected.base_url"))
    return found


def site(url: str) -> str:
    """What a key belongs to: scheme, host and port of a base URL, default ports left out."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in {None, usual} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _text(raw: object) -> str:
    if isinstance(raw, str):
        return raw
    raise InvalidValueError(say("expected.text"))


def _path(raw: object) -> Path:
    return Path(_text(raw)).expanduser()


def _switch(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.strip().lower() in _SWITCH:
        return _SWITCH[raw.strip().lower()]
    raise InvalidValueError(say("expected.switch"))


def _whole(raw: object) -> int | None:
    """A whole number from 1, or None."""
    if isinstance(raw, str) and re.fullmatch(r"[0-9]{1,18}", raw.strip()):
        raw = int(raw)
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and raw >= 1 else None


def _count(raw: object) -> int:
    number = _whole(raw)
    if number is None:
        raise InvalidValueError(say("expected.count"))
    return number


def read_concurrency(raw: object) -> int | str:
    """How many calls at once: a number, or `auto`. Raises `InvalidValueError`."""
    if isinstance(raw, str) and raw.strip().lower() == AUTO:
        return AUTO
    number = _whole(raw)
    if number is None:
        raise InvalidValueError(say("expected.at_once"))
    return number


def _until(raw: object) -> Until:
    if isinstance(raw, time):  # TOML has times of its own
        return Until(hour=raw.hour, minute=raw.minute)
    text = raw.strip() if isinstance(raw, str) else ""
    clock = re.fullmatch(r"(\d{1,2})[:：](\d{2})", text, re.ASCII)
    if clock is not None and int(clock[1]) < 24 and int(clock[2]) < 60:
        return Until(hour=int(clock[1]), minute=int(clock[2]))
    span = _SECONDS.fullmatch(text)
    if span is None or not span[2] or float(span[1]) <= 0:
        raise InvalidValueError(say("expected.until"))
    return Until(seconds=float(span[1]) * _UNIT[span[2]])


def _command(raw: object) -> str:
    text = _text(raw)
    try:
        words = shlex.split(text, posix=os.name == "posix")
    except ValueError as error:
        raise InvalidValueError(say("expected.command")) from error
    if not words:
        raise InvalidValueError(say("expected.command"))
    return text


def _times(raw: object) -> int:
    number = 0 if raw in {0, "0"} and not isinstance(raw, bool) else _whole(raw)
    if number is None:
        raise InvalidValueError(say("expected.times"))
    return number


def _classes(raw: object) -> tuple[str, ...]:
    known = {*(str(kind) for kind in FailureClass), str(State.IN_DOUBT)}
    names = tuple(name.strip() for name in _text(raw).replace("，", ",").split(",") if name.strip())
    if not names or not known.issuperset(names):
        raise InvalidValueError(say("expected.classes", classes=", ".join(sorted(known))))
    return names


def _port(raw: object) -> int:
    port = 0 if raw in {0, "0"} and not isinstance(raw, bool) else _whole(raw)
    if port is None or port > 65535:
        raise InvalidValueError(say("expected.port"))
    return port


def _amount(raw: object) -> float:
    if isinstance(raw, str) and re.fullmatch(r"[0-9]{1,12}(?:\.[0-9]{1,12})?", raw.strip()):
        raw = float(raw)
    if isinstance(raw, int | float) and not isinstance(raw, bool) and 0 <= raw < float("inf"):
        return raw
    raise InvalidValueError(say("expected.amount"))


def _cap(raw: object) -> Cap:
    text = raw.strip() if isinstance(raw, str) else raw
    if isinstance(text, str) and text.lower() == NO_CAP:
        return Cap(amount=math.inf)
    more = isinstance(text, str) and text.startswith("+")
    try:
        amount = _amount(text[1:] if more and isinstance(text, str) else text)
    except InvalidValueError as error:
        raise InvalidValueError(say("expected.cap")) from error
    return Cap(amount=amount, more=more)


def read_database(raw: object) -> "DatabaseUrl | str":
    """The address of a database, or `none`. Raises `InvalidValueError`."""
    from runner.settings.database_url import (  # noqa: PLC0415 - few runs have a database
        DatabaseUrlError,
        read_database_url,
    )

    text = _text(raw)
    if text.strip().lower() == NO_DATABASE:
        return NO_DATABASE
    try:
        return read_database_url(text)
    except DatabaseUrlError as error:  # its cause is left out: it may be a password
        sqlite = text.strip().lower().startswith("sqlite:")
        key = "expected.not_sqlite" if sqlite else "expected.database"
        raise InvalidValueError(say(key)) from error


def _seconds(raw: object) -> float:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        raw = str(raw)
    found = _SECONDS.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if found is None or float(found[1]) <= 0:
        raise InvalidValueError(say("expected.seconds"))
    return float(found[1]) * _UNIT[found[2]]


def _silence(raw: object) -> float:
    """How long a host may be silent before it counts as lost: it says something six times."""
    seconds = _seconds(raw)
    if seconds < MIN_SILENCE_SECONDS:
        raise InvalidValueError(say("expected.silence"))
    return seconds


def read_rows(raw: object) -> tuple[tuple[int, int], ...]:
    """Spans of row numbers: `3,7,10-20`. Raises InvalidValueError."""
    spans = []
    for part in _text(raw).split(","):
        found = re.fullmatch(r"([1-9]\d{0,11})(?:-([1-9]\d{0,11}))?", part.strip(), re.ASCII)
        if found is None or (found[2] and int(found[2]) < int(found[1])):
            raise InvalidValueError(say("expected.rows"))
        spans.append((int(found[1]), int(found[2] or found[1])))
    return tuple(spans)


def _tolerance(raw: object) -> Tolerance:
    text = str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else raw
    found = _TOLERANCE.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None or (found[2] and float(found[2]) > 100):
        raise InvalidValueError(say("expected.tolerance"))
    return Tolerance(rows=int(found[1])) if found[1] else Tolerance(percent=float(found[2]))


def _stop_if(raw: object) -> StopIf:
    found = re.fullmatch(r"failed>(\d{1,3}(?:\.\d+)?)%/([1-9]\d{0,6})", _text(raw).replace(" ", ""))
    if found is None or float(found[1]) > 100:
        raise InvalidValueError(say("expected.stop_if"))
    return StopIf(percent=float(found[1]), window=int(found[2]))


def _listed(raw: object, separator: str) -> list[str]:
    if isinstance(raw, str):
        parts: Iterable[object] = re.split(separator, raw)
    elif isinstance(raw, list | tuple):
        parts = raw
    else:
        raise InvalidValueError(say("expected.list"))
    return [text for part in parts if (text := _text(part).strip())]


def _hosts(raw: object) -> tuple[str, ...]:
    hosts = _listed(raw, r"[,\s]+")
    for host in hosts:
        if not re.fullmatch(r"[\w.\-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?", host):
            raise InvalidValueError(say("expected.host"))
    return tuple(host.lower() for host in hosts)


def _folders(raw: object) -> tuple[Path, ...]:
    return tuple(Path(part).expanduser() for part in _listed(raw, re.escape(os.pathsep)))


def _pairs(raw: object) -> dict[str, str]:
    """KEY=VALUE: the key ends at the first `=`."""
    return _mapping(raw, lambda text: text.partition("="), say("expected.pair"))


def _columns(raw: object) -> dict[str, str]:
    """HEADER=FIELD: the field begins after the last `=`, since a header may hold one."""
    return _mapping(raw, lambda text: text.rpartition("="), say("expected.column"))


def _mapping(
    raw: object, cut: Callable[[str], tuple[str, str, str]], expected: str
) -> dict[str, str]:
    if isinstance(raw, Mapping):
        return {str(key): _as_text(value) for key, value in raw.items()}
    pairs = {}
    for text in _listed(raw, r"\n"):
        key, sign, value = cut(text)
        if not sign or not key.strip():
            raise InvalidValueError(expected)
        pairs[key.strip()] = value.strip()
    return pairs


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float | list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    raise InvalidValueError(say("expected.pair"))


_READERS: dict[SettingKind, Callable[[object], Value]] = {
    SettingKind.TEXT: _text,
    SettingKind.TEMPLATE: _text,
    SettingKind.PAIRS: _pairs,
    SettingKind.COLUMNS: _columns,
    SettingKind.HOSTS: _hosts,
    SettingKind.FOLDERS: _folders,
    SettingKind.PATH: _path,
    SettingKind.SWITCH: _switch,
    SettingKind.COUNT: _count,
    SettingKind.TIMES: _times,
    SettingKind.CLASSES: _classes,
    SettingKind.AMOUNT: _amount,
    SettingKind.SECONDS: _seconds,
    SettingKind.SILENCE: _silence,
    SettingKind.BASE_URL: read_base_url,
    SettingKind.ROWS: read_rows,
    SettingKind.PORT: _port,
    SettingKind.TOLERANCE: _tolerance,
    SettingKind.STOP_IF: _stop_if,
    SettingKind.AT_ONCE: read_concurrency,
    SettingKind.UNTIL: _until,
    SettingKind.COMMAND: _command,
    SettingKind.CAP: _cap,
    SettingKind.DATABASE: read_database,
}
