"""What a person chose in the page: as options of a command line, and as settings."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner.endpoints.dialects.tasks.handed_in import hand_in
from runner.settings.known_address import known_address
from runner.settings.locations import find_files
from runner.settings.schema import SCHEMA, Value
from runner.settings.settings import Settings, resolve
from runner.settings.values import read_value
from runner.workspace.workspace import Workspace

if TYPE_CHECKING:
    from runner.protocol.task_dialect import TaskDialect

TEXTS = ("endpoint", "model", "prompt", "provider", "base-url", "lane", "tab", "id", "limit")
SWITCHES = ("skip-bad", "visible-only", "rebuy")
MORE_TEXTS = ("concurrency", "max-cost", "until")
MAX_CHARACTERS = 20_000
_SETTINGS = {one.name: one for one in SCHEMA}
LANES = _SETTINGS["lane"].choices


class UnusableChoiceError(ValueError):
    """The page sent something that it cannot have offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageChoices:
    """Options by their long names. A column's field is empty where the column is not sent."""

    texts: Mapping[str, str] = field(default_factory=dict)
    switches: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)

    def words(self) -> Iterator[str]:
        """The options of a command line."""
        for name, text in self.texts.items():
            yield f"--{name}={text}"
        for name in self.switches:
            yield f"--{name}"
        for header, sent_as in self.columns.items():
            yield f"--column={header}={sent_as}"

    def flags(self) -> dict[str, Value]:
        """The same as values. Raises InvalidValueError."""
        found: dict[str, Value] = {}
        for name, text in self.texts.items():
            found[_SETTINGS[name].field] = read_value(_SETTINGS[name], text)
        for name in self.switches:
            found[_SETTINGS[name].field] = True
        if self.columns:
            pairs = [f"{header}={sent_as}" for header, sent_as in self.columns.items()]
            found["column"] = read_value(_SETTINGS["column"], pairs)
        return found


def read_choices(found: object) -> PageChoices:
    """The choices that the page sent. Raises UnusableChoiceError."""
    if not isinstance(found, dict):
        raise UnusableChoiceError
    texts = {}
    for name in (*TEXTS, *MORE_TEXTS):
        text = found.get(name)
        if text in (None, ""):
            continue
        if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
            raise UnusableChoiceError
        texts[name] = text
    columns = found.get("columns") or {}
    if not isinstance(columns, dict) or not all(
        isinstance(word, str) and len(word) < MAX_CHARACTERS
        for pair in columns.items()
        for word in pair
    ):
        raise UnusableChoiceError
    # A template is the text itself: the page names no file.
    if texts.get("prompt", "").startswith("@"):
        raise UnusableChoiceError
    return PageChoices(
        texts=texts,
        switches=tuple(name for name in SWITCHES if found.get(name) is True),
        columns=columns,
    )


def settings_for(
    sheet: Path,
    workspace: Workspace,
    choices: PageChoices,
    *,
    remembered: Mapping[str, object] | None,
    config: Path | None,
) -> Settings:
    """The settings that a command with these choices would have."""
    decided = resolve(
        choices.flags(),
        os.environ,
        find_files(sheet.absolute().parent, config),
        remembered,
        known_address(workspace.folder),
    )
    hand_in(partial(_task_dialects, decided), decided.provider.name)
    return decided


def _task_dialects(settings: Settings) -> "Mapping[str, TaskDialect]":
    """The task dialects that come with rowmill, and those of the settings files."""
    from runner.settings.task_dialects import shipped  # noqa: PLC0415 - few sheets have tasks

    return {**shipped(), **settings.tasks}
