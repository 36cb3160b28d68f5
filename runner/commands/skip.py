"""`rowmill skip`: closes rows by hand."""

import sys
import time

import click

from jobs.job import FailureClass, State
from jobs.store.loaded_sheets import loaded_sheet
from jobs.store.queries.few_rows import row_range
from jobs.store.queue.choices import RowChoice, skip, to_skip
from runner.catalogue import say
from runner.console import options
from runner.console.screen import print_message
from runner.console.usage import ask_yes_no
from runner.console.workspaces import find_workspace
from runner.exits import Exit, Refusal
from runner.launch.locate import warn_of_missing_rows
from runner.settings.settings import Settings
from runner.workspace.workspace import SHEET_ID, Workspace


@options.argument("sheet", required=False)
def _skip(sheet: str | None) -> None:
    named_sheet = options.sheet_path(sheet)
    settings = options.settings(folder=options.sheet_folder(named_sheet))
    if settings.rows is None and settings.class_ is None:
        raise click.UsageError(say("skip.which"), click.get_current_context())
    workspace = find_workspace(named_sheet)
    choice = _choice(settings)
    found = _look(workspace, choice, settings)
    print_message(say("skip.found", count=f"{sum(found.values()):,}", classes=_words(found)))
    _agree(settings, sum(found.values()))
    # Beside a run too: its own rows in flight are not touched, and one write waits for another.
    # Opening brings an older table forward, which `_look` has refused already.
    with workspace.place.open() as store, store.write() as tx:
        count = skip(tx, SHEET_ID, choice, now=time.time())
    print_message(say("skip.done", count=f"{count:,}"))


def _choice(settings: Settings) -> RowChoice:
    if settings.class_ is None:
        return RowChoice(positions=settings.rows)
    doubt = str(State.IN_DOUBT)
    return RowChoice(
        positions=settings.rows,
        classes=frozenset(FailureClass(name) for name in settings.class_ if name != doubt),
        in_doubt=doubt in settings.class_,
    )


def _look(workspace: Workspace, choice: RowChoice, settings: Settings) -> dict[str, int]:
    """How many rows would be closed, by class. Raises Refusal if there are none."""
    with workspace.place.look() as store, store.read() as tx:
        loaded = loaded_sheet(tx, SHEET_ID)
        warn_of_missing_rows(tx, loaded.sheet if loaded is not None else "", settings.rows)
        found = to_skip(tx, SHEET_ID, choice)
        rows = row_range(tx, SHEET_ID)
    if found:
        return found
    first, last = (rows.first, rows.last) if rows is not None else (0, 0)
    raise Refusal(say("skip.none", first=first, last=last))


def _words(found: dict[str, int]) -> str:
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} × {name}" for name, count in ordered)


def _agree(settings: Settings, count: int) -> None:
    """Ask for a yes on a terminal; elsewhere -y is needed. Raises Refusal without one."""
    if settings.yes:
        return
    if settings.no_input or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refusal(say("skip.needs_yes"))
    if not ask_yes_no(say("skip.ask", count=f"{count:,}"), default=False):
        raise Refusal(say("skip.declined"), code=Exit.STOPPED)


command = options.command(
    "skip",
    examples=("rowmill skip prompts.xlsx --rows 12,30-40", "rowmill skip --class refused -y"),
)(_skip)
