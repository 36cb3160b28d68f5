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
REPLAY_HEADERS = ("idempotency-replayed", "idempotent-replayed")


def honoured_at(base_url: str, events: Iterable[Mapping[str, JSON]]) -> bool:
    """True if what was last seen at this site is that keys are honoured."""
    seen = [one.get("honoured") is True for one in events if one.get("site") == site(base_url)]
    return bool(seen) and seen[-1]


async def watch_key(job: Claimed, reply: Reply, state: RunState, writer: TableWriter) -> None:
    """Learn from an answer, and write down what is new.

    Only a header says that an answer was replayed. A repeat of a call in doubt that is answered
    without it was done anew: then no repeat is safe there.
    """
    replayed = any(reply.headers.get(name, "").lower() == "true" for name in REPLAY_HEADERS)
    anew = job.repeats > 0 and not job.stream and reply.status < 300 and not replayed
    if replayed == state.honours_keys or not (replayed or anew):
        return
    state.honours_keys = replayed
    await writer.note(KIND, {"site": site(state.base_url), "honoured": replayed})
