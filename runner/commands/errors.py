"""`rowmill errors`: lists failures by cause with remedies; exports the rows to correct."""

from pathlib import Path

import click

from jobs.export import Written
from jobs.export.fixes import FixOptions, export_fixes
from jobs.job import State
from jobs.store.loaded_sheets import LoadedSheet, loaded_sheet
from jobs.store.queries.results import ResultRow, results
from runner.catalogue import language, say
from runner.catalogue.phrases import detail
from runner.console import options
from runner.console.layout import Page
from runner.console.screen import print_data, print_message
from runner.console.workspaces import find_workspace
from runner.settings.settings import Settings
from runner.views.edited_cells import sent_columns
from runner.views.failures import (
    EDITABLE_CLASSES,
    FailureGroup,
    Failures,
    as_json,
    explanation,
    failures_of,
)
from runner.views.next_command import named
from runner.workspace.workspace import SHEET_ID, Workspace, typed


@options.argument("sheet", required=False)
def _errors(sheet: str | None) -> None:
    named_sheet = options.sheet_path(sheet)
    settings = options.settings(folder=options.sheet_folder(named_sheet))
    workspace = find_workspace(named_sheet)
    if settings.export is not None:
        _export(workspace, settings.export, settings)
        return
    found = failures_of(workspace)
    if settings.json:
        print_data(as_json(found))
    else:
        _draw(found, Page(color=settings.color))


def _draw(found: Failures, page: Page) -> None:
    in_doubt = sum(group.count for group in found.groups if group.kind == State.IN_DOUBT)
    failed = sum(group.count for group in found.groups) - in_doubt
    if not found.groups:
        page.title(say("errors.none", sheet=found.sheet))
        return
    title = say("errors.title", sheet=found.sheet, count=f"{failed:,}")
    if in_doubt:
        title += f" · {say('errors.title_in_doubt', count=f'{in_doubt:,}')}"
    page.title(title)
    for group in found.groups:
        cause = f" · {group.cause}" if group.cause and group.cause != "bad_row" else ""
        page.heading(f"{group.count:,} × {group.kind}{cause}")
        page.text(group.explanation.meaning)
        facts = [(say("errors.rows"), _rows(group))]
        if group.words:
            facts.append((say("errors.words"), detail(group.words)))
        facts.append((say("errors.remedy"), group.explanation.remedy))
        page.facts(facts)
        page.code(f"  {group.explanation.command}")
    if found.editable:
        page.gap()
        page.text(say("errors.fix", count=f"{found.editable:,}", sheet=found.named))


def _rows(group: FailureGroup) -> str:
    shown = ", ".join(map(str, group.rows))
    more = group.count - len(group.rows)
    if more <= 0:
        return say("errors.row_list", rows=shown)
    return say("errors.row_list_more", rows=shown, count=f"{more:,}")


# --- the rows to be corrected ---------------------------------------------------------------------


def _export(workspace: Workspace, target: Path, settings: Settings) -> None:
    if target.suffix.lower() != ".xlsx":
        raise click.UsageError(say("errors.ending"), click.get_current_context())
    with workspace.place.look() as store, store.read() as tx:
        loaded = loaded_sheet(tx, SHEET_ID)
        if loaded is None or not failures_of(workspace).editable:
            print_message(say("errors.nothing_to_fix"))
            return
        sheet = named(workspace, loaded)
        rows = results(tx, SHEET_ID, only={"failed"})
        written = export_fixes(rows, loaded, target, options=_fix_options(workspace, loaded, sheet))
    if not settings.quiet:
        _tell(written, target, sheet)


def _fix_options(workspace: Workspace, loaded: LoadedSheet, sheet: str) -> FixOptions:
    def reason(row: ResultRow) -> str:
        found = explanation(row.error_class or "", row.error_cause or "", loaded, sheet)
        return f"{found.meaning} {found.remedy}"

    hints = ("edit", "then", "rest", "own")
    return FixOptions(
        workspace=workspace.folder,
        classes=frozenset(kind.value for kind in EDITABLE_CLASSES),
        reason=reason,
        sent=frozenset(sent_columns(loaded)),
        chinese=language() == "zh",
        hints=tuple(
            say("errors.hint_then", sheet=sheet) if name == "then" else say(f"errors.hint_{name}")
            for name in hints
        ),
    )


def _tell(written: Written, target: Path, sheet: str) -> None:
    if written.moved:
        print_message(say("errors.moved", file=str(target)))
    print_message(say("errors.exported", rows=f"{written.rows:,}", file=str(written.path)))
    print_message(say("errors.then", sheet=sheet, file=typed(written.path.absolute())))


command = options.command(
    "errors",
    examples=(
        "rowmill errors prompts.xlsx",
        "rowmill errors prompts.xlsx --export fixes.xlsx",
        "rowmill retry prompts.xlsx --from fixes.xlsx      (after correcting it)",
    ),
)(_errors)
