"""Writes what a run leaves beside its table: results, thumbnails, vectors."""

from itertools import chain
from pathlib import Path

from jobs.export import (
    MAX_PICTURE_ROWS,
    ExportOptions,
    format_for,
    format_of,
    results_path,
    write_results,
)
from jobs.store import Store, Transaction
from jobs.store.answers import placed_rows
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.log import last_run
from jobs.store.queries.results import results
from jobs.store.queries.totals import counts, spent
from jobs.store.queue.refetch import kept_files
from runner.catalogue import say
from runner.catalogue.phrases import label
from runner.catalogue.reasons import reason
from runner.endpoints.registry import sharing_endpoints
from runner.exits import Exit
from runner.files.remote_results import remote_results
from runner.files.targets import files_address
from runner.files.thumbnails import make_missing
from runner.workspace.answers import AnswerFolder
from runner.workspace.target import FILES
from runner.workspace.workspace import SHEET_ID, Workspace, near


def write_run_results(
    workspace: Workspace, store: Store, loaded: LoadedSheet, *, headers: str
) -> tuple[list[str], Exit]:
    """Write results and vectors; returns the lines to print and the exit code."""
    target = results_path(workspace.folder, loaded)
    try:
        with store.read() as tx:
            options = ExportOptions(
                workspace=workspace.folder,
                spent=spent(tx, SHEET_ID),
                label=label,
                headers=headers,
                files_at=files_address(workspace, last_run(tx, SHEET_ID)),
                thumbs=thumbnails_for(tx, workspace, format=format_of(loaded)),
            )
            written = write_results(results(tx, SHEET_ID), loaded, target, options=options)
            vectors = write_vectors(
                tx,
                SHEET_ID,
                target.parent,
                answers=AnswerFolder.of(workspace),
                workspace=workspace.folder,
            )
    except OSError as error:
        why = reason(error)
        return [say("run.results_failed", reason=why)], Exit.OUTPUT
    lines = [say("run.results_moved" if written.moved else "run.results", path=near(written.path))]
    if vectors is not None:
        lines.append(say("run.vectors", path=near(vectors)))
    if workspace.target is not None:
        lines.append(say("run.files", path=workspace.target.address_of(FILES)))
    elif workspace.files.exists():
        lines.append(say("run.files", path=near(workspace.files)))
    return lines, Exit.DONE


def send_results(
    workspace: Workspace, store: Store, loaded: LoadedSheet, address: str, *, headers: str
) -> tuple[list[str], Exit]:
    """Write the results to an address as well; returns the lines to print and the exit code."""
    own = format_of(loaded)
    form = format_for(address) or own
    place = address if format_for(address) else f"{address.rstrip('/')}/"
    try:
        with remote_results(place, name=f"results.{form}") as sent:
            with store.read() as tx:
                files_at = files_address(workspace, last_run(tx, SHEET_ID))
                options = ExportOptions(
                    workspace=workspace.folder,
                    spent=spent(tx, SHEET_ID),
                    label=label,
                    headers=headers,
                    files_at=files_at or workspace.files.resolve().as_posix(),
                    thumbs=thumbnails_for(tx, workspace, format=form),
                )
                found = results(tx, SHEET_ID)
                write_results(found, loaded, sent.local, format=form, options=options)
            where = sent.send()
    except OSError as error:
        return [say("run.results_failed", reason=reason(error))], Exit.OUTPUT
    return [say("run.results_moved" if sent.moved else "run.results", path=where)], Exit.DONE


def thumbnails_for(
    tx: Transaction,
    workspace: Workspace,
    *,
    format: str,  # noqa: A002 - as people say it
    wanted: bool = False,
) -> bool:
    """True if a file of this format shows thumbnails; missing ones are made first.

    `wanted`: also if there are more rows than a workbook shows thumbnails for by default.
    """
    if format != "xlsx" or not (wanted or counts(tx, SHEET_ID).total <= MAX_PICTURE_ROWS):
        return False
    names = [file.name for file in kept_files(tx, SHEET_ID)]
    make_missing(workspace.folder, names, workspace.target)
    return True


def write_vectors(
    tx: Transaction, sheet_id: int, folder: Path, *, answers: AnswerFolder, workspace: Path
) -> Path | None:
    """Write the vectors into the folder; None if the sheet has none (yet)."""
    rows = placed_rows(tx, sheet_id, sharing_endpoints())
    first = next(rows, None)
    if first is None:
        return None
    # Most sheets have no vectors.
    from jobs.export.vectors import put_vectors  # noqa: PLC0415 - see above
    from runner.launch.vectors import vectors_of  # noqa: PLC0415 - see above

    found = vectors_of(tx, chain([first], rows), answers)
    return put_vectors(found, folder, workspace=workspace)
