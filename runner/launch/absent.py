"""Says which of the rows that --rows names a sheet does not have."""

from collections.abc import Collection

from jobs.store import Transaction
from jobs.store.spans import Span, absence_from
from runner.catalogue import say
from runner.catalogue.missing_rows import absence_words
from runner.console.screen import print_message
from runner.exits import Refusal
from runner.workspace.workspace import SHEET_ID


def tell_absent(tx: Transaction, sheet: str, wanted: Collection[Span] | None) -> None:
    """Name the rows that are not there. Raises Refusal where there is none of those wanted."""
    found = absence_from(tx, SHEET_ID, wanted) if wanted is not None else None
    if found is None:
        return
    if found.entire:
        raise Refusal(absence_words(found, sheet))
    print_message(say("cli.warning", text=absence_words(found, sheet)))
