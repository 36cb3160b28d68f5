"""Finds the answer in a delivery that broke off after everything that was asked for had come."""

from collections.abc import Sequence

from runner.endpoints.endpoint import Rejected
from runner.protocol.call import Lost, Reply
from runner.protocol.sse import looks_like_events
from runner.protocol.verdict import Action, classify
from runner.steps.resolution import JobContext
from runner.steps.resolve import DOUBTFUL_CAUSES, readings


def salvaged(contexts: Sequence[JobContext], lost: Lost) -> Reply | None:
    """The reply, if what came of an event stream is whole as its endpoint reads it.

    The client already takes for whole what any endpoint would; only the endpoint knows that a
    finish reason ends its stream, or that all pictures are there.
    """
    if lost.status is None or lost.status >= 300 or not looks_like_events(lost.body):
        return None
    reply = Reply(status=lost.status, headers=lost.headers, body=lost.body, seconds=lost.seconds)
    if classify(reply).action is not Action.READ:
        return reply  # an event that is an error, whole
    found = readings(contexts, reply)
    if any(isinstance(one, Rejected) and one.failure.cause in DOUBTFUL_CAUSES for one in found):
        return None
    return reply
