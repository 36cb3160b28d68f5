"""Answers that a service works on unwatched: bought so only where they can be asked after."""

import logging

from jobs.claimed import Claimed
from jobs.job import JSON
from runner.pacing.accounts import Accounts
from runner.protocol.call import Call, Reply
from runner.protocol.errors import error_of
from runner.steps.context import RunState

PROBE_PATH = "/v1/responses/resp_0"
"""Nobody's answer: asking after it is free, and tells whether the path is known."""
PROBE_SECONDS = 30.0
_UNROUTED = ("invalid url", "not found", "method not allowed", "no route")

log = logging.getLogger(__name__)


async def background_fields(job: Claimed, state: RunState, accounts: Accounts) -> dict[str, JSON]:
    """The field that takes a background row back to the usual way, where answers cannot be fetched.

    Protocol fact: New API routes POST only, so what is worked on there is lost.
    """
    if not job.fields.get("background"):
        return {}
    if state.answers_can_be_fetched is None:
        probe = Call(path=PROBE_PATH, method="GET", timeout=PROBE_SECONDS)
        found = await accounts.ask(probe, job.call_id)
        state.answers_can_be_fetched = _knows_path(found) if isinstance(found, Reply) else None
        if state.answers_can_be_fetched is False:
            log.warning("answers cannot be fetched here; rows with background run as usual")
    return {} if state.answers_can_be_fetched else {"background": False}


def _knows_path(reply: Reply) -> bool:
    """True if the service looked for an answer of that name."""
    if reply.status == 200:
        return False  # a console's page: nobody has this answer
    error = error_of(reply)
    words = error.message.lower()
    named = "resp_0" in words and "invalid url" not in words
    return reply.status in (400, 404) and (named or not words.startswith(_UNROUTED))
