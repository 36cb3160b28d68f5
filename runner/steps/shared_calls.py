"""How many rows may share a call, and what a run learns about it from refusals and answers."""

import re
from collections.abc import Mapping, Sequence

from jobs.job import JSON, Claimed, Failure
from jobs.store.queue.sharing import Sharing
from runner.endpoints.registry import ENDPOINTS, ByName

FIRST = 256  # rows in a model's first calls, before it is known how long its answers are
LONGEST = 8 << 20  # bytes of one answer, as far as that can be chosen: it is read in memory
_LIMIT = re.compile(
    r"batch|array|inputs?\b|items|length|larger than|at most|maximum|条|批|数组|最多|超过",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d{1,4}(?!\d)")


class CallSharing:
    """Who may share a call in this run."""

    def __init__(self) -> None:
        self._of_model: dict[tuple[str, str], int] = {}
        self._of_job: dict[int, int] = {}
        self.sharing: Mapping[str, Sharing] = ByName(self._sharing)

    def _sharing(self, name: str) -> Sharing | None:
        together = ENDPOINTS[name].together
        if together is None:
            return None

        def most(job_id: int, fields: Mapping[str, JSON]) -> int:
            learned = self._of_model.get((name, str(fields.get("model"))), FIRST)
            return min(together.most(fields), learned, self._of_job.get(job_id, learned))

        return Sharing(
            own=together.own, most=most, weigh=together.weigh, heaviest=together.heaviest
        )

    def answered(self, jobs: Sequence[Claimed], size: int) -> None:
        """So many bytes came for these; the next calls are cut by that."""
        first = jobs[0]
        fitting = max(LONGEST * len(jobs) // max(size, 1), 1)
        known = self._of_model.get((first.endpoint, first.model))
        limit = fitting if known is None or known >= FIRST else min(fitting, known)
        self._of_model[first.endpoint, first.model] = limit

    def refused(self, jobs: Sequence[Claimed], failure: Failure | None) -> None:
        """Halves may share from now on, or as many as the refusal says are allowed."""
        first, half = jobs[0], max(len(jobs) // 2, 1)
        allowed = _allowed(failure.detail if failure else "", len(jobs))
        if allowed is not None:
            self._of_model[first.endpoint, first.model] = allowed
        else:
            self._of_job.update((job.id, half) for job in jobs)


def _allowed(words: str, tried: int) -> int | None:
    """The number of rows that a refusal names as its limit."""
    if not _LIMIT.search(words):
        return None
    numbers = [int(found) for found in _NUMBER.findall(words)]
    return max((number for number in numbers if 1 <= number < tried), default=None)
