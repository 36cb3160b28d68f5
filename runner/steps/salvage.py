"""Finds the answer in a delivery that broke off after everything that was asked for had come."""

from collections.abc import Sequence

from jobs.result import Result
from runner.endpoints.endpoint import Reading, Rejected
from runner.protocol.call import Lost, Reply
from runner.protocol.refusals import Action
from runner.protocol.sse import looks_like_events
from runner.protocol.verdict import classify
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
    found = zip(contexts, readings(contexts, reply), strict=True)
    return reply if all(_is_all(context, reading) for context, reading in found) else None


def _is_all(context: JobContext, reading: Reading) -> bool:
    """True if nothing that was asked for may still have been on its way."""
    if isinstance(reading, Rejected):
        return reading.failure.cause not in DOUBTFUL_CAUSES
    if not isinstance(reading, Result):
        return True
    if reading.text is not None and reading.finish is None:
        return False  # pictures within a text: another one may have followed
    texts = reading.data.get("texts")
    came = len(reading.pictures) or (len(texts) if isinstance(texts, list) else 1)
    return came >= (getattr(context.inputs, "n", None) or 1)
