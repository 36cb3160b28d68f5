"""Words for why something failed: our obstacles and the system's errors."""

from jobs.errors import ObstacleError
from runner.catalogue import say
from runner.catalogue.phrases import phrase


def reason(error: Exception) -> str:
    """The error as part of a sentence. Unknown English texts stay as they are."""
    if isinstance(error, ObstacleError):
        return _sentence(error)
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return phrase(words)


def _sentence(error: ObstacleError) -> str:
    values = {
        name: reason(value) if isinstance(value, Exception) else value
        for name, value in error.values.items()
    }
    if isinstance(error.values.get("reason"), str):
        values["reason"] = phrase(str(error.values["reason"]))
    return say(f"obstacle.{error.kind}", **values)
