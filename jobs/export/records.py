"""Turns a row of the table into a row of a results file."""

import json
import math
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from jobs.export.shape import own_columns
from jobs.job import JSON
from jobs.sheet.write.writers import Record
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.queries.results import ResultRow

MAX_KEPT_MOMENTS = 10_000
HALF_A_MICROSECOND = 5e-7  # a datetime rounds this up to the next second
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # it exists, in C


def records(rows: Iterable[ResultRow], loaded: LoadedSheet, *, files_at: str) -> Iterator[Record]:
    """One record per row, in column order. `files_at` is the path to the saved files."""
    own = own_columns(loaded)
    width = len(loaded.headers)
    whole = len(own) == width
    blank: JSON = None if loaded.layout.get("typed") is True else ""
    moments = Moments()
    for row in rows:
        cells, _ = _scan(row.cells, 0)
        data: dict[str, JSON] = row.data
        if len(cells) != width:
            if beyond := cells[width:]:  # cells under no header have no column
                data = {**data, "cells_beyond_header": beyond}
            cells = cells[:width] + [blank] * (width - len(cells))
        kept = cells if whole else [cells[place] for place in own]
        yield kept + _ours(row, files_at, data, moments)


def _ours(row: ResultRow, files_at: str, data: dict[str, JSON], moments: "Moments") -> list[JSON]:
    """Our columns in order. Unknown values are None, never 0."""
    return [
        row.status,
        row.text,
        list(row.urls),
        [f"{files_at}/{name}" for name in row.files],
        row.error if row.error_cause != "bad_row" else error_words(row),
        row.error_class,
        row.finish,
        row.prompt_tokens,
        row.completion_tokens,
        row.total_tokens,
        _finite(row.cost),
        None if row.seconds is None else _finite(round(row.seconds, 3)),
        row.attempts,
        row.answered_model or row.model or None,
        row.request_id,
        None if row.finished_at is None else moments[int(row.finished_at + HALF_A_MICROSECOND)],
        data or None,
        row.lane,
        row.row,
        row.key,
        row.pick,
    ]


def error_words(row: ResultRow) -> str | None:
    """The error in words. A row that never became a request has its problem as JSON."""
    if row.error_cause != "bad_row" or row.error is None:
        return row.error
    return cell_problem(row.error) or row.error


def cell_problem(detail: str) -> str | None:
    """Why a cell was unusable, as one sentence; None if `detail` is not such a problem."""
    try:
        problem = json.loads(detail)
        return f"{problem['column']}: expected {problem['expected']}, found {problem['found']}"
    except (ValueError, TypeError, KeyError):
        return None


def problem_column(detail: str) -> str | None:
    """The header of the cell that is unusable; None if `detail` is not such a problem."""
    try:
        return str(json.loads(detail)["column"])
    except (ValueError, TypeError, KeyError):
        return None


def _finite(value: float | None) -> float | None:
    """The number; None if it is not finite."""
    return value if value is not None and math.isfinite(value) else None


class Moments(dict[int, str]):
    """A cache of seconds as local time with offset.

    Consecutive rows end in the same few seconds.
    """

    def __missing__(self, second: int) -> str:
        if len(self) >= MAX_KEPT_MOMENTS:
            self.clear()
        moment = datetime.fromtimestamp(second, UTC).astimezone()
        found = self[second] = moment.isoformat(timespec="seconds")
        return found


def path_of_files(workspace: Path, folder: Path) -> str:
    """The path from a folder to the workspace's files; absolute if on another drive."""
    files = workspace.resolve() / "files"
    try:
        return Path(os.path.relpath(files, folder.resolve())).as_posix()
    except ValueError:
        return files.as_posix()
