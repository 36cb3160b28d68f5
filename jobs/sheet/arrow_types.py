"""Keeps the types of a parquet sheet's columns, so that its results can have the same."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from jobs.job import JSON

BYTES_KEY = "base64"
"""The one name of the JSON object that stands for bytes that are no text."""

_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_NANOSECONDS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = re.compile(r"(.{1,40}?T\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([+-][\d:]{4,8})?")
_CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?")
_DURATION = re.compile(
    r"(?:(-?\d{1,9}) days?,? )?\+?(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,9}))?"
)  # as Python and pandas write it


def encoded_type(kind: Any) -> str:
    """An Arrow type as text."""
    import pyarrow as pa  # noqa: PLC0415 - as in sheet.parquet

    return base64.b64encode(pa.schema([("c", kind)]).serialize().to_pybytes()).decode("ascii")


def decoded_type(text: str) -> Any:
    """The Arrow type. Raises ValueError if it is none that this version knows."""
    import pyarrow as pa  # noqa: PLC0415 - as in sheet.parquet

    try:
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text))).field(0).type
    except (pa.ArrowException, ValueError, OSError) as error:
        raise ValueError(str(error)) from error


def bytes_json(value: bytes) -> JSON:
    """Bytes as JSON: their text, if they are one."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {BYTES_KEY: base64.b64encode(value).decode("ascii")}


def arrow_array(values: Sequence[JSON], kind: Any) -> Any:
    """JSON cells as an Arrow array of this type. Raises ValueError if one does not fit."""
    import pyarrow as pa  # noqa: PLC0415 - as in sheet.parquet

    restore = _restorer(kind)
    try:
        restored = [None if value is None else restore(value) for value in values]
        if isinstance(kind, pa.ExtensionType):
            return pa.ExtensionArray.from_storage(kind, pa.array(restored, kind.storage_type))
        return pa.array(restored, type=kind)
    except (pa.ArrowException, ArithmeticError, TypeError, AttributeError, KeyError) as error:
        raise ValueError(str(error)) from error


_Restore = Callable[[Any], object]


def _restorer(kind: Any) -> _Restore:
    """What turns a cell into a value that Arrow takes for this type."""
    from pyarrow import types  # noqa: PLC0415 - as in sheet.parquet

    scalars: Mapping[Callable[[Any], bool], _Restore] = {
        types.is_timestamp: lambda value: _moment(value, kind.unit),
        types.is_time: lambda value: _clock(value, kind.unit),
        types.is_duration: lambda value: _duration(value, kind.unit),
        types.is_date: date.fromisoformat,
        types.is_decimal: lambda value: Decimal(repr(value) if type(value) is float else value),
        types.is_floating: float,
        _is_binary: _bytes,
    }
    for fits, restore in scalars.items():
        if fits(kind):
            return restore
    return _nested(kind)


def _nested(kind: Any) -> _Restore:
    import pyarrow as pa  # noqa: PLC0415 - as in sheet.parquet
    from pyarrow import types  # noqa: PLC0415 - as in sheet.parquet

    if types.is_map(kind):
        key, item = _optional(kind.key_type), _optional(kind.item_type)
        return lambda pairs: [(key(one), item(other)) for one, other in pairs]
    if types.is_struct(kind):
        fields = [(field.name, _optional(field.type)) for field in kind]
        return lambda value: {name: restore(value.get(name)) for name, restore in fields}
    if types.is_dictionary(kind):
        return _restorer(kind.value_type)
    if isinstance(kind, pa.ExtensionType):
        return _restorer(kind.storage_type)
    if hasattr(kind, "value_type"):  # lists of all kinds
        restore = _optional(kind.value_type)
        return lambda values: [restore(value) for value in values]
    return lambda value: value


def _optional(kind: Any) -> _Restore:
    restore = _restorer(kind)
    return lambda value: None if value is None else restore(value)


def _is_binary(kind: Any) -> bool:
    return str(kind).split("[")[0] in {
        *("binary", "large_binary", "fixed_size_binary", "binary_view"),
    }


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return base64.b64decode(value[BYTES_KEY], validate=True)


def _moment(text: str, unit: str) -> int:
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    moment = datetime.fromisoformat(found[1] + (found[3] or ""))
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return _ticks(since // timedelta(seconds=1), found[2], unit)


def _clock(text: str, unit: str) -> int:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return _ticks(_seconds(found[1], found[2], found[3]), found[4], unit)


def _duration(text: str, unit: str) -> int:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(text)
    seconds = int(found[1] or 0) * 86_400 + _seconds(found[2], found[3], found[4])
    return _ticks(seconds, found[5], unit)


def _seconds(hours: str, minutes: str, seconds: str) -> int:
    return (int(hours) * 60 + int(minutes)) * 60 + int(seconds)


def _ticks(seconds: int, fraction: str | None, unit: str) -> int:
    whole = seconds * _NANOSECONDS + int((fraction or "").ljust(9, "0"))
    ticks, rest = divmod(whole, _NANOSECONDS // _PER_SECOND[unit])
    if rest:
        raise ValueError(f"{fraction} is finer than {unit}")
    return ticks
