"""`rowmill SHEET` on a terminal: asks a few questions, runs three rows, then the rest."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import click
from rich.table import Table
from rich.text import Text

from jobs.loading.columns import ColumnMap, map_columns
from jobs.sheet.reader import Sheet
from jobs.store.log import last_run
from jobs.store.queries.results import ResultRow, results
from jobs.store.queries.totals import counts
from runner.catalogue import say, translated
from runner.catalogue.reasons import reason
from runner.catalogue.safe_text import plain, visible
from runner.console import options
from runner.console.screen import console, print_message
from runner.console.usage import ask_yes_no
from runner.endpoints.registry import ENDPOINTS, known_fields, needed_fields
from runner.exits import Exit, Refusal
from runner.intake.loaded import guess_words
from runner.intake.opening import open_with_settings
from runner.launch.locate import sheet_and_workspace
from runner.launch.request import Question
from runner.secret import Secret
from runner.settings.keys import KeyRefusal, find_key, key_file, new_key, store_key, stored_keys
from runner.settings.locations import FILE_NAME
from runner.settings.settings import Settings
from runner.settings.trust import trust
from runner.settings.values import InvalidValueError, read_base_url, site
from runner.workspace.workspace import SHEET_ID, Workspace, typed

TRIAL_ROWS = 3  # run before the rest is asked about
SHOWN_CHARACTERS = 60  # of an example or an answer
TRIAL = Question(key="guide.try", default=True)
REST = Question(key="guide.rest", default=False, typed_yes=True)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The person's answers; None if a question was not needed."""

    base_url: str | None = None
    endpoint: str | None = None
    prompt_column: str | None = None
    model: str | None = None
    price: float | None = None

    def words(self) -> list[str]:
        """The answers as options of `run`, which the workspace remembers."""
        named = (("-e", self.endpoint), ("-m", self.model), ("--base-url", self.base_url))
        words = [word for option, value in named if value for word in (option, value)]
        if self.prompt_column is not None:
            words += ["--column", f"{self.prompt_column}=prompt"]
        return words


@options.argument("sheet")
def _guide(sheet: str) -> int:
    path, workspace = sheet_and_workspace(Path(sheet))
    if _is_begun(workspace):
        return _go_on(path)
    settings = options.settings(folder=path.absolute().parent)
    opened = open_with_settings(path, settings)
    print_message(say("guide.columns", sheet=path.name, headers=", ".join(opened.layout.headers)))
    choices = _ask_all(opened, settings)
    _write_settings(path.absolute().parent / FILE_NAME, choices)
    words = choices.words()
    code = _run("run", str(path), *words, "--limit", str(TRIAL_ROWS), question=TRIAL)
    return _rest(path, workspace, words) if code in (Exit.DONE, Exit.SOME_FAILED) else code


def _is_begun(workspace: Workspace) -> bool:
    """True if rows of the sheet were run before."""
    if workspace.loaded() is None:
        return False
    with workspace.place.look() as store, store.read() as tx:
        return last_run(tx, SHEET_ID) is not None


def _go_on(path: Path) -> int:
    """Continue a sheet that was run before; its options are remembered."""
    _run("status", str(path))
    if not ask_yes_no(say("guide.go_on"), default=True):
        raise Refusal(say("run.declined"), code=Exit.STOPPED)
    return _run("run", str(path))


def _rest(path: Path, workspace: Workspace, words: Sequence[str]) -> int:
    """Show the results of the first rows, then ask about the others."""
    with workspace.place.look() as store, store.read() as tx:
        begun = (row for row in results(tx, SHEET_ID) if row.status != "pending")
        shown = [next(begun, None) for _ in range(TRIAL_ROWS)]
        standing = counts(tx, SHEET_ID)
    _list((str(row.row), row.status, _told(row)) for row in shown if row is not None)
    if not standing.pending:
        return Exit.SOME_FAILED if standing.failed else Exit.DONE
    try:
        return _run("run", str(path), *words, question=REST)
    except Refusal as refusal:
        if refusal.code is not Exit.STOPPED:
            raise
        print_message(say("run.next", command=f"rowmill run {typed(path.absolute())}"))
        return Exit.STOPPED


def _told(row: ResultRow) -> str:
    return ", ".join(row.files) or row.text or row.error or ""


def _list(rows: Iterable[Sequence[str]]) -> None:
    """Print a small table; Chinese characters count as two columns."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for row in rows:
        grid.add_row(*(Text(plain(cell, SHOWN_CHARACTERS)) for cell in ("", *row)))
    console(sys.stderr).print(grid)


def _run(*words: str, question: Question | None = None) -> int:
    """Run another command line, as if it had been typed; `question` is asked before it sends."""
    root = click.get_current_context().find_root().command
    with root.make_context("rowmill", list(words), obj=question) as ctx:
        code = root.invoke(ctx)
    return code if isinstance(code, int) else Exit.DONE


# --- the questions --------------------------------------------------------------------------------


def _ask_all(opened: Sheet, settings: Settings) -> Choices:
    """Ask for what neither the sheet nor the settings say."""
    headers = opened.layout.headers
    columns = map_columns(headers, known_fields(), given=settings.column)
    if guesses := guess_words(headers, columns):
        print_message(guesses)
    given = {name for _, name in columns.fields} | set(settings.set)
    url = _ask_address(settings)
    _ask_key(settings, url or settings.base_url)
    endpoint = None
    if settings.endpoint is None and "endpoint" not in given:
        endpoint = _ask_endpoint()
    needed = needed_fields(endpoint or settings.endpoint) - given
    column = None
    if settings.prompt is None and "prompt" in needed:
        column = _ask_prompt_column(opened, columns)
    model = None
    if settings.model is None and "model" in needed:
        model = _ask(say("guide.model"), _text)
    price = None
    if model is not None and model not in settings.prices:
        price = _ask(say("guide.price", model=model), _price, default="")
    return Choices(base_url=url, endpoint=endpoint, prompt_column=column, model=model, price=price)


def _ask_address(settings: Settings) -> str | None:
    """Ask for the gateway's address unless it was given; None means the built-in one."""
    if {settings.sources["base_url"], settings.sources["provider"]} != {"default"}:
        return None
    url = _ask(say("guide.address"), _address, default=settings.base_url)
    return None if url == settings.base_url else url


def _ask_key(settings: Settings, url: str) -> None:
    if site(url) in stored_keys(key_file()):
        return
    if url == settings.base_url and find_key(settings, os.environ) is not None:
        return
    key = _ask_new_key(url)
    store_key(url, key, key_file())
    print_message(say("keys.stored", url=site(url), masked=key.masked(), file=str(key_file())))


def _ask_new_key(url: str) -> Secret:
    """Ask until the answer can be a key."""
    while True:
        text = click.prompt(say("keys.ask", url=url), hide_input=True, err=True)
        try:
            return new_key(str(text))
        except KeyRefusal as refusal:
            print_message(f"{say('cli.error')} {refusal.message}")


def _ask_endpoint() -> str:
    names = list(ENDPOINTS)
    for number, name in enumerate(names, 1):
        print_message(f"  {number}  {name:<10}  {translated(ENDPOINTS[name].summary)}")
    return _ask(say("guide.endpoint"), lambda text: _one_of(names, text))


def _ask_prompt_column(opened: Sheet, columns: ColumnMap) -> str:
    headers = opened.layout.headers
    taken = {index for index, _ in columns.fields}
    _, example = next(opened.rows(), (0, []))
    free = [index for index in range(len(headers)) if index not in taken]
    cells = ["" if cell is None else str(cell) for cell in example]
    cells += [""] * (len(headers) - len(cells))
    _list((str(number), headers[index], cells[index]) for number, index in enumerate(free, 1))
    return _ask(
        say("guide.prompt_column"), lambda text: _one_of([headers[one] for one in free], text)
    )


def _ask(question: str, read: Callable[[str], Answer], *, default: str | None = None) -> Answer:
    """Ask until the answer is valid; an invalid one is explained."""
    while True:
        text = click.prompt(
            visible(question), default=default, show_default=bool(default), err=True
        )
        try:
            return read(str(text))
        except InvalidValueError as error:
            print_message(f"{say('cli.error')} {error.expected}")


def _address(text: str) -> str:
    given = text.strip()
    return read_base_url(given if "//" in given else f"https://{given}")


def _text(text: str) -> str:
    if not text.strip():
        raise InvalidValueError(say("expected.text"))
    return text.strip()


def _price(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise InvalidValueError(say("expected.amount"))
    return found


def _one_of(names: Sequence[str], text: str) -> str:
    """A choice by its number or its name."""
    given = text.strip()
    if given in names:
        return given
    if given.isdecimal() and 1 <= int(given) <= len(names):
        return names[int(given) - 1]
    raise InvalidValueError(say("guide.one_of", count=len(names)))


# --- what is kept ---------------------------------------------------------------------------------


def _write_settings(file: Path, choices: Choices) -> None:
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


command = options.command("guide", examples=("rowmill prompts.xlsx",))(_guide)
