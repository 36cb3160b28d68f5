"""`rowmill SHEET` on a terminal: asks a few questions, runs three rows, then the rest."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

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
from runner.catalogue.safe_text import plain, visible
from runner.console import options
from runner.console.screen import console, print_message
from runner.console.usage import ask_yes_no
from runner.desk.gateway import keep_key, models_of
from runner.endpoints.registry import ENDPOINTS, known_fields, needed_fields
from runner.exits import Exit, Refusal
from runner.intake.loaded import guess_words
from runner.intake.opening import open_with_settings
from runner.launch.first_answers import Choices, write_settings
from runner.launch.locate import sheet_and_workspace
from runner.launch.request import Question
from runner.preflight.check import CheckResult, check_sheet
from runner.preflight.gateway_info import last_listing
from runner.preflight.likely_endpoint import likely_endpoint
from runner.preflight.preview import Preview, json_text, without_long_texts
from runner.prices.price_list import PriceList
from runner.settings.keys import KeyRefusal, find_key, key_file, new_key, store_key, stored_keys
from runner.settings.locations import FILE_NAME, find_files
from runner.settings.settings import Settings, resolve
from runner.settings.values import InvalidValueError, read_base_url, site
from runner.workspace.workspace import SHEET_ID, Workspace, typed

TRIAL_ROWS = 3  # run before the rest is asked about
SHOWN_CHARACTERS = 60  # of an example or an answer
MODELS_SHOWN = 20
PROBLEMS_SHOWN = 5
BACK = "<"
TRIAL = Question(key="guide.try", default=True)
REST = Question(key="guide.rest", default=False, typed_yes=True)
Answer = TypeVar("Answer")


@options.argument("sheet")
@click.option("--setup", is_flag=True, cls=options.CommandOption)
def _guide(sheet: str, *, setup: bool) -> int:
    path, workspace = sheet_and_workspace(Path(sheet))
    if _is_begun(workspace) and not setup:
        return _go_on(path)
    loaded = workspace.loaded() if setup else None
    settings = options.settings(
        folder=path.absolute().parent,
        remembered=loaded.options if loaded is not None else None,
        workspace=workspace.folder if loaded is not None else None,
    )
    opened = open_with_settings(path, settings)
    print_message(say("guide.columns", sheet=path.name, headers=", ".join(opened.layout.headers)))
    choices = _ask_all(opened, settings, ask_known=setup)
    write_settings(path.absolute().parent / FILE_NAME, choices)
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


class _BackError(Exception):
    """The person wants the question before once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interview:
    """What questions are asked about. `ask_known`: also those that an earlier start answered."""

    opened: Sheet
    columns: ColumnMap
    settings: Settings
    ask_known: bool

    @property
    def given(self) -> set[str]:
        """The fields that columns and settings give."""
        return {name for _, name in self.columns.fields} | set(self.settings.set)

    def asks(self, known: object) -> bool:
        """True if this is a question, given what is known."""
        return self.ask_known or known is None

    def at(self, choices: Choices) -> Settings:
        """The settings with the address that was chosen."""
        if choices.base_url is None:
            return self.settings
        return replace(self.settings, base_url=choices.base_url, address_is_own=True)

    def needed(self, choices: Choices) -> frozenset[str]:
        """The fields of a request that neither the sheet nor the settings give."""
        return needed_fields(choices.endpoint or self.settings.endpoint) - self.given


def _ask_all(opened: Sheet, settings: Settings, *, ask_known: bool) -> Choices:
    """Ask for what neither the sheet nor the settings say; `<` goes back to the question before."""
    headers = opened.layout.headers
    mapped = {
        head: name for head, name in settings.column.items() if not ask_known or name != "prompt"
    }
    columns = map_columns(headers, known_fields(), given=mapped)
    if guesses := guess_words(headers, columns):
        print_message(guesses)
    print_message(say("guide.back"))
    about = _Interview(opened=opened, columns=columns, settings=settings, ask_known=ask_known)
    choices, position = Choices(), 0
    asked: list[tuple[int, Choices]] = []
    while position < len(QUESTIONS):
        try:
            found = QUESTIONS[position](about, choices)
        except _BackError:
            position, choices = asked.pop() if asked else (0, Choices())
            continue
        if found is not None:
            asked.append((position, choices))
            choices = found
        position += 1
    return choices if "model" in about.needed(choices) else replace(choices, model=None)


def _address_question(about: _Interview, choices: Choices) -> Choices | None:
    settings = about.settings
    is_default = {settings.sources["base_url"], settings.sources["provider"]} == {"default"}
    if not is_default and not about.ask_known:
        return None
    url = _ask(say("guide.address"), _address, default=settings.base_url)
    return replace(choices, base_url=None if url == settings.base_url else url)


def _key_question(about: _Interview, choices: Choices) -> Choices | None:
    return choices if _ask_key(about.at(choices)) else None


def _model_question(about: _Interview, choices: Choices) -> Choices | None:
    if "model" not in about.needed(choices) or not about.asks(about.settings.model):
        return None
    return replace(choices, model=_ask_model(about.at(choices), about.settings.model))


def _endpoint_question(about: _Interview, choices: Choices) -> Choices | None:
    settings = about.settings
    if "endpoint" in about.given or not about.asks(settings.endpoint):
        return None
    likely = likely_endpoint(choices.model or settings.model or "", about.given)
    return replace(choices, endpoint=_ask_endpoint(settings.endpoint or likely))


def _prompt_question(about: _Interview, choices: Choices) -> Choices | None:
    if about.settings.prompt is not None or "prompt" not in about.needed(choices):
        return None
    before = next((head for head, name in about.settings.column.items() if name == "prompt"), None)
    column = _ask_prompt_column(about.opened, about.columns, before)
    return replace(choices, prompt_column=column, former_column=before)


def _price_question(about: _Interview, choices: Choices) -> Choices | None:
    model = choices.model
    known = model is None or _prices(about.at(choices)).of(model) is not None
    if known or "model" not in about.needed(choices):
        return None
    price = _ask(say("guide.price", model=model), _price, default="")
    return replace(choices, price=price)


QUESTIONS: tuple[Callable[[_Interview, Choices], Choices | None], ...] = (
    *(_address_question, _key_question, _model_question, _endpoint_question),
    *(_prompt_question, _price_question),
)
"""In their order; one that is not needed returns None."""


def _ask_key(settings: Settings) -> bool:
    """Offer the key that is known for this address, else ask for one and test it.

    False if there was nothing to ask.
    """
    url = settings.base_url
    stored = stored_keys(key_file()).get(site(url))
    if stored is not None:
        question = say("guide.stored_key", url=site(url), masked=stored.masked())
        if ask_yes_no(question, default=True):
            return True
    elif find_key(settings, os.environ) is not None:
        return False
    while True:
        text = str(click.prompt(say("keys.ask", url=url), hide_input=True, err=True))
        if text.strip() == BACK:
            raise _BackError
        try:
            said = _kept(settings, text)
        except (KeyRefusal, Refusal) as refusal:
            print_message(f"{say('cli.error')} {refusal.message}")
        else:
            print_message(said)
            return True


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


def _ask_model(settings: Settings, before: str | None) -> str:
    """Ask for a model out of the gateway's list: by number, by name, or by a part of it."""
    found = models_of(settings)
    print_message(str(found["words"]))
    listed = found["models"]
    names = [str(name) for name in listed] if isinstance(listed, list) else []
    if not names:
        return _ask(say("guide.model"), _text, default=before)
    shown = names
    while True:
        _list((str(number), name) for number, name in enumerate(shown[:MODELS_SHOWN], 1))
        if (more := len(shown) - MODELS_SHOWN) > 0:
            print_message(say("guide.more_models", count=f"{more:,}"))
        default = shown[0] if len(shown) == 1 else before
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


def _ask_prompt_column(opened: Sheet, columns: ColumnMap, before: str | None) -> str:
    headers = opened.layout.headers
    taken = {index for index, _ in columns.fields}
    _, example = next(opened.rows(), (0, []))
    free = [index for index in range(len(headers)) if index not in taken]
    cells = ["" if cell is None else str(cell) for cell in example]
    cells += [""] * (len(headers) - len(cells))
    _list((str(number), headers[index], cells[index]) for number, index in enumerate(free, 1))
    return _ask(
        say("guide.prompt_column"),
        lambda text: _one_of([headers[one] for one in free], text),
        default=before,
    )


def _ask(question: str, read: Callable[[str], Answer], *, default: str | None = None) -> Answer:
    """Ask until the answer is valid; an invalid one is explained."""
    while True:
        text = click.prompt(
            visible(question), default=default, show_default=bool(default), err=True
        )
        if str(text).strip() == BACK:
            raise _BackError
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


command = options.command("guide", examples=("rowmill prompts.xlsx",))(_guide)
