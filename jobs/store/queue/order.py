"""The order in which ready jobs are claimed, as one number."""

from jobs.job import Step

SHEET_RANK = 0
REPEAT_RANK = 1  # repeats in doubt go after all other rows
LAST_RANK = 2  # one more pass for failures that may have passed

AFTER_ALL = 1e12  # never comes: what waits for it is claimed when nothing else is left
FOR_BATCH = 2e12  # nor does this: the row waits for a provider batch, or for its answer in one
GIVEN_BACK = 3e12  # nor this: a batch did not buy the row, or cannot; it waits for a person's word

RANK_SPAN = float(1 << 40)  # far above any row number
BEHIND = RANK_SPAN / 2  # where, in a rank, jobs that were told to slow down queue up


def turn_of(
    step: Step,
    *,
    rank: int = SHEET_RANK,
    position: int,
    expires: float | None = None,
    now: float = 0.0,
) -> float:
    """Files are ordered by earliest expiry, everything else by rank, then row.

    An address that names no expiry is assumed to last an hour, as OpenAI's do.
    """
    if step is Step.FETCH:
        return expires if expires is not None else now + 3600
    return rank * RANK_SPAN + position
