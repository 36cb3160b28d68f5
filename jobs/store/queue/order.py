"""The order in which ready jobs are taken, as one number."""

from jobs.job import Step

SHEET_RANK = 0
REPEAT_RANK = 1  # repeats in doubt come after all other rows
LAST_RANK = 2  # one more pass for what failed in passing

AFTER_ALL = 1e12  # a time that never comes: what waits for it is taken when nothing else is left

RANK_SPAN = float(1 << 40)  # far above any row number
BEHIND = RANK_SPAN / 2  # in a rank: where the jobs queue up that were told to slow down


def turn_of(
    step: Step,
    *,
    rank: int = SHEET_RANK,
    position: int,
    expires: float | None = None,
    now: float = 0.0,
) -> float:
    """Files go by earliest expiry, all else by rank, then row.

    A file's address that names no expiry is taken to last for an hour: OpenAI's do.
    """
    if step is Step.FETCH:
        return expires if expires is not None else now + 3600
    return rank * RANK_SPAN + position
