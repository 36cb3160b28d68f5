"""The answers of a first run: as options of a command line, and as a settings file."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.console.screen import print_message
from runner.settings.schema import Value
from runner.settings.trust import trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The person's answers; None if a question was not needed."""

    base_url: str | None = None
    endpoint: str | None = None
    prompt_column: str | None = None
    model: str | None = None
    price: float | None = None
    former_column: str | None = None  # that held the prompt in an earlier start

    def flags(self) -> dict[str, Value]:
        """The answers as options that were given on a command line."""
        given = {"endpoint": self.endpoint, "model": self.model, "base_url": self.base_url}
        flags: dict[str, Value] = {name: value for name, value in given.items() if value}
        if self.prompt_column is not None:
            flags["column"] = dict(self._columns())
        return flags

    def _columns(self) -> Iterator[tuple[str, str]]:
        """The column of the prompt; one that was it before is no more."""
        if self.former_column not in (None, self.prompt_column):
            yield str(self.former_column), ""
        if self.prompt_column is not None:
            yield self.prompt_column, "prompt"

    def words(self) -> list[str]:
        """The answers as options of `run`, which the workspace remembers."""
        named = (("-e", self.endpoint), ("-m", self.model), ("--base-url", self.base_url))
        words = [word for option, value in named if value for word in (option, value)]
        for header, name in self._columns():
            words += ["--column", f"{header}={name}"]
        return words


def write_settings(file: Path, choices: Choices) -> None:
    """Save the answers beside the sheet; an existing file is not touched."""
    lines = list(_settings_lines(choices))
    if not lines:
        return
    if file.exists():
        print_message(say("guide.settings_kept", file=file.name))
        return
    try:
        with file.open("x", encoding="utf-8", newline="\n") as out:
            out.write("\n".join(lines) + "\n")
    except OSError as error:
        print_message(say("guide.settings_failed", file=str(file), reason=reason(error)))
        return
    try:
        trust(file, file.read_bytes())  # we wrote it ourselves
    except OSError as error:
        print_message(say("trust.failed", file=str(file), reason=reason(error)))
    print_message(say("guide.settings_written", file=file.name))


def _settings_lines(choices: Choices) -> list[str]:
    """The answers as a settings file, without the key."""
    defaults: dict[str, str] = {}
    lines: list[str] = []
    if choices.base_url is not None:
        name = (urlsplit(choices.base_url).hostname or "gateway").replace(".", "-")
        defaults["provider"] = name
        lines += [f"[provider.{_quoted(name)}]", f"base_url = {_quoted(choices.base_url)}", ""]
    chosen = {"endpoint": choices.endpoint, "model": choices.model}
    defaults |= {key: value for key, value in chosen.items() if value is not None}
    lines += _table("defaults", defaults)
    if choices.prompt_column is not None:
        lines += _table("columns", {choices.prompt_column: "prompt"})
    if choices.price is not None and choices.model is not None:
        lines += [f"[prices.{_quoted(choices.model)}]", f"call = {choices.price}", ""]
    return lines[:-1]


def _table(name: str, values: Mapping[str, str]) -> list[str]:
    if not values:
        return []
    pairs = [f"{_quoted(key)} = {_quoted(value)}" for key, value in values.items()]
    return [f"[{name}]", *pairs, ""]


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False)
