"""The settings of one command: every value with its source, decided once.

A flag beats the environment, which beats the settings files (beside the sheet, then the user's),
which beat what the workspace remembers, which beats the default.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.prices.user_prices import OwnPrice
from runner.secret import Secret
from runner.settings.file import (
    KEY_VARIABLE,
    KeySource,
    Notify,
    Origin,
    ProviderPart,
    SettingsError,
    SettingsFile,
)
from runner.settings.notices import (
    Notice,
    doubtful_host,
    unknown_variables,
    unused_in_sheet_file,
)
from runner.settings.presets import BUILT_IN, PRESETS, headers_of
from runner.settings.schema import (
    SCHEMA,
    Cap,
    Setting,
    SettingKind,
    SettingScope,
    SheetFileRule,
    StopIf,
    Tolerance,
    Until,
    Value,
)
from runner.settings.sheet_file import is_stricter
from runner.settings.values import InvalidValueError, read_value

if TYPE_CHECKING:
    from runner.protocol.lane_rule import LaneRule
    from runner.protocol.task_dialect import TaskDialect
    from runner.settings.database_url import DatabaseUrl

__all__ = [
    "KEY_VARIABLE",
    "KeySource",
    "Notice",
    "OwnPrice",
    "Provider",
    "Settings",
    "SettingsError",
    "SettingsFile",
    "resolve",
]

BY_FLAG = "by_flag"  # where a workspace remembers which of its options were given by a flag

_AS_TEXT = frozenset({SettingKind.TEMPLATE, SettingKind.PAIRS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Who the calls go to. A key in `keys` is used only for the site of its own `url`."""

    name: str
    base_url: str
    keys: tuple[KeySource, ...] = ()
    proxy: Secret | None = None
    headers: Mapping[str, str] = field(default_factory=dict)  # `{key}` stands for the key
    concurrency: int | None = None  # calls at once that an account allows to all hosts together
    lanes: Mapping[str, "LaneRule"] = field(default_factory=dict)  # of the person's own settings


# No comparison: generating one for sixty fields takes as long as everything else here.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settings:
    """Every setting of a command. `sources[field]` says where its value came from.

    `address_is_own` is False if only a file that may come from anybody names the address: then no
    key of the environment goes there, and nothing is asked of it before the person agrees.
    """

    endpoint: str | None
    model: str | None
    prompt: str | None
    set: Mapping[str, str]
    column: Mapping[str, str]
    id: str | None
    tab: str | None
    encoding: str | None
    delimiter: str | None
    provider: Provider
    base_url: str
    limit: int | None
    rows: tuple[tuple[int, int], ...] | None
    skip_bad: bool
    visible_only: bool
    same_sheet: bool
    rebuy: bool
    workspace: Path | None
    name: str
    files: str | None
    results: str | None
    files_from: tuple[Path, ...]
    allow_host: tuple[str, ...]
    move_table: bool
    on: str | None
    hosts: int | None
    db: "DatabaseUrl | str | None"  # `none`: the table in the folder, though one is remembered
    concurrency: int | str
    rpm: int | None
    tpm: int | None
    lane: str | None
    online_from: Until | None
    submit_only: bool
    max_cost: Cap | None
    until: Until | None
    pilot: int | None
    notify: str | None
    on_finish: str | None
    in_doubt: str
    ok_if_failed: Tolerance | None
    progress: str
    json: bool
    yes: bool
    no_input: bool
    port: int
    latency: float
    batch_seconds: float
    faults: str
    kill: int
    class_: tuple[str, ...] | None
    from_: Path | None
    pause: bool
    resume: bool
    watch: bool
    again: bool
    export: Path | None
    headers: str
    verify: bool
    config: Path | None
    color: str
    lang: str | None
    quiet: bool
    verbose: bool
    debug: bool
    attempts: int
    timeout: float | None
    stop_if: StopIf | None
    ask_above: float
    max_wait: float | None
    table_wait: float | None
    lost_after: float
    prices: Mapping[str, OwnPrice]
    notify_section: Notify | None  # [notify] of a file; `notify` is the address by option
    settings_files: tuple[Path, ...]
    own_files: tuple[Path, ...]  # without untrusted files beside the sheet
    sources: Mapping[str, str]
    by_flag: frozenset[str]  # request options that rank as flags: `model`, `set.size`
    notices: tuple[Notice, ...]
    address_is_own: bool = True
    tasks: Mapping[str, "TaskDialect"] = field(default_factory=dict)  # of the settings files

    def to_remember(self) -> dict[str, Any]:
        """The options that shape requests, as JSON: the workspace keeps them for later commands."""
        kept = {}
        for one in SCHEMA:
            if SettingScope.REMEMBERED in one.scopes and self.sources[one.field] != "default":
                kept[one.field] = _plain(getattr(self, one.field))
        if self.by_flag:
            kept[BY_FLAG] = sorted(self.by_flag)
        return kept


def _plain(value: Any) -> Any:
    """A value that JSON can hold."""
    match value:
        case Provider():
            return value.name
        case Cap():
            return str(value)
        case Mapping():
            return dict(value)
        case _:
            return value


def resolve(
    flags: Mapping[str, Value],
    environ: Mapping[str, str],
    files: Sequence[SettingsFile] = (),
    remembered: Mapping[str, object] | None = None,
    known_address: str | None = None,
) -> Settings:
    """Decide every value. `flags` holds only what was really given. Raises `SettingsError`.
    `known_address` is the base URL that a flag gave for this workspace before. It ranks as a flag.
    """
    layers = _Layers(flags, environ, files, remembered or {})
    if not {"base_url", "provider"} & set(flags):
        layers.known_address = known_address
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    provider = str(layers.strongest(layers.setting("provider"), "")[0])
    for setting in SCHEMA:
        values[setting.field], sources[setting.field] = layers.strongest(setting, provider)
    values["base_url"] = values["base_url"] or BUILT_IN.get(provider)
    if values["base_url"] is None:
        raise SettingsError(
            say("settings.no_base_url", provider=provider, known=", ".join(layers.providers()))
        )
    values["provider"] = layers.provider(provider, values["base_url"])
    notices = (
        *unknown_variables(environ),
        *doubtful_host(values, sources),
        *unused_in_sheet_file(files, layers.too_lax),
    )
    # Prices decide about consent and cap, so those of a file that may come from anybody count as
    # unknown.
    own = [file for file in files if file.origin is not Origin.SHEET]
    prices = {model: price for file in reversed(own) for model, price in file.prices.items()}
    notify_section = next((file.notify for file in files if file.notify is not None), None)
    return Settings(
        **values,
        prices=prices,
        notify_section=notify_section,
        settings_files=tuple(file.path for file in files),
        own_files=tuple(file.path for file in own),
        sources=sources,
        by_flag=layers.by_flag(sources),
        notices=notices,
        address_is_own=layers.names_address(provider, sources),
        tasks={name: one for file in reversed(files) for name, one in file.tasks.items()},
    )


_PROVIDER_FIELDS = frozenset({"base_url", "rpm", "tpm", "concurrency"})
"""Settings that a provider may have of its own; its headers are not those of results."""


class _Layers:
    """All sources of a value, strongest first."""

    def __init__(
        self,
        flags: Mapping[str, Value],
        environ: Mapping[str, str],
        files: Sequence[SettingsFile],
        remembered: Mapping[str, object],
    ) -> None:
        self.flags = flags
        self.environ = environ
        self.files = files
        self.remembered = remembered
        self.known_address: str | None = None
        self.too_lax: list[str] = []  # settings of a file beside the sheet that do not count

    def setting(self, field: str) -> Setting:
        return next(one for one in SCHEMA if one.field == field)

    def strongest(self, setting: Setting, provider: str) -> tuple[Value, str]:
        """The value that counts and its source; tables of pairs are merged pair by pair."""
        if setting.kind not in {SettingKind.PAIRS, SettingKind.COLUMNS}:
            return self._first(setting, self._given(setting, provider))
        merged: dict[str, str] = {}
        source = "default"
        for value, origin in self._given(setting, provider):
            if isinstance(value, Mapping) and value:
                source = origin if source == "default" else source
                merged = {**value, **merged}
        if setting.kind is SettingKind.COLUMNS:  # "HEADER=" keeps a column out of requests
            return merged, source
        return {key: value for key, value in merged.items() if value != ""}, source

    def _first(self, setting: Setting, given: Iterator[tuple[Value, str]]) -> tuple[Value, str]:
        """The first value, but not one of a file beside the sheet that is less strict."""
        value, source = next(given)
        if source == Origin.SHEET and setting.in_sheet_file is SheetFileRule.STRICTER:
            other, other_source = next(given)
            if not is_stricter(setting, value, other):
                self.too_lax.append(f"{setting.section}.{setting.name}")
                return other, other_source
        return value, source

    def names_address(self, provider: str, sources: Mapping[str, str]) -> bool:
        """True if the person, and not only a file beside the sheet, named the address."""
        if sources["base_url"] != "default":
            return sources["base_url"] != Origin.SHEET
        # A built-in address: it is the person's choice if they chose the provider, or none did.
        return provider == self.setting("provider").default or sources["provider"] not in {
            Origin.SHEET,
            "remembered",
        }

    def _given(self, setting: Setting, provider: str) -> Iterator[tuple[Value, str]]:
        flag = self.flags.get(setting.field)
        if flag is not None:
            yield self._expanded(setting, flag, Path(), fenced=False), "flag"
        if setting.kind is SettingKind.BASE_URL and self.known_address is not None:
            yield self._read(setting, self.known_address, "addresses.json"), "remembered"
        yield from self._remembered(setting, by_flag=True)
        text = self.environ.get(setting.variable, "")
        if SettingScope.ENV in setting.scopes and text.strip():
            value = self._read(setting, text, setting.variable)
            yield self._expanded(setting, value, Path(), fenced=False), "environment"
        for file in self.files:
            part = file.providers.get(provider, ProviderPart())
            of_provider = (
                getattr(part, setting.field) if setting.field in _PROVIDER_FIELDS else None
            )
            for one in (of_provider, file.values.get(setting.field)):
                if one is not None:
                    fenced = file.origin is Origin.SHEET
                    value = self._expanded(setting, one, file.path.parent, fenced=fenced)
                    yield value, str(file.origin)
        yield from self._remembered(setting, by_flag=False)
        yield setting.default, "default"

    def _remembered(self, setting: Setting, *, by_flag: bool) -> Iterator[tuple[Value, str]]:
        """What the workspace remembers; what was given by a flag keeps the rank of a flag."""
        kept = self.remembered.get(setting.field)
        if SettingScope.REMEMBERED not in setting.scopes or kept is None:
            return
        value = self._read(setting, kept, say("settings.workspace"))
        names = self.remembered_flags
        if isinstance(value, Mapping):
            value = {
                key: one
                for key, one in value.items()
                if (f"{setting.field}.{key}" in names) is by_flag
            }
        elif (setting.field in names) is not by_flag:
            return
        yield value, "remembered"

    @property
    def remembered_flags(self) -> frozenset[str]:
        """The remembered options that were given by a flag; pairs as `set.KEY`."""
        names = self.remembered.get(BY_FLAG)
        return frozenset(map(str, names)) if isinstance(names, list) else frozenset()

    def by_flag(self, sources: Mapping[str, str]) -> frozenset[str]:
        """The request options that rank as flags: given by one now, or when remembered."""
        names = set(self.remembered_flags)
        for setting in SCHEMA:
            value = self.flags.get(setting.field)
            if setting.group not in ("request", "lane") and setting.field != "name":
                continue
            if SettingScope.REMEMBERED not in setting.scopes:
                continue
            if isinstance(value, Mapping):
                names |= {f"{setting.field}.{key}" for key in value}
            elif sources[setting.field] == "flag":
                names.add(setting.field)
        return frozenset(names)

    def _read(self, setting: Setting, raw: object, place: str) -> Value:
        try:
            return read_value(setting, raw)
        except InvalidValueError as error:
            key = setting.name
            message = say("settings.wrong", file=place, key=key, expected=error.expected)
            if setting.kind not in (SettingKind.BASE_URL, SettingKind.DATABASE):
                message += say("settings.found", found=repr(raw))
            raise SettingsError(message) from error

    def _expanded(self, setting: Setting, value: Value, folder: Path, *, fenced: bool) -> Value:
        """The value with @FILE replaced by the content of the file."""
        if setting.kind not in _AS_TEXT:
            return value
        if isinstance(value, Mapping):
            return {
                key: _content(text, folder, setting.name, fenced=fenced)
                for key, text in value.items()
            }
        return _content(str(value), folder, setting.name, fenced=fenced)

    def providers(self) -> list[str]:
        return sorted({*PRESETS, *(name for file in self.files for name in file.providers)})

    def provider(self, name: str, base_url: str) -> Provider:
        parts = [file.providers.get(name, ProviderPart()) for file in self.files]
        keys = [
            KeySource(
                kind=key.kind,
                value=key.value,
                folder=key.folder,
                account=key.account,
                url=self._url_for_key(name, position),
            )
            for position, part in enumerate(parts)
            for key in part.keys
        ]
        return Provider(
            name=name,
            base_url=base_url,
            keys=tuple(keys),
            proxy=next((part.proxy for part in parts if part.proxy is not None), None),
            concurrency=next(
                (part.concurrency for part in parts if isinstance(part.concurrency, int)), None
            ),
            headers=dict(headers_of(name, base_url))
            | {key: value for part in reversed(parts) for key, value in part.headers.items()},
            lanes={key: rule for part in reversed(parts) for key, rule in part.lanes.items()},
        )

    def _url_for_key(self, name: str, position: int) -> str | None:
        """The base URL that a key may be used for: of its own file, or of a weaker one.

        A file beside the sheet may change the base URL; keys of the user's own file stay with
        theirs.
        """
        for file in self.files[position:]:
            url = file.providers.get(name, ProviderPart()).base_url or file.values.get("base_url")
            if url is not None:
                return str(url)
        return BUILT_IN.get(name)


def _content(text: str, folder: Path, option: str, *, fenced: bool) -> str:
    if not text.startswith("@"):
        return text
    path = folder / Path(text[1:]).expanduser()
    if fenced and not path.resolve().is_relative_to(folder.resolve()):
        raise SettingsError(say("settings.outside", file=str(path), option=option))
    try:
        return path.read_text(encoding="utf-8-sig").removesuffix("\n")
    except OSError as error:
        why = reason(error)
        raise SettingsError(
            say("settings.no_text", file=str(path), option=option, reason=why)
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            say("settings.no_text", file=str(path), option=option, reason=say("settings.not_utf8"))
        ) from error
