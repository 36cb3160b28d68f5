"""Results as jsonl and csv, beside the sqlite3 shell exporting the same columns of the same table.

The shell's query is what one would write by hand: it joins the same five tables and gives the same
cells, except for times, which are Unix seconds there and local time in ours. After the rounds every
cell of both outputs is compared. All write to a file as their standard output.
"""

import argparse
import csv
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

from jobs.job import Failure, FailureClass

from .measuring import HEADS, ROOT, ROWMILL, Contender, in_turn, lines_of, table
from .sheets import PROMPT

PATTERN = 50  # rows that the builder makes, the last of them refused; all others are copies
HEADERS = ("sku", "prompt", "shelf", "note")
REFUSED = Failure(kind=FailureClass.REFUSED, cause="moderation", detail="Refused by the model.")
COPIED = ("rows", "jobs", "calls", "attempts", "files")
_FILES = "from files f where f.job_id = j.id and f.call_id = j.call_id"
CELLS = {
    **{name: f"json_extract(r.cells, '$[{place}]')" for place, name in enumerate(HEADERS)},
    "result_status": "iif(j.state in ('ready', 'running'), 'pending', j.state)",
    "result_text": "a.text",
    "result_urls": f"(select {{urls}} {_FILES} and f.url is not null)",
    "result_files": f"(select {{files}} {_FILES} and f.state = 'done')",
    "result_error": "coalesce(j.detail, j.cause)",
    "result_error_class": "j.kind",
    "result_finish": "a.finish",
    "result_prompt_tokens": "a.prompt_tokens",
    "result_completion_tokens": "a.completion_tokens",
    "result_total_tokens": "a.total_tokens",
    "result_cost": "c.cost / (select count(*) from attempts s where s.call_id = j.call_id)",
    "result_seconds": "round(c.seconds, 3)",
    "result_attempts": "(select count(*) from attempts t where t.job_id = j.id"
    " and t.outcome is not null)",
    "result_model": "coalesce(a.answered_model, j.model)",
    "result_request_id": "c.request_id",
    "result_finished_at": "j.updated_at",
    "result_data": "json(a.data)",
    "result_lane": "case when c.wire in ('C', 'E') then 'online' end",
    "result_row": "r.position",
    "result_key": "r.key",
}
JOINED = """ from rows r join jobs j on j.id = r.job_id
left join attempts a on a.job_id = j.id and a.call_id = j.call_id
left join calls c on c.id = j.call_id
where r.batch_id = 1 and not r.parked order by r.position, r.id"""


def shell_query(format_: str) -> str:
    """The shell's query for one format: a JSON object per row, or the cells."""
    lines = "group_concat({}, char(10))" if format_ == "csv" else "json_group_array({})"
    path = "'files/' || f.name"
    cells = {
        name: words.format(urls=lines.format("f.url"), files=lines.format(path))
        if name in {"result_urls", "result_files"}
        else words
        for name, words in CELLS.items()
    }
    if format_ == "csv":
        return "select " + ", ".join(f'{words} "{name}"' for name, words in cells.items()) + JOINED
    pairs = ", ".join(f"'{name}', {words}" for name, words in cells.items())
    return f"select json_object({pairs}){JOINED}"


def make(folder: Path, rows: int) -> Path:
    """A workspace with that many settled rows: a picture and its text each, every 50th refused."""
    from tests.support.builders import Fate, Sheet, make_table  # noqa: PLC0415 - only where a table is made

    cells = [[f"row-{k}", PROMPT.format(row=k), "north", "high"] for k in range(PATTERN)]
    fates = [
        Fate(
            text="Here is your picture.",
            files=(f"{k}.png",),
            cost=0.039,
            tokens=(30, 1300),
            request_id=f"req-{k}",
        )
        for k in range(PATTERN - 1)
    ]
    make_table(folder, Sheet(headers=HEADERS, rows=cells), [*fates, Fate(failure=REFUSED)])
    with closing(sqlite3.connect(folder / "jobs.db")) as connection, connection:
        for name in COPIED:
            _multiply(connection, name, rows // PATTERN)
    with closing(sqlite3.connect(folder / "jobs.db")) as connection:
        connection.execute("vacuum")
    return folder


def _multiply(connection: sqlite3.Connection, name: str, times: int) -> None:
    """Copies of the rows of a table with other numbers and words."""
    words = [line[1] for line in connection.execute(f"pragma table_info({name})")]
    changed = {
        "digest": "randomblob(16)",
        "key": f"key + {PATTERN} * k",
        "position": f"position + {PATTERN} * k",
        "cells": "replace(cells, 'row', 'row ' || k || ',')",
        "request_id": "request_id || '-' || k",
        "url": "url || '?' || k",
        "name": "k || '-' || name",
        "seconds": "seconds + (k % 997) / 31.0",
        **{word: f"{word} + 0.37 * k" for word in words if word.endswith("_at")},
        **{word: f"{word} + 1000 * k" for word in ("job_id", "call_id")},
        **({"id": "id + 1000 * k"} if "id" in words else {}),
    }
    given = ", ".join(changed.get(word, word) for word in words)
    connection.execute(
        f"insert into {name} ({', '.join(words)}) with recursive n(k) as"
        f" (select 1 union all select k + 1 from n where k < {times - 1})"
        f" select {given} from n cross join (select * from {name})"
    )


def contenders(folder: Path) -> list[Contender]:
    """Both formats, by the shell and by rowmill."""
    found = []
    for format_, wanted in (("jsonl", []), ("csv", ["-header", "-csv"])):
        shell = ["sqlite3", "-readonly", *wanted, str(folder / "jobs.db"), shell_query(format_)]
        ours = [*ROWMILL, "export", str(folder), "--format", format_, "-q"]
        for name, command in ((f"sqlite3, {format_}", shell), (f"rowmill, {format_}", ours)):
            words = ["sh", "-c", f'exec "$@" > "{folder / name}"', "sh", *command]
            found.append(Contender(name=name, words=words, cwd=ROOT))
    return found


def compare(folder: Path) -> None:
    """Stop if rowmill and the shell differ in any cell."""
    for format_, read in (("jsonl", _objects), ("csv", _lines)):
        shell, ours = (read(folder / f"{who}, {format_}") for who in ("sqlite3", "rowmill"))
        for number, (one, other) in enumerate(zip_longest(shell, ours), 1):
            if one != other:
                raise SystemExit(f"{format_}, row {number}: {one} by the shell, {other} by rowmill")


def _objects(path: Path) -> Iterator[object]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            found = json.loads(line)
            found["result_finished_at"] = _seconds(found["result_finished_at"])
            yield list(found.items())


def _lines(path: Path) -> Iterator[object]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        yield (heads := next(reader))
        at = heads.index("result_finished_at")
        for cells in reader:
            yield [*cells[:at], _seconds(cells[at]), *cells[at + 1 :]]


def _seconds(moment: str | float) -> int:
    """A time in whole seconds, from either format."""
    try:
        return int(float(moment))
    except ValueError:
        return int(datetime.fromisoformat(str(moment)).timestamp())


def main() -> None:
    """One table a format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = make(Path(name), args.rows)
        costs = in_turn(contenders(folder), rounds=args.rounds)
        compare(folder)
    for format_ in ("jsonl", "csv"):
        of_it = {name: cost for name, cost in costs.items() if name.endswith(format_)}
        print(table(HEADS, lines_of(of_it, f"sqlite3, {format_}", rows=args.rows)) + "\n")


if __name__ == "__main__":
    main()
