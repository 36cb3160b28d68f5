"""`rowmill fetch`: downloads files that are missing or broken; never generates."""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from jobs.export import ExportOptions, format_of, results_path, write_results
from jobs.job import JSON
from jobs.store import Store
from jobs.store.log import add_to_run, end_run, last_run
from jobs.store.queries.results import results
from jobs.store.queries.totals import spent
from jobs.store.queue.refetch import (
    AnswerFile,
    kept_files,
    refetch,
    still_open,
    want_again,
    wants_file_of,
)
from runner.catalogue import say
from runner.catalogue.phrases import label
from runner.catalogue.reasons import reason
from runner.console import options
from runner.console.progress import Display
from runner.console.screen import print_data, print_message
from runner.console.workspaces import find_workspace
from runner.engine.session import Assignment, Ending, Session
from runner.engine.stop import STOP_CODES
from runner.exits import Exit, worst
from runner.files.targets import files_address, settled_target, with_target
from runner.files.verify import Condition, FileCheck, inspect_files, inspect_target
from runner.launch.request import program_version
from runner.launch.results import thumbnails_for
from runner.prices.price_list import PriceList
from runner.prices.spending_cap import SpendingCap
from runner.secret import Secret
from runner.settings.keys import KeyRefusal, OwnedKey, sending_keys
from runner.settings.settings import Settings
from runner.steps.priced_request import priced_call
from runner.views.next_command import MORE_MONEY_OPTION, at_last_address
from runner.views.records import FetchRecord, FilePlace
from runner.workspace.log_file import end_log, log_to
from runner.workspace.workspace import SHEET_ID, Workspace

MAX_FILES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fetched:
    """What one `fetch` found and saved."""

    findings: Sequence[FileCheck]
    wanted: int = 0  # rows with files to fetch
    failed: int = 0  # of them, rows that cannot have them
    code: Exit = Exit.DONE

    @property
    def bad(self) -> list[FileCheck]:
        """The files that are missing or damaged."""
        return [one for one in self.findings if one.condition is not Condition.GOOD]


@options.argument("sheet", required=False)
def _fetch(sheet: str | None) -> int:
    given = options.sheet_path(sheet)
    workspace = find_workspace(given)
    workspace.make()
    with workspace.held():
        store = workspace.place.open()
        handler = log_to(workspace.log)
        try:
            return _within(workspace, store)
        finally:
            end_log(handler)
            store.close()


def _within(workspace: Workspace, store: Store) -> int:
    with store.read() as tx:
        loaded = workspace.loaded_in(tx)
        files = list(kept_files(tx, SHEET_ID))
        last = last_run(tx, SHEET_ID)
    settings = options.settings(
        folder=workspace.sheet_of(loaded).parent,
        remembered=loaded.options,
        workspace=workspace.folder,
    )
    settings = at_last_address(settings, last, workspace)
    workspace = with_target(workspace, settings)
    with store.read() as tx:
        workspace = settled_target(tx, workspace, settings)
    findings = list(_inspected(workspace, files, verify=settings.verify))
    found = _Fetched(findings=findings)
    if not settings.quiet:
        _tell_findings(found)
    with store.write() as tx:
        want_again(tx, [one.file for one in found.bad])
        wanted = refetch(tx, SHEET_ID, now=time.time())
    if wanted and workspace.place.shared and workspace.is_running():
        found = replace(found, wanted=len(wanted))
        if not settings.quiet:
            print_message(say("fetch.by_hosts", rows=f"{len(wanted):,}"))
    elif wanted:
        assignment = Assignment(
            settings=settings,
            workspace=workspace,
            loaded=loaded,
            keys=_keys(store, settings),
            cap=SpendingCap(PriceList(own=settings.prices), priced_call),
            title=loaded.sheet,
            program=program_version(),
            files_only=True,
        )
        more = last.options.get(MORE_MONEY_OPTION) if last is not None else None
        found = _download(store, assignment, found, wanted, more)
    elif not settings.quiet:
        print_message(say("fetch.nothing"))
    if settings.json:
        print_data(json.dumps(_record(workspace, found), ensure_ascii=False))
    return found.code


def _keys(store: Store, settings: Settings) -> tuple[OwnedKey, ...]:
    """Downloads need no key, but for files that the provider itself keeps."""
    parts = urlsplit(settings.base_url)
    with store.read() as tx:
        needed = wants_file_of(tx, f"{parts.scheme}://{parts.netloc}")
    if needed:
        with suppress(KeyRefusal):  # some give their files without one
            return sending_keys(settings, os.environ)
    return (OwnedKey(key=Secret("")),)


def _inspected(
    workspace: Workspace, files: Sequence[AnswerFile], *, verify: bool
) -> Iterator[FileCheck]:
    if workspace.target is not None:
        return inspect_target(files, workspace.target, verify=verify)
    return inspect_files(files, workspace.files, verify=verify)


def _tell_findings(found: _Fetched) -> None:
    count = Counter(one.condition for one in found.findings)
    print_message(
        say(
            "fetch.checked",
            files=f"{len(found.findings):,}",
            good=f"{count[Condition.GOOD]:,}",
            missing=f"{count[Condition.MISSING]:,}",
            damaged=f"{count[Condition.DAMAGED]:,}",
        )
    )
    for one in found.bad[:MAX_FILES_SHOWN]:
        key = "fetch.missing" if one.condition is Condition.MISSING else "fetch.damaged"
        print_message(say(key, row=one.file.row, file=one.file.name))
    if len(found.bad) > MAX_FILES_SHOWN:
        print_message(say("fetch.more", count=f"{len(found.bad) - MAX_FILES_SHOWN:,}"))


def _download(
    store: Store, assignment: Assignment, found: _Fetched, wanted: Sequence[int], more: JSON
) -> _Fetched:
    settings = assignment.settings
    if not settings.quiet:
        print_message(say("fetch.start", rows=f"{len(wanted):,}"))
    display = Display("none", color=settings.color)
    ending = asyncio.run(Session(store, assignment, display).go())
    with store.read() as tx:
        failed = still_open(tx, wanted)
    code = worst([Exit.SOME_FAILED if failed else Exit.DONE, *_stopped(ending)])
    code = worst([code, _write(store, assignment)])
    with store.write() as tx:
        if more is not None:  # the amount that the last run needed to go on still applies
            add_to_run(tx, ending.run_id, {MORE_MONEY_OPTION: more})
        end_run(tx, ending.run_id, exit_code=int(code), now=time.time())
    if not settings.quiet:
        done = f"{len(wanted) - failed:,}"
        print_message(say("fetch.done", done=done, failed=f"{failed:,}"))
    return _Fetched(findings=found.findings, wanted=len(wanted), failed=failed, code=code)


def _stopped(ending: Ending) -> list[Exit]:
    return [STOP_CODES[ending.stop.reason]] if ending.stop is not None else []


def _write(store: Store, assignment: Assignment) -> Exit:
    """Write the results again, since they name the files."""
    folder = assignment.workspace.folder
    target = results_path(folder, assignment.loaded)
    try:
        with store.read() as tx:
            given = ExportOptions(
                workspace=folder,
                files_at=files_address(assignment.workspace, last_run(tx, SHEET_ID)),
                spent=spent(tx, SHEET_ID),
                label=label,
                headers=assignment.settings.headers,
                thumbs=thumbnails_for(
                    tx, assignment.workspace, format=format_of(assignment.loaded)
                ),
            )
            write_results(results(tx, SHEET_ID), assignment.loaded, target, options=given)
    except OSError as error:
        print_message(say("run.results_failed", reason=reason(error)))
        return Exit.OUTPUT
    return Exit.DONE


def _record(workspace: Workspace, found: _Fetched) -> FetchRecord:
    return {
        "schema": 1,
        "workspace": str(workspace.folder),
        "exit_code": int(found.code),
        "files": len(found.findings),
        "missing": [_place(one) for one in found.bad if one.condition is Condition.MISSING],
        "damaged": [_place(one) for one in found.bad if one.condition is Condition.DAMAGED],
        "rows_wanted": found.wanted,
        "rows_failed": found.failed,
    }


def _place(one: FileCheck) -> FilePlace:
    return {"row": one.file.row, "file": one.file.name}


command = options.command(
    "fetch",
    examples=("rowmill fetch prompts.xlsx", "rowmill fetch prompts.xlsx --verify"),
)(_fetch)
