"""Recognises a refusal that is alike for all rows, whatever its words are."""

import re
from dataclasses import dataclass, field

from jobs.claimed import Claimed
from jobs.job import Failure, FailureClass, Step
from jobs.outcome import GiveUp, Outcome, Released, TryAgain

MAX_ALIKE_ROWS = 10  # refused alike, with nothing good before, and the run (or model) stops
MIN_SUSPICIOUS_ROWS = 2  # refused alike: from here on fewer calls go at once
NO_LIMIT = 1_000_000  # calls: more than are ever in flight
MAX_KEY_ROWS = 5  # the same for a refused key: that is never a row's fault
MAX_KEY_REFUSALS = 10  # of any number of rows

CONTENT_CAUSES = frozenset(
    {
        "moderation",
        "banned_word",
        "unfit",
        "too_long",
        "too_large",
        "above_limit",
        "picture_unreachable",
        "image_field",
        "no_picture",
        "refusal",
    }
)
"""Causes known to be about a row's content: they prove nothing about other rows."""

FIREWALL_PAGE = "blocked_page"
"""The cause of a web firewall's page. Its row waits, and yet it may meet all rows."""
NO_CHANNEL = "no_channel"
"""The cause of a gateway that has no way to the model now. It is tried again, and may meet all."""
_NUMBERS_AND_IDS = re.compile(r"[\w-]*\d[\w-]*")
_MIN_QUOTED = 4  # characters of a row that a refusal may quote; shorter ones are words of its own
_MAX_COMPARED = 40  # a longer text may be quoted in part


def fingerprint(failure: Failure, job: Claimed) -> tuple[object, ...]:
    """What makes two refusals alike: status, kind, cause and words without ids, numbers and the
    row's own text.
    """
    words = failure.detail.lower()
    for value in job.fields.values():
        own = " ".join(value.lower().split()) if isinstance(value, str) else ""
        if len(own) >= _MIN_QUOTED and own != job.model.lower():
            words = words.replace(own, "#").partition(own[:_MAX_COMPARED])[0]
    words = " ".join(_NUMBERS_AND_IDS.sub("#", words).split())
    return failure.status, failure.kind, failure.cause, words


def is_about_all(job: Claimed, outcome: Outcome) -> bool:
    """True for a refused call that may be refused whatever its row is."""
    failure = outcome.failure
    if failure is None or job.step is not Step.SEND or failure.cause in CONTENT_CAUSES:
        return False
    if failure.kind is FailureClass.KEY:
        return isinstance(outcome, Released | TryAgain | GiveUp)
    if failure.cause == FIREWALL_PAGE:
        return isinstance(outcome, Released | GiveUp)
    if failure.cause == NO_CHANNEL:
        return isinstance(outcome, TryAgain | GiveUp)
    if failure.kind in (FailureClass.REFUSED, FailureClass.BAD_INPUT):
        return isinstance(outcome, GiveUp)
    told_under_success = failure.status is not None and 200 <= failure.status < 300
    is_servers = failure.kind is FailureClass.SERVER and isinstance(outcome, TryAgain | GiveUp)
    return is_servers and told_under_success and bool(failure.detail)


@dataclass(slots=True)
class _Group:
    """Refusals that are alike."""

    rows: dict[int, str] = field(default_factory=dict)  # model, by job
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlikeRows:
    """Enough rows were refused alike; `model` is None where that concerns more than one model."""

    failure: Failure
    jobs: tuple[int, ...]
    model: str | None


class AlikeRefusals:
    """Counts refusals that are alike, as long as nothing good came."""

    def __init__(self) -> None:
        self.anything_good = False
        self._good_models: set[str] = set()
        self._groups: dict[tuple[object, ...], _Group] = {}

    def room(self) -> int:
        """How many more calls may be in flight until enough rows can have been refused."""
        if self.anything_good or not self._groups:
            return NO_LIMIT
        counts = [len(group.rows) for group in self._groups.values()]
        most = max((count for count in counts if count >= MIN_SUSPICIOUS_ROWS), default=0)
        return max(MAX_ALIKE_ROWS - most, 1) if most else NO_LIMIT

    def good(self, model: str) -> None:
        """A usable answer came: refusals of this model are its rows' own from now on."""
        self.anything_good = True
        self._good_models.add(model)

    def refused(self, job: Claimed, outcome: Outcome) -> AlikeRows | None:
        """Count a refusal; returns the rows once there are enough of them."""
        failure = outcome.failure
        if failure is None or job.model in self._good_models or not is_about_all(job, outcome):
            return None
        is_key = failure.kind is FailureClass.KEY
        if is_key and self.anything_good:
            return None  # the key was accepted before: it is the gateway's own channel
        group = self._groups.setdefault(fingerprint(failure, job), _Group())
        group.rows[job.id] = job.model
        group.count += 1
        rows = group.rows
        if self.anything_good:
            rows = {one: model for one, model in rows.items() if model == job.model}
        enough = len(rows) >= (MAX_KEY_ROWS if is_key else MAX_ALIKE_ROWS)
        if not enough and not (is_key and group.count >= MAX_KEY_REFUSALS):
            return None
        models = set(rows.values())
        model = job.model if len(models) == 1 else None
        return AlikeRows(failure=failure, jobs=tuple(rows), model=model)
