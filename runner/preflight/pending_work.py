"""The rows that a run is going to send, as the table has them before it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from jobs.store import Transaction
from jobs.store.queries.pace import recent_seconds
from jobs.store.queries.paid_samples import PaidSample, paid_samples
from jobs.store.queries.spending import (
    Committed,
    RequestGroup,
    committed,
    mean_costs,
    mean_file_size,
    to_send,
)
from jobs.store.queue.choices import select_jobs
from runner.protocol.lane_rule import BATCH
from runner.settings.settings import Settings
from runner.workspace.workspace import SHEET_ID

NO_RUN = -1  # stands for a run's id while rows are only counted


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCalls:
    """What earlier calls of this sheet show; empty for a new one."""

    costs: Mapping[tuple[str, str], tuple[float, int]] = field(default_factory=dict)
    seconds: Sequence[float] = ()
    file_size: float | None = None
    samples: Sequence[PaidSample] = ()  # read for batches only


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingWork:
    """The rows to be sent, and what is known of such rows; read in one transaction."""

    groups: tuple[RequestGroup, ...]
    past: PastCalls
    committed: Committed

    def calls(self, limit: int | None) -> int:
        """How many rows will be sent, at most `limit`."""
        rows = sum(group.rows for group in self.groups)
        return rows if limit is None else min(rows, limit)


def read_pending_work(
    tx: Transaction, settings: Settings, jobs: Collection[int] | None = None
) -> PendingWork:
    """Read what the forecast needs: of these jobs only, where they are named."""
    return PendingWork(
        groups=tuple(_groups(tx, settings, jobs)),
        past=PastCalls(
            costs=mean_costs(tx, SHEET_ID),
            seconds=recent_seconds(tx, SHEET_ID),
            file_size=mean_file_size(tx, SHEET_ID),
            samples=samples_for(tx, settings),
        ),
        committed=committed(tx, SHEET_ID),
    )


def samples_for(tx: Transaction, settings: Settings) -> Sequence[PaidSample]:
    """Earlier online calls, where they are compared with batches."""
    return paid_samples(tx, SHEET_ID) if settings.lane == BATCH else ()


def _groups(
    tx: Transaction, settings: Settings, jobs: Collection[int] | None
) -> Sequence[RequestGroup]:
    if jobs is None:
        return to_send(tx, SHEET_ID, positions=settings.rows)
    with tx.begin_nested() as trial:
        select_jobs(tx, SHEET_ID, jobs, run_id=NO_RUN)
        found = to_send(tx, SHEET_ID, selection=NO_RUN)
        trial.rollback()
    return found
