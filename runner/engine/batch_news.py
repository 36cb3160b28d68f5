"""What a run tells about its provider batches."""

import time

from jobs.job import Failure
from jobs.store.provider_batches.batch import BatchState, ProviderBatch
from runner.catalogue import say

OUR_REASONS = frozenset(
    {"batch_cancelled", "lines_gone", "creation_lost", "batch_missing", "refused"}
)


def news_of(before: ProviderBatch, batch: ProviderBatch, failure: Failure | None) -> str | None:
    """What is new about a batch since then, in a sentence; None if nothing is."""
    if batch.state is before.state:
        return None
    words = {"rows": f"{batch.rows:,}", "model": batch.model, "id": batch.remote_id or "-"}
    match batch.state:
        case BatchState.CREATED:
            return say("batch.created", due=_clock(batch.due_at), **words)
        case BatchState.TAKEN_IN if before.state is BatchState.ENDED:
            return say("batch.taken_in", **words)
        case BatchState.TAKEN_IN:
            return say("batch.refused", reason=_reason(failure, batch), **words)
        case BatchState.HELD:
            return say("batch.held", reason=_reason(failure, batch), **words)
        case _:
            return None


def _clock(moment: float | None) -> str:
    """A time of day, with its date unless it is today."""
    if moment is None:
        return "-"
    local, today = time.localtime(moment), time.localtime()
    is_today = (local.tm_year, local.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M", local)


def _reason(failure: Failure | None, batch: ProviderBatch) -> str:
    """Why a batch brought nothing: in the provider's words, or in ours."""
    cause = failure.cause if failure is not None else batch.problem or ""
    if failure is not None and failure.detail:
        return failure.detail
    return say(f"batch.why_{cause}") if cause in OUR_REASONS else cause
