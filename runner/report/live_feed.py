"""What has changed in a table since a page last asked."""

import json
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from jobs.job import JSON
from jobs.place import Place
from jobs.store.queries.gallery import page_rows
from jobs.store.queue.choices import RowChoice, retry_named
from jobs.store.spans import spans_of_numbers
from runner.report.facts import Facts, facts_of
from runner.report.page import PageLocation, render
from runner.report.rows import Records
from runner.report.summary import made_words, summary
from runner.workspace.workspace import SHEET_ID, Workspace

COMMIT_LAG_SECONDS = 3.0  # seconds that may pass between a change's timestamp and its commit
MIN_SUMMARY_SECONDS = 2.0  # seconds between two summaries, at least
SUMMARY_PAUSE_FACTOR = 8  # pause until the next summary, in multiples of the last one's time
MAX_RANGES = 200  # row ranges in one statement


def facts_now(workspace: Workspace) -> AbstractContextManager[Facts]:
    """The current state of a sheet, valid during the `with`."""
    return facts_of(workspace, now=time.time(), running=workspace.is_running())


class Feed:
    """The page and its changes, for the lifetime of the server.

    All listeners share one `Records`, so that shared values keep their numbers.
    """

    def __init__(self, workspace: Workspace, *, token: str, guests: bool = False) -> None:
        self.workspace = workspace
        self._token, self._guests = token, guests
        with facts_now(workspace) as first:
            self._hidden = first.hidden_rows
            self._records = Records(
                sheet_word=first.sheet_word,
                has_thumb=lambda _: True,  # the server waits for thumbnails in progress
                rows=max(first.rows.total, 1),
                columns=first.columns,
            )

    def page(self) -> str:
        """The current page."""
        place = PageLocation(records=self._records, live=self._token, guests=self._guests)
        with facts_now(self.workspace) as facts:
            return "".join(render(facts, place))

    def listener(self) -> "Listener":
        """A listener for one open page; it starts a little before now, as the page did."""
        return Listener(feed=self, since=time.time() - 10 * COMMIT_LAG_SECONDS)

    def changed(self, since: float) -> dict[int, str]:
        """The records of rows changed since then, as JSON, by row."""
        with self.workspace.place.look() as store, store.read() as tx:
            found = list(page_rows(tx, SHEET_ID, since=since))
        return {
            row.row: json.dumps(self._records.of(row), ensure_ascii=False)
            for row in found
            if row.row not in self._hidden
        }

    def shared(self) -> dict[str, JSON]:
        """The shared values that the records refer to."""
        return self._records.shared


@dataclass(slots=True)
class Listener:
    """One open page."""

    feed: Feed
    since: float
    _heard: dict[int, str] = field(default_factory=dict)  # the last records, to leave out repeats
    _retell_at: float = 0.0

    def news(self) -> str | None:
        """The changes this page has not received, as one line of JSON; None if there are none."""
        began = time.time()
        found = self.feed.changed(self.since)
        fresh = [text for row, text in found.items() if self._heard.get(row) != text]
        self._heard, self.since = found, began - COMMIT_LAG_SECONDS
        told = self._retold(began) if fresh or began >= self._retell_at else None
        if not fresh and told is None:
            return None
        shared = json.dumps(self.feed.shared(), ensure_ascii=False)
        rows = ",".join(fresh)
        summary, made = told or (None, None)
        telling = f'"summary":{json.dumps(summary)},"made":{json.dumps(made)}'
        return f'{{"rows":[{rows}],{telling},{shared[1:]}'

    def _retold(self, now: float) -> tuple[str, str] | None:
        """A new summary with its time, at intervals that do not slow the run down."""
        if now < self._retell_at:
            return None
        began = time.monotonic()
        with facts_now(self.feed.workspace) as facts:
            told = str(summary(facts)), str(made_words(facts))
        took = time.monotonic() - began
        self._retell_at = now + max(MIN_SUMMARY_SECONDS, SUMMARY_PAUSE_FACTOR * took)
        return told


def put_back(place: Place, numbers: list[int]) -> int:
    """Requeue rows that failed, are in doubt or were skipped; returns their number."""
    spans = spans_of_numbers(numbers)
    with place.open() as store, store.write() as tx:
        return sum(
            retry_named(
                tx,
                SHEET_ID,
                RowChoice(positions=spans[at : at + MAX_RANGES]),
                now=time.time(),
            )
            for at in range(0, len(spans), MAX_RANGES)
        )
