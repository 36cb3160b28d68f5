"""Asks for new generations of rows on a page, and takes them back until they are sent."""

import time
from collections.abc import Sequence

from jobs.place import Place
from jobs.store.queue.choices import RowChoice
from jobs.store.queue.redo import generate_again
from jobs.store.queue.redo import take_back as take_back_rows
from jobs.store.spans import spans_of_numbers
from runner.workspace.workspace import SHEET_ID

MAX_ROWS = 200  # of one request; `retry --again` asks about more


def again(place: Place, numbers: Sequence[int]) -> Sequence[int]:
    """Generate these rows again, those of them that are done; returns their numbers."""
    choice = RowChoice(positions=spans_of_numbers(numbers))
    with place.open() as store, store.write() as tx:
        return generate_again(tx, SHEET_ID, choice, now=time.time())


def take_back(place: Place, numbers: Sequence[int]) -> Sequence[int]:
    """Take back what was not sent yet; returns the rows that are as they were."""
    choice = RowChoice(positions=spans_of_numbers(numbers))
    with place.open() as store, store.write() as tx:
        return take_back_rows(tx, SHEET_ID, choice)
