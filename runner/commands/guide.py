"""`rowmill SHEET` on a terminal: asks a few questions, runs three rows, then the rest."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from runner.catalogue.findings import describe
from runner.catalogue.reasons import reason
from runner.catalogue.safe_text import plain, visible
from runner.console import options
from runner.console.screen import console, print_message
from runner.console.usage import ask_yes_no
from runner.desk.gateway import keep_key, models_of
from runner.endpoints.registry import ENDPOINTS, known_fields, needed_fields
from runner.exits import Exit, Refusal
from runner.intake.loaded import guess_words
from runner.intake.opening import open_with_settings
from runner.launch.locate import sheet_and_workspace
from runner.launch.request import Question
from runner.preflight.check import CheckResult, check_sheet
from runner.preflight.gateway_info import last_listing
from runner.preflight.likely_endpoint import likely_endpoint
from runner.preflight.preview import Preview, json_text, without_long_texts
from runner.prices.price_list import PriceList
from runner.settings.keys import KeyRefusal, find_key, key_file, new_key, store_key, stored_keys
from runner.settings.locations import FILE_NAME, find_files
from runner.settings.schema import Value
from runner.settings.settings import Settings, resolve
from runner.settings.trust import trust
from runner.settings.values import InvalidValueError, read_base_url, site
from runner.workspace.workspace import SHEET_ID, Workspace, typed

TRIAL_ROWS = 3  # run before the rest is asked about
SHOWN_CHARACTERS = 60  # of an example or an answer
MODELS_SHOWN = 20
PROBLEMS_SHOWN = 5
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

    def flags(self) -> dict[str, Value]:
        """The answers as options that were given on a command line."""
        given = {"endpoint": self.endpoint, "model": self.model, "base_url": self.base_url}
        flags: dict[str, Value] = {name: value for name, value in given.items() if value}
        if self.prompt_column is not None:
            flags["column"] = {self.prompt_column: "prompt"}
        return flags

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
    words = [*choices.words(), *_ask_rows(path, workspace, choices)]
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
    settings = settings if url is None else replace(settings, base_url=url, address_is_own=True)
    _ask_key(settings)
    model = None
    if settings.model is None and "model" in needed_fields(settings.endpoint) - given:
        model = _ask_model(settings)
    endpoint = None
    if settings.endpoint is None and "endpoint" not in given:
        endpoint = _ask_endpoint(likely_endpoint(model or settings.model or "", given))
    needed = needed_fields(endpoint or settings.endpoint) - given
    model = model if "model" in needed else None
    column = None
    if settings.prompt is None and "prompt" in needed:
        column = _ask_prompt_column(opened, columns)
    price = None
    if model is not None and _prices(settings).of(model) is None:
        price = _ask(say("guide.price", model=model), _price, default="")
    return Choices(base_url=url, endpoint=endpoint, prompt_column=column, model=model, price=price)


def _ask_address(settings: Settings) -> str | None:
    """Ask for the gateway's address unless it was given; None means the built-in one."""
    if {settings.sources["base_url"], settings.sources["provider"]} != {"default"}:
        return None
    url = _ask(say("guide.address"), _address, default=settings.base_url)
    return None if url == settings.base_url else url


def _ask_key(settings: Settings) -> None:
    """Offer the key that is known for this address, else ask for one and test it."""
    url = settings.base_url
    stored = stored_keys(key_file()).get(site(url))
    if stored is not None:
        question = say("guide.stored_key", url=site(url), masked=stored.masked())
        if ask_yes_no(question, default=True):
            return
    elif find_key(settings, os.environ) is not None:
        return
    while True:
        text = click.prompt(say("keys.ask", url=url), hide_input=True, err=True)
        try:
            said = _kept(settings, str(text))
        except (KeyRefusal, Refusal) as refusal:
            print_message(f"{say('cli.error')} {refusal.message}")
        else:
            print_message(said)
            return


def _kept(settings: Settings, text: str) -> str:
    """Store a key that the gateway accepts, and say so. Raises KeyRefusal, Refusal."""
    if settings.address_is_own:
        return keep_key(settings, text)
    # Nothing is asked of an address that only a file beside the sheet names.
    key, url = new_key(text), settings.base_url
    store_key(url, key, key_file())
    return say("keys.stored", url=site(url), masked=key.masked(), file=str(key_file()))


def _prices(settings: Settings) -> PriceList:
    """What is known of prices: the settings, the gateway's list, the book."""
    listing = last_listing(settings.base_url)
    return PriceList(own=settings.prices, gateway=listing.tariffs if listing else {})


def _ask_model(settings: Settings) -> str:
    """Ask for a model out of the gateway's list: by number, by name, or by a part of it."""
    found = models_of(settings)
    print_message(str(found["words"]))
    listed = found["models"]
    names = [str(name) for name in listed] if isinstance(listed, list) else []
    if not names:
        return _ask(say("guide.model"), _text)
    shown = names
    while True:
        _list((str(number), name) for number, name in enumerate(shown[:MODELS_SHOWN], 1))
        if (more := len(shown) - MODELS_SHOWN) > 0:
            print_message(say("guide.more_models", count=f"{more:,}"))
        default = shown[0] if len(shown) == 1 else None
        text = _ask(say("guide.model_listed"), _text, default=default)
        if text in names:
            return text
        if text.isdecimal() and 1 <= int(text) <= min(len(shown), MODELS_SHOWN):
            return shown[int(text) - 1]
        fitting = [name for name in names if text.lower() in name.lower()]
        if not fitting and ask_yes_no(say("guide.unlisted_model", model=text), default=False):
            return text
        shown = fitting or names


def _ask_endpoint(likely: str) -> str:
    names = list(ENDPOINTS)
    for number, name in enumerate(names, 1):
        print_message(f"  {number}  {name:<10}  {translated(ENDPOINTS[name].summary)}")
    return _ask(say("guide.endpoint"), lambda text: _one_of(names, text), default=likely)


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


def _ask_rows(path: Path, workspace: Workspace, choices: Choices) -> list[str]:
    """Show the first request; ask about rows that cannot be sent, and about hidden ones."""
    files = find_files(path.absolute().parent, None)
    settings = resolve({**options.given(), **choices.flags()}, os.environ, files)
    words = []
    found = check_sheet(path, workspace, settings, None, count=1)
    if any(one.kind == "hidden_rows" for one in found.findings):
        lines = [describe(one) for one in found.findings if one.kind == "hidden_rows"]
        print_message("\n".join(lines))
        if not ask_yes_no(say("guide.hidden"), default=False):
            settings = replace(settings, visible_only=True)
            words.append("--visible-only")
            found = check_sheet(path, workspace, settings, None, count=1)
    if found.stops:
        without = check_sheet(path, workspace, replace(settings, skip_bad=True), None, count=1)
        if without.stops:
            return words  # the run refuses it, and says why
        problems = [describe(one) for one in found.problems[:PROBLEMS_SHOWN]]
        print_message("\n".join([*(problems or found.stops)]))
        if not ask_yes_no(say("guide.without_bad"), default=True):
            raise Refusal(found.stops[0])
        words.append("--skip-bad")
        found = without
    _show_request(found)
    return words


def _show_request(found: CheckResult) -> None:
    for _, request in found.requests:
        if isinstance(request, Preview):
            print_message(f"{request.method} {request.url}")
            if request.body is not None:
                print_message(json_text(without_long_texts(request.body), indent=2))


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
