"""Whether a provider honours Idempotency-Keys: seen in its answers, and kept in the table."""

from collections.abc import Iterable, Mapping

from jobs.claimed import Claimed
from jobs.job import JSON
from jobs.store.writer import TableWriter
from runner.protocol.call import Reply
from runner.settings.values import site
from runner.steps.context import RunState

KIND = "idempotency"
"""The kind of event; its data say the site, and whether the key was honoured there."""
REPLAY_HEADERS = frozenset({"idempotency-replayed", "idempotent-replayed"})


def honoured_at(base_url: str, events: Iterable[Mapping[str, JSON]]) -> bool:
    """True if what was last seen at this site is that keys are honoured."""
    seen = [one.get("honoured") is True for one in events if one.get("site") == site(base_url)]
    return bool(seen) and seen[-1]


def was_replayed(reply: Reply) -> bool:
    """True if the answer is an earlier one; only a header says so."""
    if REPLAY_HEADERS.isdisjoint(reply.headers):  # nearly every answer
        return False
    return any(reply.headers.get(name, "").lower() == "true" for name in REPLAY_HEADERS)


def tells_of_keys(job: Claimed, reply: Reply, state: RunState) -> bool:
    """True if this answer shows whether keys are honoured, and that is new.

    A repeat of a call in doubt that is answered without being replayed was done anew: then no
    repeat is safe there.
    """
    replayed = was_replayed(reply)
    if replayed == state.honours_keys:
        return False
    return replayed or (job.repeats > 0 and not job.stream and reply.status < 300)


async def learn_of_keys(reply: Reply, state: RunState, writer: TableWriter) -> None:
    """Take in what an answer tells of keys, and write it down."""
    replayed = was_replayed(reply)
    state.honours_keys = replayed
    await writer.note(KIND, {"site": site(state.base_url), "honoured": replayed})
