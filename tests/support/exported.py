"""Tables to export, exports of them, and their readers."""

import csv
import json
from pathlib import Path
from typing import Any

from jobs.export import ExportOptions, Written, write_results
from jobs.job import JSON
from jobs.loading.columns import RESULT_COLUMNS
from jobs.store import Store
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.queries.results import ResultRow, results
from jobs.store.queries.totals import spent
from tests.support.builders import IN_DOUBT, NOW, PENDING, REFUSED, SHEET_ID, Fate, Sheet

HEADERS = ("编号", "prompt", "note", "note")
NASTY: list[list[JSON]] = [
    ["007", "=1+1", "'007", "1e5"],
    ["NA", "- a list\r\n- of two", "\tindented", 'say "hi", twice;|'],
    ["00123456789012345678", "猫 🐱 e\u0301", " spaces ", "_x0041_"],
    ["", "NA", "null", "1,000"],
    ["5", "x" * 40_000, "＝full", "a\rb\nc"],
]
FATES = [
    Fate(text='=HYPERLINK("http://e.x")', cost=0.02, tokens=(10, 20), data={"a": [1, "ü"]}),
    REFUSED,
    IN_DOUBT,
    PENDING,
    Fate(text="see", files=("5-cat-1.png", "5-cat-2.png"), request_id="@id"),
]
PLAIN = Sheet(headers=HEADERS, rows=NASTY)
FORMATS = ("csv", "tsv", "jsonl", "xlsx", "parquet")


def written(
    folder: Path,
    loaded: LoadedSheet,
    target: Path,
    *,
    format: str,  # noqa: A002 - as write_results names it
    only: frozenset[str] | None = None,
    safe: bool = False,
    now: float = NOW,
) -> Written:
    with Store.look(folder / "jobs.db") as store, store.read() as tx:
        given = ExportOptions(workspace=folder, safe=safe, now=now, spent=spent(tx, SHEET_ID))
        rows = results(tx, SHEET_ID, only=only)
        return write_results(rows, loaded, target, format=format, options=given)


def read_delimited(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter, strict=True))


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def ours(row: list[str]) -> dict[str, str]:
    return dict(zip(RESULT_COLUMNS, row[-len(RESULT_COLUMNS) :], strict=True))


def fields_of(row: ResultRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ResultRow._fields}


def only_row(folder: Path, loaded: LoadedSheet) -> ResultRow:
    with Store.look(folder / "jobs.db") as store, store.read() as tx:
        return next(iter(results(tx, loaded.id)))
