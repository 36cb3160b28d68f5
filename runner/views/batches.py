"""The provider batches of a sheet, as values and as public data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.store import Transaction
from jobs.store.provider_batches.batch import BatchState, ProviderBatch, batches_of
from jobs.store.provider_batches.figures import BatchFigures, batch_figures
from runner.catalogue import say
from runner.catalogue.durations import at_words
from runner.catalogue.money import format_amounts
from runner.views.records import BatchRecord
from runner.workspace.workspace import SHEET_ID

NANO = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStatus:
    """One provider batch. `number` counts from 1 in the order in which they were opened."""

    number: int
    batch: ProviderBatch
    figures: BatchFigures

    @property
    def name(self) -> str:
        """What to call it for people: the provider's id, or ours as long as it has none."""
        return self.batch.remote_id or f"#{self.number}"

    @property
    def is_cancelling(self) -> bool:
        """True if a person, or the provider, is ending it early."""
        wanted = self.batch.cancel_at is not None or self.batch.told.get("cancelling") is True
        return wanted and self.batch.is_open and self.batch.state is not BatchState.ENDED

    @property
    def has_leftovers(self) -> bool:
        """True if it is over, and files of it may still be at the provider."""
        over = self.batch.state is BatchState.TAKEN_IN
        kept = self.batch.remote_id is not None or self.batch.input_file is not None
        return over and kept and self.batch.removed_at is None

    @property
    def completed(self) -> int | None:
        """How many rows the provider says that it has finished."""
        found = self.batch.told.get("completed")
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    @property
    def cost(self) -> dict[str, float]:
        """What its rows have cost, by currency."""
        return _amounts(self.figures.cost)

    @property
    def most(self) -> dict[str, float]:
        """The most that rows may cost that are open or in doubt, by currency."""
        return _amounts(self.figures.most)


def read_batches(tx: Transaction) -> tuple[BatchStatus, ...]:
    """All provider batches of the sheet, oldest first."""
    found = batches_of(tx, SHEET_ID)
    if not found:
        return ()
    figures = batch_figures(tx, SHEET_ID)
    return tuple(
        BatchStatus(number=number, batch=one, figures=figures.get(one.id, BatchFigures()))
        for number, one in enumerate(found, start=1)
    )


def unsettled(batches: Sequence[BatchStatus]) -> tuple[BatchStatus, ...]:
    """Those that a person may want to know of: everything but what is taken in."""
    return tuple(one for one in batches if one.batch.state is not BatchState.TAKEN_IN)


# --- words ----------------------------------------------------------------------------------------


def state_words(one: BatchStatus) -> str:
    """How far it has come, in words."""
    if one.is_cancelling:
        return say("batches.cancelling")
    batch, figures = one.batch, one.figures
    match batch.state:
        case BatchState.CREATED:
            word = str(batch.told.get("word") or "")
            if one.completed is None:
                return say("batches.at_work", word=word)
            done = f"{one.completed:,}"
            return say("batches.at_work_done", word=word, done=done)
        case BatchState.TAKEN_IN:
            parts = (
                *(("done", figures.done), ("failed", figures.failed)),
                *(("in_doubt", figures.in_doubt), ("given_back", figures.given_back)),
            )
            told = [say(f"batches.rows_{name}", count=f"{one:,}") for name, one in parts if one]
            return say("batches.taken_in", rows=", ".join(told) or "0")
        case state:
            return say(f"batches.{state.value}")


def fact_of(one: BatchStatus) -> tuple[str, str]:
    """Its number, and lines for people: which batch it is; how far, until when, at what cost."""
    batch = one.batch
    rows = say("batches.rows", count=f"{batch.rows:,}")
    since = say("status.since", at=at_words(batch.created_at or batch.opened_at))
    due = say("batches.due", at=at_words(batch.due_at)) if batch.due_at and batch.is_open else ""
    first = " · ".join((one.name, batch.model, rows, since))
    further = " · ".join(filter(None, (state_words(one), due, cost_words(one))))
    return str(one.number), "\n".join(filter(None, (first, further, batch.problem)))


def cost_words(one: BatchStatus) -> str:
    """What it cost, and what it may cost yet."""
    up_to = say("batches.up_to", amount=format_amounts(one.most)) if one.most else ""
    return ", ".join(filter(None, (format_amounts(one.cost), up_to)))


def at_provider_words(batches: Sequence[BatchStatus]) -> str | None:
    """How many rows are in batches that are open, and by when they are due; None without one."""
    still = [one for one in batches if one.batch.is_open]
    if not still:
        return None
    rows = f"{sum(one.figures.open for one in still):,}"
    due = max((one.batch.due_at for one in still if one.batch.due_at is not None), default=None)
    if due is None:
        return say("batches.at_provider", rows=rows)
    return say("batches.at_provider_due", rows=rows, at=at_words(due))


# --- public data ----------------------------------------------------------------------------------


def batch_record(one: BatchStatus) -> BatchRecord:
    """A provider batch as public data."""
    batch, figures = one.batch, one.figures
    word = batch.told.get("word")
    return {
        "number": one.number,
        "id": batch.remote_id,
        "state": batch.state.value,
        "cancelling": one.is_cancelling,
        "provider_state": word if isinstance(word, str) else None,
        "provider_completed": one.completed,
        "form": batch.form,
        "base_url": batch.base_url,
        "account": batch.account,
        "endpoint": batch.endpoint,
        "model": batch.model,
        "rows": {
            "total": batch.rows,
            "open": figures.open,
            "done": figures.done,
            "failed": figures.failed,
            "in_doubt": figures.in_doubt,
            "given_back": figures.given_back,
        },
        "opened_at": batch.opened_at,
        "created_at": batch.created_at,
        "due_at": batch.due_at,
        "asked_at": batch.asked_at,
        "ended_at": batch.ended_at,
        "taken_in_at": batch.taken_in_at,
        "files_removed_at": batch.removed_at,
        "problem": batch.problem,
        "costs": one.cost,
        "costs_up_to": one.most,
    }


def _amounts(nanos: Mapping[str, int]) -> dict[str, float]:
    return {currency: amount / NANO for currency, amount in nanos.items()}
