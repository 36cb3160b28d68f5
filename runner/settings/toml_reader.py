"""Reads a settings file (TOML), with every key and type checked and named when it is wrong."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.prices.user_prices import OwnPrice
from runner.secret import Secret
from runner.settings.database_url import DatabaseUrl
from runner.settings.file import (
    LANE_KEYS,
    NOTIFY_KEYS,
    PRICE_AMOUNTS,
    PROVIDER_KEYS,
    KeySource,
    Notify,
    Origin,
    ProviderPart,
    SecretPlace,
    SettingsError,
    SettingsFile,
)
from runner.settings.schema import (
    ONE_COMMAND_OPTIONS,
    SCHEMA,
    Setting,
    SettingKind,
    SettingScope,
    Value,
)
from runner.settings.sheet_file import check_sheet_file
from runner.settings.trust import is_trusted
from runner.settings.values import InvalidValueError, read_base_url, read_concurrency, read_value

if TYPE_CHECKING:
    from runner.protocol.lane_rule import LaneRule
    from runner.protocol.task_dialect import TaskDialect

_LINE = re.compile(r"at line (\d+), column (\d+)")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
OWN_HEADERS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "idempotency-key"}
)
"""Headers that the transport sets itself."""
_DEFAULTS = {one.name.replace("-", "_"): one for one in SCHEMA if one.section == "defaults"}
_LIMITS = {one.field: one for one in SCHEMA if one.section == "limits"}
_SECTIONS = ("provider", "defaults", "columns", "prices", "limits", "notify", "task")


def read_file(path: Path, origin: Origin, content: bytes | None = None) -> SettingsFile:
    """Read and check one file. Raises `SettingsError` naming file, key, expected and found."""
    content = read_content(path) if content is None else content
    if origin is Origin.SHEET and is_trusted(path, content):
        origin = Origin.TRUSTED
    reader = _Reader(path, origin, _parsed(path, content))
    reader.no_others(reader.data, _SECTIONS, "")
    read = SettingsFile(
        path=path,
        origin=origin,
        values={**reader.section("defaults", _DEFAULTS), **reader.section("limits", _LIMITS)}
        | reader.columns(),
        providers=reader.providers(),
        prices=reader.prices(),
        notify=reader.notify(),
        tasks=reader.tasks(),
    )
    check_sheet_file(read)
    return read


def read_content(path: Path) -> bytes:
    """The bytes of a settings file. Raises `SettingsError`."""
    try:
        return path.read_bytes()
    except OSError as error:
        why = reason(error)
        raise SettingsError(say("settings.unreadable", file=str(path), reason=why)) from error


def _parsed(path: Path, content: bytes) -> dict[str, object]:
    try:
        return tomllib.loads(content.decode("utf-8-sig").replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        # Not the parser's words where they could quote the line: it may hold a key.
        raise SettingsError(
            say("settings.not_toml", file=str(path), reason=_where(error))
        ) from error


def _where(error: Exception) -> str:
    """The line of a parser's error, without its words."""
    if isinstance(error, UnicodeDecodeError | RecursionError):
        deep = isinstance(error, RecursionError)
        return say("settings.too_deep" if deep else "settings.not_utf8")
    found = _LINE.search(str(error))
    if found is None:
        return say("settings.at_end")
    return say("settings.line", line=found[1], column=found[2])


class _ValueReader:
    """Reads single values and tables of one file; errors name the key."""

    def __init__(self, path: Path, origin: Origin, data: Mapping[str, object]) -> None:
        self.path = path
        self.origin = origin
        self.data = data

    def wrong(self, key: str, expected: str, found: object = None) -> SettingsError:
        shown = say("settings.found", found=repr(found)) if found is not None else ""
        return SettingsError(
            say("settings.wrong", file=str(self.path), key=key, expected=expected) + shown
        )

    def table(self, holder: Mapping[str, object], key: str, path: str) -> Mapping[str, object]:
        found = holder.get(key, {})
        if isinstance(found, dict):
            return found
        raise self.wrong(path, say("expected.table"), found)

    def no_others(self, found: Mapping[str, object], known: tuple[str, ...], path: str) -> None:
        for key in found:
            if key not in known:
                raise SettingsError(
                    say(
                        "settings.unknown_key",
                        file=str(self.path),
                        key=f"{path}{key}",
                        known=", ".join(known),
                    )
                )

    def _plain(self, raw: object, key: str) -> str:
        """The value of a command's own option, as text that the command parses."""
        if isinstance(raw, bool):
            return str(raw).lower()
        if isinstance(raw, str | int):
            return str(raw)
        raise self.wrong(key, say("expected.text"), raw)

    def _concurrency(self, raw: object, key: str) -> int | str | None:
        try:
            return None if raw is None else read_concurrency(raw)
        except InvalidValueError as error:
            raise self.wrong(key, error.expected, raw) from error

    def count(self, raw: object, key: str) -> int | None:
        if raw is None:
            return None
        if isinstance(raw, int) and not isinstance(raw, bool) and raw >= 1:
            return raw
        raise self.wrong(key, say("expected.count"), raw)

    def _currency(self, raw: object, key: str) -> str:
        if not isinstance(raw, str) or not 1 <= len(raw.strip()) <= 8:
            raise self.wrong(key, say("expected.currency"), raw)
        return raw.strip().upper()

    def amount(self, raw: object, key: str) -> float | None:
        if raw is None:
            return None
        if isinstance(raw, int | float) and not isinstance(raw, bool) and 0 <= raw < float("inf"):
            return float(raw)
        raise self.wrong(key, say("expected.amount"), raw)


class _Reader(_ValueReader):
    """Reads the parts of one file: sections, providers, prices, notifications."""

    def section(self, name: str, settings: Mapping[str, Setting]) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for raw_key, raw in self.table(self.data, name, name).items():
            setting = settings.get(raw_key.replace("-", "_"))
            option = raw_key.replace("_", "-")
            if name == "defaults" and option in ONE_COMMAND_OPTIONS:
                values[option] = self._plain(raw, f"{name}.{raw_key}")
                continue
            if setting is None:
                raise SettingsError(
                    say(
                        "settings.unknown_key",
                        file=str(self.path),
                        key=f"{name}.{raw_key}",
                        known=", ".join(one.name for one in settings.values() if _in_file(one)),
                    )
                )
            if not _in_file(setting):
                raise SettingsError(
                    say("settings.by_hand", file=str(self.path), option=setting.name)
                )
            values[setting.field] = self._value(setting, raw, f"{name}.{raw_key}")
        return values

    def _value(self, setting: Setting, raw: object, key: str) -> Value:
        try:
            value = read_value(setting, raw)
        except InvalidValueError as error:
            hidden = setting.kind in (SettingKind.BASE_URL, SettingKind.DATABASE)
            raise self.wrong(key, error.expected, None if hidden else raw) from error
        if isinstance(value, DatabaseUrl) and value.password is not None:
            raise self.wrong(key, say("expected.no_password"))
        folder = self.path.parent
        if setting.kind is SettingKind.PATH and isinstance(value, Path):
            path = folder / value
            if self.origin is Origin.SHEET and not path.resolve().is_relative_to(folder.resolve()):
                raise SettingsError(say("settings.careful", file=str(self.path), key=key))
            return path
        if setting.kind is SettingKind.FOLDERS and isinstance(value, tuple):
            return tuple(folder / one for one in value if isinstance(one, Path))
        return value

    def columns(self) -> dict[str, Value]:
        given = self.table(self.data, "columns", "columns")
        for header, target in given.items():
            if not isinstance(target, str):
                raise self.wrong(f"columns.{header}", say("expected.text"), target)
        in_defaults = self.table(self.data, "defaults", "defaults").get("column", {})
        both = {**(in_defaults if isinstance(in_defaults, dict) else {}), **given}
        return {"column": both} if given else {}

    def providers(self) -> dict[str, ProviderPart]:
        providers = self.table(self.data, "provider", "provider")
        return {name: self._provider(providers, name) for name in providers}

    def _provider(self, holder: Mapping[str, object], name: str) -> ProviderPart:
        path = f"provider.{name}"
        found = self.table(holder, name, path)
        self.no_others(found, PROVIDER_KEYS, f"{path}.")
        url = None
        if "base_url" in found:
            try:
                url = read_base_url(found["base_url"])
            except InvalidValueError as error:
                raise self.wrong(f"{path}.base_url", error.expected) from error
        proxy = found.get("proxy")
        if proxy is not None and not (isinstance(proxy, str) and "://" in proxy):
            raise self.wrong(f"{path}.proxy", say("expected.proxy"))
        counts = {one: self.count(found.get(one), f"{path}.{one}") for one in ("rpm", "tpm")}
        return ProviderPart(
            base_url=url,
            keys=self._keys(found.get("keys", []), f"{path}.keys"),
            proxy=Secret(proxy) if isinstance(proxy, str) else None,
            headers=self._headers(found.get("headers", {}), f"{path}.headers"),
            concurrency=self._concurrency(found.get("concurrency"), f"{path}.concurrency"),
            lanes=self._lanes(found, f"{path}.lanes"),
            **counts,
        )

    def _lanes(self, holder: Mapping[str, object], path: str) -> "dict[str, LaneRule]":
        lanes = self.table(holder, "lanes", path)
        return {name: _lane(self, lanes, name, f"{path}.{name}") for name in lanes}

    def _headers(self, raw: object, path: str) -> dict[str, str]:
        """Headers to add to every request. Their values are not shown: they may be secrets."""
        if not isinstance(raw, dict):
            raise self.wrong(path, say("expected.headers"))
        for name, value in raw.items():
            fits = isinstance(value, str) and all(" " <= sign <= "~" for sign in value)
            if not fits or not _HEADER_NAME.fullmatch(name) or name.lower() in OWN_HEADERS:
                raise self.wrong(f"{path}.{name}", say("expected.headers"))
        return dict(raw)

    def _keys(self, raw: object, path: str) -> tuple[KeySource, ...]:
        if not isinstance(raw, list):
            raise self.wrong(path, say("expected.keys"))
        sources = []
        for number, entry in enumerate(raw, start=1):
            # What was found is not shown: people do write the key itself here.
            kinds = [one for one in SecretPlace if one in _table_or_empty(entry)]
            if (
                not isinstance(entry, dict)
                or len(kinds) != 1
                or not set(entry) <= {kinds[0], "account"}
                or not all(isinstance(value, str) and value for value in entry.values())
            ):
                raise self.wrong(f"{path}[{number}]", say("expected.keys"))
            sources.append(
                KeySource(
                    kind=kinds[0],
                    value=entry[kinds[0]],
                    folder=self.path.parent,
                    account=entry.get("account"),
                )
            )
        return tuple(sources)

    def prices(self) -> dict[str, OwnPrice]:
        models = dict(self.table(self.data, "prices", "prices"))
        usual = self._currency(models.pop("currency", "USD"), "prices.currency")
        return {model: self._price(models, model, usual) for model in models}

    def _price(self, holder: Mapping[str, object], model: str, usual: str) -> OwnPrice:
        path = f'prices."{model}"'
        found = self.table(holder, model, path)
        self.no_others(found, (*PRICE_AMOUNTS, "currency"), f"{path}.")
        return OwnPrice(
            currency=self._currency(found.get("currency", usual), f"{path}.currency"),
            **{one: self.amount(found.get(one), f"{path}.{one}") for one in PRICE_AMOUNTS},
        )

    def tasks(self) -> "dict[str, TaskDialect]":
        """Dialects of tasks: how to submit and ask. They name paths, never a host or a price."""
        given = self.table(self.data, "task", "task")
        if not given:
            return {}
        from runner.settings.task_dialects import (  # noqa: PLC0415 - few files have tasks
            DialectError,
            read_dialect,
            shipped_names,
        )

        for name in given:
            taken = name in shipped_names() or "headers" in str(given[name])
            if self.origin is Origin.SHEET and taken:
                raise SettingsError(
                    say("settings.careful", file=str(self.path), key=f"task.{name}")
                )
        try:
            return {
                name: read_dialect(name, self.table(given, name, f"task.{name}"), own=True)
                for name in given
            }
        except DialectError as error:
            raise self.wrong(f"task.{error.key}", error.expected) from error

    def notify(self) -> Notify | None:
        found = self.table(self.data, "notify", "notify")
        self.no_others(found, NOTIFY_KEYS, "notify.")
        for key, value in found.items():
            if not isinstance(value, str) or not value:
                raise self.wrong(f"notify.{key}", say("expected.text"))
        if not found:
            return None
        url, on_finish = found.get("url"), found.get("on_finish")
        return Notify(
            url=url if isinstance(url, str) else None,
            on_finish=on_finish if isinstance(on_finish, str) else None,
            url_from=self._elsewhere(found, "url"),
            secret_from=self._elsewhere(found, "secret"),
        )

    def _elsewhere(self, found: Mapping[str, object], what: str) -> KeySource | None:
        """Where a secret of [notify] is kept: `url_env`, `url_file` and so on."""
        for kind in (SecretPlace.ENV, SecretPlace.FILE):
            value = found.get(f"{what}_{kind}")
            if isinstance(value, str):
                return KeySource(kind=kind, value=value, folder=self.path.parent)
        return None


def _lane(reader: _Reader, holder: Mapping[str, object], name: str, path: str) -> "LaneRule":
    """One lane that the person describes."""
    from runner.protocol.lane_rule import (  # noqa: PLC0415 - few files describe a lane
        BATCH,
        FLEX,
        FLEX_SECONDS,
        LANE_FORMS,
        LaneRule,
    )

    if name == BATCH:
        return _batch_lane(reader, reader.table(holder, name, path), path)
    if name != FLEX:
        raise reader.wrong(path, say("expected.lane"))
    found = reader.table(holder, name, path)
    reader.no_others(found, LANE_KEYS, f"{path}.")
    texts = {one: found.get(one, "") for one in ("models", "base_url", "path")}
    form = found.get("form", LANE_FORMS[0])
    try:
        url = read_base_url(texts["base_url"]) if texts["base_url"] else ""
        models = re.compile(str(texts["models"])).pattern
    except (InvalidValueError, re.error) as error:
        raise reader.wrong(path, say("expected.lane_form")) from error
    own_path = str(texts["path"])
    fits = {"service_tier": True, "base_url": bool(url), "path": own_path.startswith("/")}
    if not fits.get(str(form), False):
        raise reader.wrong(f"{path}.form", say("expected.lane_form"))
    factor = reader.amount(found.get("factor"), f"{path}.factor")
    return LaneRule(
        name=name,
        form=str(form),
        factor=0.5 if factor is None else factor,
        timeout=reader.amount(found.get("timeout"), f"{path}.timeout") or FLEX_SECONDS,
        models=models or None,
        base_url=url,
        path=own_path,
    )


def _batch_lane(reader: _Reader, found: Mapping[str, object], path: str) -> "LaneRule":
    """The provider batches that the person describes."""
    from runner.protocol.lane_rule import (  # noqa: PLC0415 - few files describe a lane
        BATCH,
        BATCH_FORMS,
        LaneRule,
    )

    known = ("form", "factor", "base_url", "models", "max_rows", "max_bytes")
    reader.no_others(found, known, f"{path}.")
    if found.get("form") not in BATCH_FORMS:
        raise reader.wrong(f"{path}.form", say("expected.batch_form"))
    try:
        url = read_base_url(found["base_url"]) if "base_url" in found else ""
        models = re.compile(str(found.get("models", ""))).pattern
    except (InvalidValueError, re.error) as error:
        raise reader.wrong(path, say("expected.batch_form")) from error
    factor = reader.amount(found.get("factor"), f"{path}.factor")
    return LaneRule(
        name=BATCH,
        form=str(found["form"]),
        factor=0.5 if factor is None else factor,
        models=models or None,
        base_url=url,
        max_rows=reader.count(found.get("max_rows"), f"{path}.max_rows") or 0,
        max_bytes=reader.count(found.get("max_bytes"), f"{path}.max_bytes") or 0,
    )


def _in_file(setting: Setting) -> bool:
    return SettingScope.FILE in setting.scopes


def _table_or_empty(found: object) -> Mapping[str, object]:
    return found if isinstance(found, dict) else {}
