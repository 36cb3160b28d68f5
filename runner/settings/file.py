"""What a settings file says, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from runner.exits import Refusal
from runner.prices.units import MEASURE_BY_UNIT
from runner.prices.user_prices import OwnPrice
from runner.secret import Secret
from runner.settings.schema import Value

if TYPE_CHECKING:
    from runner.protocol.lane_rule import LaneRule
    from runner.protocol.task_dialect import TaskDialect

KEY_VARIABLE = "ROWMILL_API_KEY"

PROVIDER_KEYS = ("base_url", "keys", "rpm", "tpm", "concurrency", "proxy", "headers", "lanes")
LANE_KEYS = ("form", "factor", "timeout", "models", "base_url", "path")
PRICE_AMOUNTS = ("call", "picture", "input", "output", *MEASURE_BY_UNIT)
NOTIFY_SECRETS = ("url_env", "url_file", "secret_env", "secret_file")
NOTIFY_KEYS = ("url", "on_finish", *NOTIFY_SECRETS)


class SettingsError(Refusal):
    """A settings file or the environment holds something that cannot be used. Exit 3."""


class Origin(StrEnum):
    """Whose file it is. A file beside a sheet may have come from anybody, unless it is trusted."""

    CONFIG = "config file"  # named with --config
    SHEET = "sheet file"  # found beside the sheet, and not trusted
    TRUSTED = "trusted file"  # found beside the sheet, and trusted by the person
    USER = "user file"  # in the user's configuration folder


class SecretPlace(StrEnum):
    """Where a settings file says a secret is kept."""

    ENV = "env"  # an environment variable
    FILE = "file"  # the first line of a file
    COMMAND = "command"  # what a command prints


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Where a provider's key is kept. `url` is the base URL that it may be used for."""

    kind: SecretPlace
    value: str
    folder: Path  # of the settings file, for relative paths
    account: str | None = None
    url: str | None = None

    @property
    def path(self) -> Path:
        """The file of a key, for the kind FILE."""
        return self.folder / Path(self.value).expanduser()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPart:
    """What one file says about one provider."""

    base_url: str | None = None
    keys: tuple[KeySource, ...] = ()
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | str | None = None
    proxy: Secret | None = None
    headers: Mapping[str, str] = field(default_factory=dict)  # `{key}` stands for the key
    lanes: Mapping[str, "LaneRule"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Where to report the end of a run. The address may be a secret, kept elsewhere."""

    url: str | None = None
    on_finish: str | None = None
    url_from: KeySource | None = None
    secret_from: KeySource | None = None  # signs messages to Feishu and DingTalk


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFile:
    """One settings file, checked."""

    path: Path
    origin: Origin
    values: Mapping[str, Value] = field(default_factory=dict)
    providers: Mapping[str, ProviderPart] = field(default_factory=dict)
    prices: Mapping[str, OwnPrice] = field(default_factory=dict)
    notify: Notify | None = None
    tasks: Mapping[str, "TaskDialect"] = field(default_factory=dict)
