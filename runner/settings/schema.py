"""The schema of every setting: options, variables and file keys are made from it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from runner.settings.setting_names import field_of, variable_of

if TYPE_CHECKING:
    from runner.settings.database_url import DatabaseUrl


class SettingScope(StrEnum):
    """Where a setting may be given."""

    FLAG = "flag"
    ENV = "env"
    FILE = "file"
    REMEMBERED = "remembered"  # by the workspace, from the last run


class SheetFileRule(StrEnum):
    """Whether a settings file beside a sheet, which may come from anybody, may give a setting."""

    NEVER = "never"  # only the person's own files, and files the person trusts
    STRICTER = "stricter"  # it counts only if it limits a run more than the other sources do
    ALWAYS = "always"


class SettingKind(StrEnum):
    """What a setting's value is; `values.py` reads each."""

    TEXT = "text"
    TEMPLATE = "template"  # text, or @FILE
    PAIRS = "pairs"  # KEY=VALUE or KEY=@FILE, repeatable
    COLUMNS = "columns"  # HEADER=FIELD, repeatable
    HOSTS = "hosts"
    FOLDERS = "folders"
    PATH = "path"
    SWITCH = "switch"
    CHOICE = "choice"
    COUNT = "count"  # a whole number from 1
    TIMES = "times"  # a whole number from 0
    CLASSES = "classes"  # failure classes and in_doubt, with commas
    AMOUNT = "amount"  # a number from 0
    SECONDS = "seconds"  # 90, 90s, 10m, 8h
    SILENCE = "silence"  # seconds, at least 3
    BASE_URL = "base_url"
    ROWS = "rows"  # 3,7,10-20
    PORT = "port"  # 0 takes a free one
    TOLERANCE = "tolerance"  # 12 or 5%
    STOP_IF = "stop_if"  # failed>20%/50
    AT_ONCE = "at_once"  # a whole number from 1, or auto
    UNTIL = "until"  # 07:00, or a time from now: 8h
    COMMAND = "command"  # a program with its words
    CAP = "cap"  # 20, or +20
    DATABASE = "database"  # postgresql://…, or none


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How many failed rows still count as a good end: a number, or a percentage of all rows."""

    rows: int | None = None
    percent: float | None = None

    def allows(self, failed: int, total: int) -> bool:
        """True if `failed` of `total` rows are tolerated."""
        if self.percent is not None:
            return failed * 100 <= self.percent * total
        return failed <= (self.rows or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopIf:
    """Stop the run when more than `percent` of the last `window` ended rows failed."""

    percent: float
    window: int


AUTO = "auto"
NO_CAP = "none"
NO_DATABASE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """When a run stops: at a time of day, or so many seconds after it began."""

    hour: int = 0
    minute: int = 0
    seconds: float | None = None

    def moment(self, now: float) -> float:
        """That moment (Unix seconds), the next one after `now`."""
        if self.seconds is not None:
            return now + self.seconds
        local = datetime.fromtimestamp(now).astimezone()
        # By the wall clock: a night in which the clocks change still ends at seven.
        for days in (0, 1):
            day = local.date() + timedelta(days=days)
            found = datetime.combine(day, time(self.hour, self.minute)).timestamp()
            if found > now:
                return found
        raise AssertionError("tomorrow is later than now")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """The most that may be spent: by this workspace ever, or (`more`) from now on.

    An infinite cap, "none", lifts the cap of before.
    """

    amount: float
    more: bool = False

    @property
    def lifted(self) -> bool:
        """True if this lifts the cap of before."""
        return math.isinf(self.amount)

    def __str__(self) -> str:
        if self.lifted:
            return NO_CAP
        return f"{'+' if self.more else ''}{self.amount:.9f}".rstrip("0").rstrip(".")


Value: TypeAlias = (
    "bool | int | float | str | Path | Tolerance | StopIf | Until | Cap | DatabaseUrl"
    " | tuple[str, ...] | tuple[Path, ...] | tuple[tuple[int, int], ...] | Mapping[str, str] | None"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting. Its help sentence is `option.<name>` in the catalogue."""

    name: str  # as the long option is written, without the dashes
    kind: SettingKind
    group: str
    scopes: frozenset[SettingScope]
    default: Value = None
    commands: tuple[str, ...] = ()
    short: str | None = None
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    section: str = "defaults"
    in_sheet_file: SheetFileRule = SheetFileRule.NEVER

    @property
    def field(self) -> str:
        """Its name in `Settings`, in a settings file, and (upper case) in the environment."""
        return field_of(self.name)

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return variable_of(self.name)


ALWAYS, STRICTER = SheetFileRule.ALWAYS, SheetFileRule.STRICTER

FLAG_ENV_FILE = frozenset({SettingScope.FLAG, SettingScope.ENV, SettingScope.FILE})
ALSO_REMEMBERED = FLAG_ENV_FILE | {SettingScope.REMEMBERED}
FLAG_ONLY = frozenset({SettingScope.FLAG})
FILE_ONLY = frozenset({SettingScope.FILE})

REQUEST_COMMANDS = ("run", "check", "rehearse", "retry")
"""The commands that turn rows into requests."""

SPENDING_COMMANDS = ("run", "rehearse", "retry")

SHARED_COMMANDS = (
    *("run", "check", "status", "errors", "show", "retry", "skip", "fetch", "steer"),
    *("export", "report", "serve", "pick", "doctor", "batches"),
)
"""The commands that work on a shared table too: all that take a sheet but `rehearse`."""

_request = partial(
    Setting,
    in_sheet_file=ALWAYS,
    group="request",
    scopes=ALSO_REMEMBERED,
    commands=REQUEST_COMMANDS,
)
_lane = partial(_request, group="lane", scopes=FLAG_ENV_FILE)
_rows = partial(Setting, group="rows", scopes=FLAG_ENV_FILE, commands=REQUEST_COMMANDS)
_files = partial(Setting, group="files", scopes=FLAG_ENV_FILE, commands=REQUEST_COMMANDS)
_spend = partial(Setting, scopes=FLAG_ENV_FILE, commands=SPENDING_COMMANDS)
_mock = partial(
    Setting, in_sheet_file=ALWAYS, group="own", scopes=FLAG_ENV_FILE, commands=("mock",)
)
_hosts = partial(Setting, group="hosts", scopes=FLAG_ENV_FILE, commands=("run",))
_own = partial(Setting, group="own", scopes=FLAG_ENV_FILE)
_act = partial(Setting, group="own", scopes=FLAG_ONLY, kind=SettingKind.SWITCH, default=False)
_global = partial(Setting, group="global", scopes=FLAG_ENV_FILE)
_limit = partial(Setting, group="limits", section="limits", scopes=FILE_ONLY)

SCHEMA: tuple[Setting, ...] = (
    _request(name="endpoint", kind=SettingKind.TEXT, short="e", metavar="NAME"),
    _request(name="model", kind=SettingKind.TEXT, short="m", metavar="NAME"),
    _request(name="prompt", kind=SettingKind.TEMPLATE, short="p", metavar="TEMPLATE|@FILE"),
    _request(name="set", kind=SettingKind.PAIRS, metavar="KEY=VALUE|KEY=@FILE", default={}),
    _request(name="column", kind=SettingKind.COLUMNS, metavar='"HEADER=FIELD"', default={}),
    _request(name="id", kind=SettingKind.TEXT, metavar="COLUMN"),
    _request(name="tab", kind=SettingKind.TEXT, metavar="NAME"),
    _request(name="encoding", kind=SettingKind.TEXT, metavar="NAME", scopes=FLAG_ENV_FILE),
    _request(name="delimiter", kind=SettingKind.TEXT, metavar="CHARACTER"),
    _request(
        name="provider",
        kind=SettingKind.TEXT,
        metavar="NAME",
        default="wenwen",
        commands=(*REQUEST_COMMANDS, "doctor"),
    ),
    _request(
        name="base-url",
        kind=SettingKind.BASE_URL,
        metavar="URL",
        scopes=FLAG_ENV_FILE,
        commands=(*REQUEST_COMMANDS, "doctor"),
    ),
    _lane(
        name="lane",
        kind=SettingKind.CHOICE,
        choices=("online", "flex", "batch"),
        scopes=ALSO_REMEMBERED,
    ),
    _lane(name="online-from", kind=SettingKind.UNTIL, metavar="05:00"),
    _lane(name="submit-only", kind=SettingKind.SWITCH, default=False, commands=("run", "check")),
    _rows(name="limit", kind=SettingKind.COUNT, metavar="N", scopes=FLAG_ONLY),
    _rows(
        name="rows",
        kind=SettingKind.ROWS,
        metavar="LIST",
        scopes=FLAG_ONLY,
        commands=(*REQUEST_COMMANDS, "skip"),
    ),
    _rows(name="skip-bad", in_sheet_file=ALWAYS, kind=SettingKind.SWITCH, default=False),
    _rows(
        name="visible-only",
        in_sheet_file=STRICTER,
        kind=SettingKind.SWITCH,
        default=False,
        scopes=ALSO_REMEMBERED,
    ),
    _rows(name="same-sheet", kind=SettingKind.SWITCH, default=False),
    _rows(name="rebuy", kind=SettingKind.SWITCH, default=False, scopes=FLAG_ONLY),
    _files(
        name="workspace",
        in_sheet_file=ALWAYS,
        kind=SettingKind.PATH,
        metavar="DIR",
        commands=(
            *(*REQUEST_COMMANDS, "status", "errors", "show", "skip", "fetch", "export"),
            *("report", "serve", "steer", "doctor", "pick", "batches"),
        ),
    ),
    _files(
        name="name",
        in_sheet_file=ALWAYS,
        kind=SettingKind.TEXT,
        metavar="TEMPLATE",
        scopes=ALSO_REMEMBERED,
        default="{{ row }}-{{ slug }}-{{ n }}",
    ),
    _files(
        name="files",
        kind=SettingKind.TEXT,
        metavar="TARGET",
        commands=("run", "retry", "fetch", "show", "export", "report", "serve", "doctor"),
    ),
    _files(name="results", kind=SettingKind.TEXT, metavar="TARGET", commands=("run", "retry")),
    _files(name="files-from", kind=SettingKind.FOLDERS, metavar="DIR", default=()),
    _files(
        name="allow-host",
        kind=SettingKind.HOSTS,
        metavar="HOST",
        default=(),
        commands=(*REQUEST_COMMANDS, "fetch"),
    ),
    _hosts(name="db", kind=SettingKind.DATABASE, metavar="URL", commands=SHARED_COMMANDS),
    _hosts(name="move-table", kind=SettingKind.SWITCH, default=False, scopes=FLAG_ONLY),
    _hosts(name="on", kind=SettingKind.CHOICE, choices=("ray",)),
    _hosts(name="hosts", kind=SettingKind.COUNT, metavar="N"),
    _spend(
        name="concurrency",
        in_sheet_file=ALWAYS,
        kind=SettingKind.AT_ONCE,
        group="pace",
        short="c",
        metavar="N|auto",
        default=8,
        commands=(*SPENDING_COMMANDS, "steer"),
    ),
    _spend(
        name="rpm",
        in_sheet_file=ALWAYS,
        kind=SettingKind.COUNT,
        group="pace",
        metavar="N",
        commands=(*SPENDING_COMMANDS, "steer"),
    ),
    _spend(
        name="tpm",
        in_sheet_file=ALWAYS,
        kind=SettingKind.COUNT,
        group="pace",
        metavar="N",
        commands=(*SPENDING_COMMANDS, "steer"),
    ),
    Setting(
        name="max-cost",
        in_sheet_file=STRICTER,
        kind=SettingKind.CAP,
        group="stops",
        scopes=ALSO_REMEMBERED,
        commands=(*REQUEST_COMMANDS, "steer"),
        metavar="AMOUNT|+AMOUNT",
    ),
    _spend(
        name="until",
        in_sheet_file=ALWAYS,
        kind=SettingKind.UNTIL,
        group="stops",
        metavar="07:00|8h",
        commands=(*SPENDING_COMMANDS, "steer"),
    ),
    _spend(name="pilot", in_sheet_file=ALWAYS, kind=SettingKind.COUNT, group="stops", metavar="N"),
    _spend(
        name="in-doubt",
        in_sheet_file=STRICTER,
        kind=SettingKind.CHOICE,
        group="stops",
        choices=("retry", "hold"),
        default="retry",
    ),
    _spend(
        name="ok-if-failed",
        in_sheet_file=ALWAYS,
        kind=SettingKind.TOLERANCE,
        group="stops",
        metavar="N|P%",
    ),
    _spend(name="notify", kind=SettingKind.TEXT, group="telling", metavar="URL"),
    _spend(name="on-finish", kind=SettingKind.COMMAND, group="telling", metavar="COMMAND"),
    _spend(
        name="progress",
        in_sheet_file=ALWAYS,
        kind=SettingKind.CHOICE,
        group="telling",
        choices=("auto", "bar", "plain", "json", "none"),
        default="auto",
    ),
    _spend(
        name="json",
        in_sheet_file=ALWAYS,
        kind=SettingKind.SWITCH,
        group="telling",
        commands=(
            *(*REQUEST_COMMANDS, "status", "errors", "show", "fetch", "endpoints", "doctor"),
            *("pick", "batches"),
        ),
        default=False,
    ),
    _spend(
        name="yes",
        kind=SettingKind.SWITCH,
        group="telling",
        scopes=FLAG_ONLY,
        commands=(*SPENDING_COMMANDS, "skip"),
        short="y",
        default=False,
    ),
    _spend(
        name="no-input",
        in_sheet_file=ALWAYS,
        kind=SettingKind.SWITCH,
        group="telling",
        commands=(*SPENDING_COMMANDS, "skip"),
        default=False,
    ),
    _mock(
        name="port",
        kind=SettingKind.PORT,
        metavar="N",
        default=8765,
        commands=("mock", "serve", "desk"),
    ),
    _mock(name="latency", kind=SettingKind.AMOUNT, metavar="SECONDS", default=0.0),
    _mock(name="batch-seconds", kind=SettingKind.AMOUNT, metavar="SECONDS", default=60.0),
    _mock(
        name="faults",
        kind=SettingKind.CHOICE,
        choices=("none", "some", "storm"),
        default="none",
        commands=("mock", "rehearse"),
    ),
    _own(
        name="kill",
        in_sheet_file=ALWAYS,
        kind=SettingKind.TIMES,
        metavar="N",
        commands=("rehearse",),
        default=0,
    ),
    _own(name="class", kind=SettingKind.CLASSES, metavar="CLASS,…", commands=("retry", "skip")),
    _own(name="from", kind=SettingKind.PATH, metavar="FILE", commands=("retry", "export")),
    _act(name="pause", commands=("steer",)),
    _act(name="resume", commands=("steer",)),
    _own(
        name="watch",
        in_sheet_file=ALWAYS,
        kind=SettingKind.SWITCH,
        commands=("status",),
        default=False,
    ),
    _own(name="again", kind=SettingKind.SWITCH, commands=("retry",), default=False),
    _own(name="export", kind=SettingKind.PATH, metavar="FILE", commands=("errors",)),
    _own(
        name="headers",
        in_sheet_file=ALWAYS,
        kind=SettingKind.CHOICE,
        choices=("en", "zh"),
        default="en",
        commands=("export",),
    ),
    _own(
        name="verify",
        in_sheet_file=ALWAYS,
        kind=SettingKind.SWITCH,
        commands=("fetch",),
        default=False,
    ),
    _global(
        name="config",
        kind=SettingKind.PATH,
        metavar="FILE",
        scopes=frozenset({SettingScope.FLAG, SettingScope.ENV}),
    ),
    _global(
        name="color",
        in_sheet_file=ALWAYS,
        kind=SettingKind.CHOICE,
        choices=("auto", "always", "never"),
        default="auto",
    ),
    _global(name="lang", in_sheet_file=ALWAYS, kind=SettingKind.CHOICE, choices=("en", "zh")),
    _global(name="quiet", kind=SettingKind.SWITCH, short="q", default=False),
    _global(
        name="verbose", in_sheet_file=ALWAYS, kind=SettingKind.SWITCH, short="v", default=False
    ),
    _global(name="debug", kind=SettingKind.SWITCH, default=False),
    _limit(name="attempts", in_sheet_file=STRICTER, kind=SettingKind.COUNT, default=5),
    _limit(name="timeout", kind=SettingKind.SECONDS),
    _limit(name="stop_if", kind=SettingKind.STOP_IF),
    _limit(name="ask_above", in_sheet_file=STRICTER, kind=SettingKind.AMOUNT, default=200),
    _limit(name="max_wait", in_sheet_file=STRICTER, kind=SettingKind.SECONDS),
    _limit(name="table_wait", in_sheet_file=STRICTER, kind=SettingKind.SECONDS),
    _limit(name="lost_after", kind=SettingKind.SILENCE, default=30.0),
)
"""Every setting, in the order of the help."""

SHORT_OPTIONS = {one.field: f"-{one.short}" for one in SCHEMA if one.short}
"""The one-letter options, by field: `-e` for endpoint."""

ONE_COMMAND_OPTIONS = (
    *("first", "curl", "answer", "models", "bundle", "open", "single-file", "output", "format"),
    *("only", "new", "fields", "thumbs", "into-copy", "expand", "safe-csv", "picks"),
)
"""Long options that one command reads for itself. They, too, have a variable and a default."""

GLOBAL_SETTINGS = tuple(one for one in SCHEMA if one.group == "global")
REPEATABLE_KINDS = frozenset(
    {SettingKind.PAIRS, SettingKind.COLUMNS, SettingKind.HOSTS, SettingKind.FOLDERS}
)
"""Kinds whose option may be given several times."""


def options_of(command: str) -> tuple[Setting, ...]:
    """The settings that are options of a command, in the order of its help."""
    return tuple(
        one for one in SCHEMA if command in one.commands and SettingScope.FLAG in one.scopes
    )
