"""`rowmill doctor`: shows the effective settings and checks gateway, key, prices and table."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import click

from jobs.store import TableError
from jobs.store.integrity import DamagedError
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.log import Run, last_run
from jobs.store.queries.spending import to_send
from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.console import options
from runner.console.layout import Page
from runner.console.screen import print_data, print_message
from runner.console.workspaces import database_of, find_workspace
from runner.exits import Exit, Refusal, worst
from runner.preflight.doctor import Check, CheckState, Diagnosis, examine
from runner.preflight.support_bundle import write_bundle
from runner.preflight.target_checks import target_checks
from runner.secret import redacted
from runner.settings.database_url import DatabaseUrl
from runner.settings.schema import GLOBAL_SETTINGS, SCHEMA, SettingScope
from runner.settings.settings import Settings
from runner.views.next_command import at_last_address
from runner.views.preflight_records import DoctorRecord
from runner.workspace.lookup import find, of_sheet
from runner.workspace.workspace import SHEET_ID, SUFFIX, Workspace

CHECK_MARKS = {
    CheckState.GOOD: ("✓", "green"),
    CheckState.NOTE: ("!", "yellow"),
    CheckState.BAD: ("✗", "red"),
}


@options.argument("sheet", required=False)
@click.option("--models", is_flag=True, cls=options.RowmillOption)
@click.option("--bundle", is_flag=True, cls=options.RowmillOption)
def _doctor(sheet: str | None, *, models: bool, bundle: bool) -> int:
    named_sheet = options.sheet_path(sheet)
    url = database_of(named_sheet)
    workspace = _workspace(named_sheet, url)
    known = _loaded(workspace)
    folder = Path.cwd()
    if workspace is not None:
        folder = workspace.sheet_of(known).parent if known else workspace.folder.parent
    settings = options.settings(
        folder=folder,
        remembered=known.options if known else None,
        workspace=workspace.folder if workspace is not None else None,
    )
    named = settings.sources["base_url"] == "flag" and "base_url" in options.given()
    if workspace is not None and known is not None and not named:
        # The sheet's own gateway, as far as no line names another.
        settings = at_last_address(settings, _last_run(workspace), workspace)
    diagnosis = examine(settings, workspace, _wanted(settings, workspace if known else None))
    more = (*_of_database(url, workspace), *target_checks(settings, workspace))
    diagnosis = replace(diagnosis, checks=(*diagnosis.checks, *more))
    record = _record(diagnosis, settings, models=models)
    if settings.json:
        print_data(json.dumps(record, ensure_ascii=False, indent=2))
    else:
        _draw(diagnosis, settings, Page(color=settings.color), models=models)
    if bundle:
        _bundle(record, workspace)
    return worst([check.code for check in diagnosis.checks])


def _of_database(url: DatabaseUrl | None, workspace: Workspace | None) -> tuple[Check, ...]:
    if url is None:
        return ()
    from runner.preflight.database_checks import database_checks  # noqa: PLC0415 - seldom needed

    if workspace is not None and workspace.database is not None:
        url = url.named(workspace.database.name)
    return database_checks(url, workspace)


def _workspace(named: Path | None, url: DatabaseUrl | None) -> Workspace | None:
    """The workspace that was named, or the only one in this folder; None if there is none."""
    if url is not None:
        with suppress(Refusal, TableError):  # the checks of the database say why
            return find_workspace(named)
        return None
    folder = options.workspace_folder(named)
    if named is not None and named.is_file() and named.suffix != SUFFIX:
        return of_sheet(named, folder)
    if named is None and folder is None and len(list(Path.cwd().glob(f"*{SUFFIX}/jobs.db"))) != 1:
        return None
    return find(named, folder)


def _loaded(workspace: Workspace | None) -> LoadedSheet | None:
    """The loaded sheet; None if the table cannot be read, which its own check reports."""
    try:
        return workspace.loaded() if workspace is not None else None
    except (TableError, DamagedError):
        return None


def _last_run(workspace: Workspace) -> Run | None:
    with workspace.place.look() as store, store.read() as tx:
        return last_run(tx, SHEET_ID)


def _wanted(settings: Settings, workspace: Workspace | None) -> list[str]:
    """The models that the settings and the sheet's unfinished rows name."""
    names = [settings.model] if settings.model is not None else []
    if workspace is not None:
        with suppress(DamagedError, TableError):  # its own check reports it
            names += _open_models(workspace)
    return list(dict.fromkeys(names))


def _open_models(workspace: Workspace) -> list[str]:
    with workspace.place.look() as store, store.read() as tx:
        return [kind.model for kind in to_send(tx, SHEET_ID)]


def _effective(settings: Settings) -> list[tuple[str, str, str]]:
    """Each setting with its value and its source."""
    rows = []
    for setting in SCHEMA:
        if setting.scopes == {SettingScope.FLAG} or setting in GLOBAL_SETTINGS:
            continue
        value = getattr(settings, setting.field)
        shown = getattr(value, "name", None) if setting.name == "provider" else value
        name = setting.field.rstrip("_")
        rows.append((name, _shown(shown), settings.sources[setting.field]))
    return rows


def _from(source: str) -> str:
    """The source of a value, for a person."""
    return say(f"doctor.from_{source.replace(' ', '_')}")


def _shown(value: object) -> str:
    if value is None or value in ((), {}):
        return "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={one}" for key, one in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sentence(check: Check) -> str:
    return say(f"doctor.{check.name}.{check.found}", **check.values)


def _draw(diagnosis: Diagnosis, settings: Settings, page: Page, *, models: bool) -> None:
    page.heading(say("doctor.settings"))
    files = ", ".join(map(str, settings.settings_files)) or "-"
    facts = [(say("doctor.files"), files)]
    found = _effective(settings)
    told = [one for one in found if settings.verbose or one[2] != "default"]
    facts += [(name, redacted(f"{value}  ({_from(source)})")) for name, value, source in told]
    page.facts(facts)
    if by_default := len(found) - len(told):
        page.text("  " + say("doctor.by_default", count=by_default), style="dim")
    page.heading(say("doctor.checks"))
    for check in diagnosis.checks:
        mark, style = CHECK_MARKS[check.health]
        page.text(
            f"{mark} {_sentence(check)}", style if check.health is not CheckState.GOOD else ""
        )
    if models:
        page.heading(say("doctor.models"))
        page.code("\n".join(map(redacted, diagnosis.models or ("-",))))


def _record(diagnosis: Diagnosis, settings: Settings, *, models: bool) -> DoctorRecord:
    record: DoctorRecord = {
        "schema": 1,
        "settings_files": [str(file) for file in settings.settings_files],
        "settings": [
            {"name": name, "value": redacted(value), "source": source}
            for name, value, source in _effective(settings)
        ],
        "checks": [
            {
                "name": check.name,
                "found": check.found,
                "health": str(check.health),
                "text": redacted(_sentence(check)),
            }
            for check in diagnosis.checks
        ],
        "exit_code": int(worst([check.code for check in diagnosis.checks])),
    }
    if models:
        record["models"] = list(diagnosis.models) if diagnosis.models is not None else None
    return record


def _bundle(record: DoctorRecord, workspace: Workspace | None) -> None:
    target = Path(f"rowmill-doctor-{time.strftime('%Y%m%d-%H%M%S')}.zip")
    try:
        write_bundle(target, record, workspace)
    except OSError as error:
        message = say("doctor.bundle_failed", file=str(target), reason=reason(error))
        raise Refusal(message, code=Exit.OUTPUT) from error
    print_message(say("doctor.bundle", file=str(target)))


command = options.command(
    "doctor",
    examples=("rowmill doctor", "rowmill doctor prompts.xlsx", "rowmill doctor --models"),
)(_doctor)
