"""Thumbnails for a workbook of results: made before it is written, where they are missing."""

from pathlib import Path

from jobs.export import MOST_PICTURES
from jobs.store import Transaction
from jobs.store.queries.totals import counts
from jobs.store.queue.refetch import kept_files
from runner.files.thumbnails import make_missing
from runner.workspace.workspace import SHEET_ID


def thumbnails_for(
    tx: Transaction,
    workspace: Path,
    *,
    format: str,  # noqa: A002 - as people say it
    wanted: bool = False,
) -> bool:
    """Does a file of this format show thumbnails? Then all that can be made are there.

    `wanted`: also beyond the number of rows up to which a workbook shows them unasked.
    """
    if format != "xlsx" or not (wanted or counts(tx, SHEET_ID).total <= MOST_PICTURES):
        return False
    make_missing(workspace, (file.name for file in kept_files(tx, SHEET_ID)))
    return True
