"""The JSON schema of `rowmill.toml`, made from the schema of the settings."""

from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

from jobs.job import JSON, FailureClass, State
from runner.catalogue import say_in
from runner.protocol.lane_rule import FLEX, LANE_FORMS
from runner.settings.file import (
    LANE_KEYS,
    NOTIFY_KEYS,
    PRICE_AMOUNTS,
    PROVIDER_KEYS,
    SecretPlace,
)
from runner.settings.json_schema import DIALECT, Schema
from runner.settings.schema import (
    ONE_COMMAND_OPTIONS,
    SCHEMA,
    Setting,
    SettingKind,
    SettingScope,
)

TEXT: Schema = {"type": "string"}
WORD: Schema = {"type": "string", "minLength": 1}
AMOUNT: Schema = {"type": "number", "minimum": 0}
WHOLE: Schema = {"type": "integer", "minimum": 1}
CURRENCY: Schema = {"type": "string", "minLength": 1, "maxLength": 8}
AT_ONCE: Schema = {"anyOf": [WHOLE, {"type": "string", "pattern": "^(auto|[0-9]+)$"}]}
WORDS: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}
PAIRS: Schema = {
    "anyOf": [TEXT, {"type": "array", "items": TEXT}, {"type": "object"}],
}


def _matching(pattern: str, *others: Schema) -> Schema:
    text: Schema = {"type": "string", "pattern": pattern}
    return {"anyOf": [*others, text]} if others else text


_SECONDS = _matching(
    r"^\s*[0-9]+(\.[0-9]+)?\s*(s|m|h|)\s*$", {"type": "number", "exclusiveMinimum": 0}
)
_CLASS = "|".join([*FailureClass, State.IN_DOUBT])
_PORT: Schema = {"type": "integer", "minimum": 0, "maximum": 65535}
_SHAPES: Mapping[SettingKind, Schema] = {
    SettingKind.SWITCH: {
        "anyOf": [{"type": "boolean"}, _matching("^(1|0|true|false|yes|no|on|off)$")]
    },
    SettingKind.PAIRS: PAIRS,
    SettingKind.COLUMNS: PAIRS,
    SettingKind.HOSTS: WORDS,
    SettingKind.FOLDERS: WORDS,
    SettingKind.COUNT: _matching("^[0-9]{1,18}$", WHOLE),
    SettingKind.TIMES: _matching("^[0-9]{1,18}$", {"type": "integer", "minimum": 0}),
    SettingKind.PORT: _matching("^[0-9]{1,5}$", _PORT),
    SettingKind.AMOUNT: _matching(r"^[0-9]{1,12}(\.[0-9]{1,12})?$", AMOUNT),
    SettingKind.CAP: _matching(r"^(none|\+?[0-9]{1,12}(\.[0-9]{1,12})?)$", AMOUNT),
    SettingKind.SECONDS: _SECONDS,
    SettingKind.SILENCE: _SECONDS,
    SettingKind.AT_ONCE: AT_ONCE,
    SettingKind.TOLERANCE: _matching(
        r"^([0-9]{1,9}|[0-9]{1,3}(\.[0-9]+)?%)$", {"type": "integer", "minimum": 0}
    ),
    # A time of TOML comes as text with seconds.
    SettingKind.UNTIL: _matching(
        r"^([0-9]{1,2}[:：][0-9]{2}(:[0-9]{2})?|[0-9]+(\.[0-9]+)?\s*[smh])$"
    ),
    SettingKind.STOP_IF: _matching(
        r"^\s*failed\s*>\s*[0-9]{1,3}(\.[0-9]+)?\s*%\s*/\s*[1-9][0-9]*$"
    ),
    SettingKind.CLASSES: _matching(rf"^\s*({_CLASS})(\s*[,，]\s*({_CLASS}))*\s*$"),
}
"""What a value of each kind looks like in a file; the other kinds are texts."""

_PROVIDER: Mapping[str, Schema] = {
    "base_url": TEXT,
    "keys": {"type": "array", "items": {"$ref": "#/$defs/key"}},
    "rpm": WHOLE,
    "tpm": WHOLE,
    "concurrency": AT_ONCE,
    "proxy": _matching("://"),
    "headers": {"type": "object", "additionalProperties": TEXT},
    "lanes": {
        "type": "object",
        "properties": {FLEX: {"$ref": "#/$defs/lane"}},
        "additionalProperties": False,
    },
}
_LANE: Mapping[str, Schema] = {
    "form": {"enum": list(LANE_FORMS)},
    "factor": AMOUNT,
    "timeout": AMOUNT,
    "models": TEXT,
    "base_url": TEXT,
    "path": TEXT,
}


def file_schema() -> Schema:
    """The schema of a settings file."""
    return {
        "$schema": DIALECT,
        "title": "rowmill.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "provider": _each({"$ref": "#/$defs/provider"}),
            "defaults": _section("defaults", _of_commands()),
            "columns": _each(TEXT),
            "prices": {
                "type": "object",
                "properties": {"currency": CURRENCY},
                "additionalProperties": {"$ref": "#/$defs/price"},
            },
            "limits": _section("limits", {}),
            "notify": _table(dict.fromkeys(NOTIFY_KEYS, WORD)),
            "task": _each({"$ref": "#/$defs/task"}),
        },
        "$defs": {
            "provider": _table({key: _PROVIDER[key] for key in PROVIDER_KEYS}),
            "lane": _table({key: _LANE[key] for key in LANE_KEYS}),
            "price": _table({**dict.fromkeys(PRICE_AMOUNTS, AMOUNT), "currency": CURRENCY}),
            "key": {"oneOf": [_key(place) for place in SecretPlace]},
            "task": _task(),
        },
    }


def _each(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


def _table(keys: Mapping[str, JSON]) -> Schema:
    return {"type": "object", "properties": dict(keys), "additionalProperties": False}


def _key(place: SecretPlace) -> Schema:
    return {**_table({place: WORD, "account": WORD}), "required": [str(place)]}


def _section(name: str, more: Schema) -> Schema:
    """A section of settings. A key may be written with hyphens, as its option is."""
    found: Schema = {**more}
    for setting in SCHEMA:
        if setting.section == name and SettingScope.FILE in setting.scopes:
            found[setting.name.replace("-", "_")] = _setting(setting)
    hyphened: Schema = {
        f"^{key.replace('_', '-')}$": {"$ref": f"#/properties/{name}/properties/{key}"}
        for key in found
        if "_" in key
    }
    return {**_table(found), "patternProperties": hyphened}


def _setting(setting: Setting) -> Schema:
    shape: Schema = _SHAPES.get(setting.kind, TEXT)
    if setting.kind is SettingKind.CHOICE:
        shape = {"enum": list(setting.choices)}
    described: Schema = {"description": say_in("en", f"option.{setting.name}"), **shape}
    if isinstance(setting.default, bool | int | float | str):
        described["default"] = setting.default
    return described


def _of_commands() -> Schema:
    """Options that one command reads for itself; it parses their text."""
    shape: Schema = {"type": ["string", "integer", "boolean"]}
    return {
        one.replace("-", "_"): {"description": say_in("en", f"option.{one}"), **shape}
        for one in ONE_COMMAND_OPTIONS
    }


def _task() -> Schema:
    from runner.protocol.task_dialect import TaskDialect  # noqa: PLC0415 - few files have tasks

    return _dialect(TaskDialect, left_out=("name",))


def _dialect(kind: Any, *, left_out: tuple[str, ...] = ()) -> Schema:
    """A table of a task's dialect, as `task_dialects.py` reads its class."""
    hints = get_type_hints(kind)
    return _table({name: _member(hint) for name, hint in hints.items() if name not in left_out})


def _member(hint: Any) -> Schema:
    options = [one for one in get_args(hint) if one is not type(None)]
    if hint in (str, bool, float):
        kinds = {str: "string", bool: "boolean", float: "number"}
        return {"type": kinds[hint]}
    if hasattr(hint, "__dataclass_fields__"):
        return _dialect(hint)
    if type(None) in get_args(hint):
        return _member(options[0])
    if get_origin(hint) in (tuple, frozenset):
        one = _member(options[0])
        return {"anyOf": [one, {"type": "array", "items": one}]}
    inner = options[1]
    return (
        _each(_member(inner)) if inner is str or get_origin(inner) is tuple else {"type": "object"}
    )
