"""Report pages of invented runs, made by the report's own functions."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from jobs.store import Store, Transaction
from jobs.store.queries.figures import Figures, figures
from jobs.store.queries.gallery import CallsPerMinute, PageRow, PastRun
from jobs.store.queries.totals import Counts, FailedAlike, Spent
from jobs.store.schema import attempts, calls, jobs
from jobs.store.schema import rows as sheet_rows
from jobs.thumbnails import THUMB_EDGE_PIXELS, thumb_path
from runner.report.facts import Facts
from runner.report.page import PageLocation, render
from runner.report.rows import Records
from runner.workspace.workspace import SHEET_ID

START = 1_790_000_000.0
PICTURES = 24  # different ones
WORDS = ("a fox", "on snow", "at dawn", "soft light", "35 mm film", "calm colours", "wide lens")
FAILURES = (
    ("refused", "moderation", "I cannot help with that picture."),
    ("server", "upstream", "upstream error: bad gateway"),
    ("no_result", "no_picture", "Here is your picture!"),
)


def row(number: int, *, prompt: str = "a fox", status: str = "done", **more: object) -> PageRow:
    """One row with defaults for everything that is not given."""
    plain = PageRow(
        row=number,
        key=f"k{number}",
        status=status,
        endpoint="chat-image",
        model="m-1",
        fields=json.dumps({"prompt": prompt}),
        text=None,
        finish="stop",
        kind=None,
        cause=None,
        detail=None,
        seconds=12.5,
        cost=0.03,
        tokens=1200,
        attempts=1,
        finished_at=START + number,
        files=(),
    )
    return plain._replace(**more)  # type: ignore[arg-type]  # fields of a row, by name


def failed_row(number: int, *, prompt: str = "a fox", which: int = 0) -> PageRow:
    """One failed row of three kinds."""
    kind, cause, detail = FAILURES[which % len(FAILURES)]
    return row(
        number, prompt=prompt, status="failed", kind=kind, cause=cause, detail=detail, cost=None
    )


def many(count: int) -> list[PageRow]:
    """That many rows, always the same: nine of ten are done, with a picture each."""
    chance = random.Random(7)
    rows = []
    for number in range(2, count + 2):
        prompt = f"{number} " + ", ".join(chance.choices(WORDS, k=12))
        if chance.random() < 0.08:
            rows.append(failed_row(number, prompt=prompt, which=number))
        else:
            name = f"picture-{number % PICTURES}.png"
            seconds = chance.lognormvariate(2.6, 0.4)
            made = row(number, prompt=prompt, files=(name,), model=f"m-{number % 3}")
            rows.append(made._replace(seconds=seconds, finished_at=START + number * 1.4))
    return rows


def facts(rows: Sequence[PageRow], **more: object) -> Facts:
    """The facts of a report with these rows."""
    counts = {name: sum(one.status == name for one in rows) for name in ("done", "failed")}
    counts |= {name: sum(one.status == name for one in rows) for name in ("in_doubt", "skipped")}
    counts["waiting"] = sum(one.status == "pending" for one in rows)
    failed = [one for one in rows if one.status == "failed"]
    kinds = dict.fromkeys((one.kind or "", one.cause or "") for one in failed)
    told = Facts(
        sheet="prompts.csv",
        sheet_word="prompts.csv",
        at=START + 40_000,
        running=False,
        rows=Counts(**counts),
        spent=_spent(rows),
        groups=tuple(
            FailedAlike(kind, cause, len(same), same[0].row, "")
            for kind, cause in kinds
            if (same := [one for one in failed if (one.kind, one.cause) == (kind, cause)])
        ),
        runs=(
            PastRun(id=1, started_at=START, ended_at=START + 9000, exit_code=4, calls=9, events=()),
        ),
        minutes=tuple(
            CallsPerMinute(at=START + 60 * at, good=20 * (at < 30), slowed=0, failed=9, doubtful=0)
            for at in range(45)
        ),
        figures=figures_of(rows),
        next_command="rowmill retry prompts.csv",
        shown=tuple(rows),
    )
    return replace(told, **more)  # type: ignore[arg-type]  # fields of facts, by name


def _spent(rows: Sequence[PageRow]) -> Spent:
    return Spent(
        calls=len(rows),
        unknown_calls=0,
        unpriced_calls=0,
        cost=sum(one.cost or 0.0 for one in rows),
        currency="USD",
        prompt_tokens=None,
        completion_tokens=None,
        total_tokens=sum(one.tokens or 0 for one in rows),
    )


def figures_of(shown: Sequence[PageRow]) -> Figures:
    """The figures behind the charts of these rows."""
    with Store.scratch() as store, store.write() as tx:
        lay_in(tx, shown)
        return figures(tx, SHEET_ID)


def lay_in(tx: Transaction, shown: Sequence[PageRow]) -> None:
    """These rows in an empty table, each with a job, a call and an attempt."""
    numbered = list(enumerate(shown, 1))
    tx.execute(sheet_rows.insert(), [_row(number, one) for number, one in numbered])
    tx.execute(jobs.insert(), [_job(number, one) for number, one in numbered])
    tx.execute(calls.insert(), [_call(number, one) for number, one in numbered])
    tried = [{"job_id": number, "call_id": number, "version": 0} for number, _ in numbered]
    tx.execute(attempts.insert(), tried)


def _row(number: int, one: PageRow) -> dict[str, object]:
    place = {"id": number, "batch_id": SHEET_ID, "job_id": number, "position": one.row}
    return {**place, "key": one.key, "cells": "[]", "parked": False}


def _job(number: int, one: PageRow) -> dict[str, object]:
    nothing = dict.fromkeys(("occurrence", "rank", "turn", "not_before", "epoch", "version"), 0)
    nothing |= dict.fromkeys(("attempts", "repeats", "deaths"), 0)
    return {
        **nothing,
        "id": number,
        "batch_id": SHEET_ID,
        "digest": number.to_bytes(16, "big"),
        "digest_version": 1,
        "endpoint": one.endpoint,
        "model": one.model,
        "fields": one.fields,
        "position": one.row,
        "state": "ready" if one.status == "pending" else one.status,
        "step": "send",
        "stream": False,
        "call_id": number,
        "kind": one.kind,
        "updated_at": one.finished_at,
        "listed": True,
    }


def _call(number: int, one: PageRow) -> dict[str, object]:
    return {
        "id": number,
        "run_id": 1,
        "endpoint": one.endpoint,
        "model": one.model,
        "account": "",
        "call_key": f"call-{number}",
        "started_at": START,
        "seconds": one.seconds,
        "cost": one.cost,
    }


def write_page(folder: Path, told: Facts) -> Path:
    """The page of these facts in a folder, with thumbnails for all its files."""
    names = {name for one in told.shown for name in one.files}
    names |= {name for one in told.shown for old in one.versions for name in old.files}
    for number, name in enumerate(sorted(names)):
        path = thumb_path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        colour = (60 + 7 * number % 180, 90 + 31 * number % 150, 120 + 53 * number % 120)
        Image.new("RGB", (THUMB_EDGE_PIXELS, THUMB_EDGE_PIXELS), colour).save(path, "JPEG")
    records = Records(
        sheet_word=told.sheet_word,
        has_thumb=names.__contains__,
        rows=len(told.shown),
        columns=told.columns,
    )
    place = PageLocation(records=records, inputs="", store=folder.name)
    page = folder / "report.html"
    page.write_text("".join(render(told, place)), encoding="utf-8")
    return page
