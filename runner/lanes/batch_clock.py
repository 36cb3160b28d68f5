"""When a provider batch is asked after, and how long one waits before trying again."""

ASK_FIRST = 2.0  # seconds after its creation
ASK_RARELY = 300.0
SHARE_OF_AGE = 0.1  # a batch of an hour is asked after every six minutes, at most …
LOOK_AFTER = 10.0  # seconds before a listing shows a batch whose creation was not answered
ANOTHER_FIRST = 2.0  # before it is looked again whether another creation has been cleared up
MISSING_FOR = 3_600.0  # for which a provider may deny a batch before its rows are in doubt
CANCELLING = 5.0  # between two questions after a batch that is being cancelled
QUEUE_WAIT = 300.0  # before more is packed for a model whose queue at the provider is full
LONGEST_RETRY = 300.0
LONGEST_WAIT = 86_400.0  # that a provider may ask for


def is_due(ask_at: float | None, now: float) -> bool:
    """True if it is time, or the wait is longer than any real one: the clock was set back."""
    return ask_at is None or ask_at <= now or ask_at > now + LONGEST_WAIT


def next_question(age: float) -> float:
    """In how many seconds to ask again after a batch of this age (seconds)."""
    return min(max(age * SHARE_OF_AGE, ASK_FIRST), ASK_RARELY)


def next_try(failures: int) -> float:
    """In how many seconds to try again after so many failures in a row."""
    return float(min(2.0 ** min(failures, 10), LONGEST_RETRY))
