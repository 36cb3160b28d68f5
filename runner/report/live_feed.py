"""What is new in a table since a page last heard of it."""

import json
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from jobs.job import JSON
from jobs.store import Store
from jobs.store.queries.gallery import page_rows
from jobs.store.queue.choices import RowChoice, retry_named
from runner.report.facts import Facts, facts_of
from runner.report.page import PageLocation, made_words, render, summary
from runner.report.rows import Records
from runner.workspace.workspace import SHEET_ID, Workspace

LATE = 3.0  # seconds that a change may need from its time to its commit
RETELL = 2.0  # seconds between two summaries, at least
CALM = 8  # times as long as a summary takes, until the next
SPANS = 200  # of rows, in one statement


def facts_now(workspace: Workspace) -> AbstractContextManager[Facts]:
    """How a sheet stands at this moment, for the time of a `with`."""
    return facts_of(workspace, now=time.time(), running=workspace.is_running())


class Feed:
    """The page and its news, for as long as the server stands.

    One `Records` serves them all, so that what a row points to keeps its number.
    """

    def __init__(self, workspace: Workspace, *, token: str) -> None:
        self.workspace = workspace
        self._token = token
        with facts_now(workspace) as first:
            self._records = Records(
                sheet_word=first.sheet_word,
                has_thumb=lambda _: True,  # the server waits for those that are being made
                rows=max(first.rows.total, 1),
            )

    def page(self) -> str:
        """The page as of now."""
        place = PageLocation(records=self._records, live=self._token)
        with facts_now(self.workspace) as facts:
            return "".join(render(facts, place))

    def listener(self) -> "Listener":
        """What one open page has heard; it begins a little before now, as the page did."""
        return Listener(feed=self, since=time.time() - 10 * LATE)

    def changed(self, since: float) -> dict[int, str]:
        """The records of rows that changed since then, as JSON, by row."""
        store = Store.look(self.workspace.table)
        try:
            with store.read() as tx:
                found = list(page_rows(tx, SHEET_ID, since=since))
        finally:
            store.close()
        return {row.row: json.dumps(self._records.of(row), ensure_ascii=False) for row in found}

    def shared(self) -> dict[str, JSON]:
        """What the records point to, by now."""
        return self._records.shared


@dataclass(slots=True)
class Listener:
    """One open page."""

    feed: Feed
    since: float
    _heard: dict[int, str] = field(default_factory=dict)  # the last records, which come twice
    _retell_at: float = 0.0

    def news(self) -> str | None:
        """What this page has not heard yet, as JSON in one line; None where nothing changed."""
        began = time.time()
        found = self.feed.changed(self.since)
        fresh = [text for row, text in found.items() if self._heard.get(row) != text]
        self._heard, self.since = found, began - LATE
        told = self._retold(began) if fresh or began >= self._retell_at else None
        if not fresh and told is None:
            return None
        shared = json.dumps(self.feed.shared(), ensure_ascii=False)
        rows = ",".join(fresh)
        summary, made = told or (None, None)
        telling = f'"summary":{json.dumps(summary)},"made":{json.dumps(made)}'
        return f'{{"rows":[{rows}],{telling},{shared[1:]}'

    def _retold(self, now: float) -> tuple[str, str] | None:
        """The summary anew, and of when it is, but not so often that it slows the run down."""
        if now < self._retell_at:
            return None
        began = time.monotonic()
        with facts_now(self.feed.workspace) as facts:
            told = str(summary(facts)), str(made_words(facts))
        took = time.monotonic() - began
        self._retell_at = now + max(RETELL, CALM * took)
        return told


def put_back(table: Path, numbers: list[int]) -> int:
    """Rows that failed, are in doubt or were closed, back into the work; returns how many."""
    spans = _spans(sorted(set(numbers)))
    store = Store.open(table)
    try:
        with store.write() as tx:
            return sum(
                retry_named(
                    tx, SHEET_ID, RowChoice(positions=spans[at : at + SPANS]), now=time.time()
                )
                for at in range(0, len(spans), SPANS)
            )
    finally:
        store.close()


def _spans(numbers: list[int]) -> list[tuple[int, int]]:
    """3, 4, 5, 9 → (3, 5), (9, 9)."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return spans
