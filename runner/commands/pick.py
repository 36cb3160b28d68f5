"""`rowmill pick`: marks results with stars, rejects them, or names one of several files."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import click

from jobs.store.loaded_sheets import loaded_sheet
from jobs.store.picks import Mark, MarkedRow, mark_rows
from jobs.store.queries.few_rows import RowRange, row_range
from jobs.store.queue.choices import RowChoice
from runner.catalogue import say
from runner.console import options
from runner.console.screen import print_data, print_message
from runner.console.workspaces import find_workspace
from runner.exits import Refusal
from runner.intake.pick_list import keep_pick_list
from runner.settings.values import InvalidValueError, read_rows
from runner.views.records import PickedRow, PickRecord
from runner.workspace.workspace import SHEET_ID, Workspace

MAX_STARS = 5


@options.argument("rows")
@options.argument("sheet", required=False)
@click.option("--stars", cls=options.CommandOption, type=click.IntRange(1, MAX_STARS), metavar="N")
@click.option("--reject", cls=options.CommandOption, is_flag=True)
@click.option("--clear", cls=options.CommandOption, is_flag=True)
@click.option("--file", cls=options.CommandOption, metavar="N|NAME")
def _pick(
    rows: str, sheet: str | None, *, stars: int | None, reject: bool, clear: bool, file: str | None
) -> None:
    named = options.sheet_path(sheet)
    settings = options.settings(folder=options.sheet_folder(named))
    workspace = find_workspace(named)
    mark = _mark(stars=stars, reject=reject, clear=clear, file=file)
    choice = None if mark is None else _choice(rows)
    if mark is None and not Path(rows).is_file():
        raise click.UsageError(say("pick.which"), click.get_current_context())
    found = _range(workspace)
    if mark is None or choice is None:
        marked = keep_pick_list(Path(rows), workspace)
    else:
        # Beside a run too: no row in flight is touched, and one write waits for another.
        with workspace.place.open() as store, store.write() as tx:
            marked = mark_rows(tx, SHEET_ID, choice, mark, now=time.time())
    done = [one for one in marked if one.pick is not None]
    left = [one for one in marked if one.pick is None]
    if not done:
        first, last = (found.first, found.last) if found is not None else (0, 0)
        raise Refusal(say("pick.none" if marked else "pick.no_row", first=first, last=last))
    if settings.json:
        print_data(json.dumps(_record(done, left), ensure_ascii=False, indent=2))
    elif not settings.quiet:
        print_message(say("pick.cleared" if clear else "pick.done", count=f"{len(done):,}"))
        if left:
            numbers = ", ".join(str(one.row) for one in left[:20])
            print_message(say("pick.left_out", count=f"{len(left):,}", rows=numbers))


def _range(workspace: Workspace) -> RowRange | None:
    """The rows of the sheet. Raises Refusal if none was loaded; an older table is refused too."""
    with workspace.place.look() as store, store.read() as tx:
        if loaded_sheet(tx, SHEET_ID) is None:
            raise Refusal(say("export.nothing", folder=str(workspace.folder)))
        return row_range(tx, SHEET_ID)


def _mark(*, stars: int | None, reject: bool, clear: bool, file: str | None) -> Mark | None:
    """The mark that the options name; None if they name none."""
    named = (stars is not None or file is not None) + reject + clear
    if named > 1:
        raise click.UsageError(say("pick.one_of"), click.get_current_context())
    if not named:
        return None
    number = file is not None and file.isascii() and file.isdigit()
    return Mark(
        stars=stars, rejected=reject, file=int(file) if number and file is not None else file
    )


def _choice(rows: str) -> RowChoice:
    """The rows that numbers or `key:VALUE` name."""
    if rows.startswith("key:"):
        return RowChoice(keys=[rows.removeprefix("key:")])
    try:
        return RowChoice(positions=read_rows(rows))
    except InvalidValueError as error:
        raise click.UsageError(
            say("usage.bad_value", name="ROWS", expected=error.expected),
            click.get_current_context(),
        ) from error


def _record(done: Sequence[MarkedRow], left: Sequence[MarkedRow]) -> PickRecord:
    return {
        "schema": 1,
        "marked": len(done),
        "rows": [PickedRow(row=one.row, key=one.key, pick=str(one.pick)) for one in done],
        "left_out": [one.row for one in left],
    }


command = options.command(
    "pick",
    examples=(
        "rowmill pick 3,7,10-20 prompts.xlsx --stars 5",
        "rowmill pick 12 prompts.xlsx --file 2",
        "rowmill pick rowmill-picks.csv prompts.xlsx",
    ),
)(_pick)
