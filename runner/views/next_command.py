"""The command that helps most now, as a person types it."""

from collections.abc import Sequence
from dataclasses import replace

from jobs.job import RETRIABLE, FailureClass, State
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.log import Run
from jobs.store.queries.totals import Counts, FailedAlike
from runner.catalogue import explain
from runner.settings.database_url import typed_address
from runner.settings.known_address import was_used
from runner.settings.known_database import known_database
from runner.settings.schema import SHORT_OPTIONS
from runner.settings.settings import Settings
from runner.workspace.lookup import of_sheet
from runner.workspace.workspace import REHEARSAL, Workspace, quoted, typed

MORE_MONEY_OPTION = "more"  # a run's option: how much more money the remaining rows need
AGAIN_OPTION = "--again"  # the option of a remedy that pays for a new generation


def next_command(
    workspace: Workspace,
    loaded: LoadedSheet,
    rows: Counts,
    groups: Sequence[FailedAlike],
    last: Run | None,
) -> str:
    """The one command that helps most now, ready to be run."""
    command = _next(workspace, loaded, rows, groups)
    if workspace.folder.suffix == REHEARSAL:
        return command
    more = last.options.get(MORE_MONEY_OPTION) if last is not None else None
    if rows.pending and isinstance(more, str):
        command += f" --max-cost +{more}"
    return with_address(command, last)


def with_address(command: str, last: Run | None) -> str:
    """A sending command, with `--base-url` if only the last command line named that address."""
    sends = command.split()[1:2] in (["run"], ["retry"], ["check"])
    return command + address_words(last) if sends else command


def address_words(last: Run | None) -> str:
    """The `--base-url` option, if the address came from the last run's command line alone."""
    if last is None or last.options.get("base_url_by") != "flag":
        return ""
    return f" --base-url {quoted(str(last.options['base_url']))}"


def at_run_address(settings: Settings, run: Run | None) -> Settings:
    """The settings with the address that a run was started with."""
    if run is None or "base_url" not in run.options:
        return settings
    sources = {**settings.sources, "base_url": str(run.options.get("base_url_by"))}
    return replace(settings, base_url=str(run.options["base_url"]), sources=sources)


def at_last_address(settings: Settings, last: Run | None, workspace: Workspace) -> Settings:
    """The settings with the last run's address, unless lasting settings give another one."""
    if last is None or "base_url" not in last.options:
        return settings
    by = str(last.options.get("base_url_by"))
    if by != "flag" and settings.sources["base_url"] != "default":
        return settings
    sources = {**settings.sources, "base_url": by}
    url = str(last.options["base_url"])
    own = url == settings.base_url or was_used(workspace.folder, url)
    return replace(
        settings,
        base_url=url,
        sources=sources,
        # The table may have come from anybody, and its address with it.
        address_is_own=settings.address_is_own and own,
    )


def _next(
    workspace: Workspace,
    loaded: LoadedSheet,
    rows: Counts,
    groups: Sequence[FailedAlike],
) -> str:
    if workspace.folder.suffix == REHEARSAL:  # from here on, for the sheet itself
        real = typed(workspace.sheet_of(loaded))
        return f"rowmill rehearse {real}" if rows.pending else _for_real(loaded, real)
    sheet = named(workspace, loaded)
    if rows.pending:
        return f"rowmill run {sheet}"
    failed = [one for one in groups if one.kind != State.IN_DOUBT]
    helps = [explain(FailureClass(one.kind), one.cause, sheet=sheet).command for one in failed]
    for one, command in zip(failed, helps, strict=True):
        if one.kind in RETRIABLE and AGAIN_OPTION not in command:
            return f"rowmill retry {sheet}"
    if helps:
        return helps[0]
    if rows.in_doubt:
        return f"rowmill retry {sheet} --class in_doubt"
    return f"rowmill export {sheet} -o results.csv"


def _for_real(loaded: LoadedSheet, sheet: str) -> str:
    """The command for the real sheet; it leaves the model open where the mock's was used."""
    given = loaded.options
    if str(given.get("model", "mock-")).startswith("mock-"):
        return f"rowmill {sheet}"
    words = ["rowmill", "run", sheet]
    for option in ("endpoint", "model", "prompt", "id", "tab", "provider"):
        if isinstance(value := given.get(option), str):
            words += [SHORT_OPTIONS.get(option, f"--{option}"), quoted(value)]
    for option in ("set", "column"):
        pairs = given.get(option)
        for name, value in pairs.items() if isinstance(pairs, dict) else ():
            words += [f"--{option}", quoted(f"{name}={value}")]
    return " ".join(words)


def named(workspace: Workspace, loaded: LoadedSheet) -> str:
    """The word a person types for this sheet: its file if that leads here, else its place."""
    sheet = workspace.sheet_of(loaded)
    leads_here = sheet.exists() and of_sheet(sheet, None).folder == workspace.folder
    if (database := workspace.database) is not None:
        is_remembered = leads_here and known_database(workspace.folder) is not None
        return typed(sheet) if is_remembered else quoted(typed_address(database.url, database.name))
    return typed(sheet if leads_here else workspace.folder)
