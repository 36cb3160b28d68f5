"""What a settings file beside a sheet may say: it may have come from anybody, with the sheet.

This is a list of what is allowed. Everything else needs the person's trust (`rowmill trust FILE`)
or has to stand in the person's own settings file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runner.catalogue import say
from runner.settings.file import (
    KEY_VARIABLE,
    KeySource,
    Origin,
    ProviderPart,
    SecretPlace,
    SettingsError,
    SettingsFile,
)
from runner.settings.schema import SCHEMA, Cap, Setting, SheetFileRule, Value

ALLOWED_OPTIONS = frozenset(
    {
        *("first", "curl", "answer", "models", "single-file"),
        *("format", "only", "thumbs", "expand", "safe-csv"),
    }
)
"""Options of one command that such a file may set: they show or shape results and open nothing."""

STRICT_CHOICES: Mapping[str, Value] = {"in_doubt": "hold", "visible_only": True}
"""For settings without an order, the value that is stricter than all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Something in a settings file that needs trust: its key in the file, and its value."""

    key: str
    value: str = ""


def check_sheet_file(read: SettingsFile) -> None:
    """Raise `SettingsError` if an untrusted file says more than it may."""
    if read.origin is not Origin.SHEET:
        return
    file = str(read.path)
    if _names_url(read) and any(part.keys for part in read.providers.values()):
        raise SettingsError(say("settings.url_and_key", file=file))
    for power in _forbidden(read):
        raise SettingsError(say("settings.careful", file=file, key=power.key))


def powers_of(read: SettingsFile) -> list[Power]:
    """Everything in the file that only trust allows, for the person to see."""
    found = list(_forbidden(read))
    for name, part in read.providers.items():
        if part.base_url is not None:
            found.append(Power(key=f"provider.{name}.base_url", value=part.base_url))
    found += [Power(key=f'prices."{model}"') for model in read.prices]
    found += [
        Power(key=f"{one.section}.{one.name}", value=str(read.values[one.field]))
        for one in SCHEMA
        if one.field in read.values
        and (one.in_sheet_file is SheetFileRule.STRICTER or one.field == "base_url")
    ]
    return found


def is_stricter(setting: Setting, value: Value, other: Value) -> bool:
    """True if `value` limits a run more than `other`, which the other sources give."""
    if setting.field in STRICT_CHOICES:
        return value == STRICT_CHOICES[setting.field]
    if isinstance(value, Cap):
        if value.lifted:
            return False
        if other is None or (isinstance(other, Cap) and other.lifted):
            return True
        return isinstance(other, Cap) and value.more == other.more and value.amount < other.amount
    if isinstance(value, int | float):
        return other is None or (isinstance(other, int | float) and value < other)
    return False


def _names_url(read: SettingsFile) -> bool:
    return read.values.get("base_url") is not None or any(
        part.base_url is not None for part in read.providers.values()
    )


def _forbidden(read: SettingsFile) -> Iterator[Power]:
    for name, part in read.providers.items():
        yield from _forbidden_of_provider(read, f"provider.{name}", part)
    for setting in SCHEMA:
        if setting.in_sheet_file is SheetFileRule.NEVER and setting.field in read.values:
            value = str(read.values[setting.field])
            yield Power(key=f"{setting.section}.{setting.name}", value=value)
    known = {one.field for one in SCHEMA}
    for option in read.values:
        if option not in known and option not in ALLOWED_OPTIONS:
            yield Power(key=f"defaults.{option}", value=str(read.values[option]))
    if read.notify is not None:
        yield Power(key="notify", value=read.notify.on_finish or "")


def _forbidden_of_provider(read: SettingsFile, path: str, part: ProviderPart) -> Iterator[Power]:
    if part.proxy is not None:
        yield Power(key=f"{path}.proxy", value=part.proxy.masked())
    if part.headers:
        yield Power(key=f"{path}.headers", value=", ".join(part.headers))
    if part.lanes:  # one may name an address that the key would go to
        yield Power(key=f"{path}.lanes", value=", ".join(part.lanes))
    for source in part.keys:
        if not _may_read(read, source):
            yield Power(key=f"{path}.keys", value=f"{source.kind} {source.value}")


def _may_read(read: SettingsFile, source: KeySource) -> bool:
    """True for a file below the settings file's folder, and for ROWMILL_API_KEY."""
    match source.kind:
        case SecretPlace.ENV:
            return source.value == KEY_VARIABLE
        case SecretPlace.FILE:
            folder = read.path.parent.resolve()
            return source.path.resolve().is_relative_to(folder)
        case SecretPlace.COMMAND:
            return False
