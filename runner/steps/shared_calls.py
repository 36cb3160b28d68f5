"""Learns from refusals and answers how many rows may share a call."""

import re
from collections.abc import Mapping, Sequence

from jobs.claimed import Claimed
from jobs.job import JSON, Failure
from jobs.store.queue.sharing import Sharing
from runner.endpoints.registry import ENDPOINTS, ByName

FIRST_CALL_ROWS = 256  # in a model's first calls, before the size of its answers is known
MAX_ANSWER_BYTES = 8 << 20  # aimed at, since an answer is read in memory
_LIMIT_WORDS = re.compile(
    r"batch|array|inputs?\b|items|length|larger than|at most|maximum|条|批|数组|最多|超过",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d{1,4}(?!\d)")


class CallSharing:
    """Which rows may share a call in this run."""

    def __init__(self) -> None:
        self._max_of_model: dict[tuple[str, str], int] = {}
        self._max_of_job: dict[int, int] = {}
        self.by_endpoint: Mapping[str, Sharing] = ByName(self._sharing)

    def _sharing(self, name: str) -> Sharing | None:
        rules = ENDPOINTS[name].sharing
        if rules is None:
            return None

        def max_rows(job_id: int, fields: Mapping[str, JSON]) -> int:
            model = str(fields.get("model"))
            learned = self._max_of_model.get((name, model), FIRST_CALL_ROWS)
            return min(rules.max_rows(fields), learned, self._max_of_job.get(job_id, learned))

        return Sharing(
            own=rules.own_field, most=max_rows, weigh=rules.weigh, heaviest=rules.max_weight
        )

    def answered(self, jobs: Sequence[Claimed], size: int) -> None:
        """Fit the next calls to the bytes that came for these jobs."""
        first = jobs[0]
        fitting = max(MAX_ANSWER_BYTES * len(jobs) // max(size, 1), 1)
        known = self._max_of_model.get((first.endpoint, first.model))
        limit = fitting if known is None or known >= FIRST_CALL_ROWS else min(fitting, known)
        self._max_of_model[first.endpoint, first.model] = limit

    def alone(self, jobs: Sequence[Claimed]) -> None:
        """From now on each of these jobs has a call of its own."""
        self._max_of_job.update((job.id, 1) for job in jobs)

    def never(self, job: Claimed) -> None:
        """From now on no rows of this job's model share a call."""
        self._max_of_model[job.endpoint, job.model] = 1

    def refused(self, jobs: Sequence[Claimed], failure: Failure | None) -> None:
        """From now on halves share a call, or as many as the refusal names as its limit."""
        first, half = jobs[0], max(len(jobs) // 2, 1)
        allowed = _allowed(failure.detail if failure else "", len(jobs))
        if allowed is not None:
            self._max_of_model[first.endpoint, first.model] = allowed
        else:
            self._max_of_job.update((job.id, half) for job in jobs)


def _allowed(words: str, tried: int) -> int | None:
    """The number of rows that a refusal names as its limit, if it names one."""
    if not _LIMIT_WORDS.search(words):
        return None
    numbers = [int(found) for found in _NUMBER.findall(words)]
    return max((number for number in numbers if 1 <= number < tried), default=None)
