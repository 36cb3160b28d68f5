"""Facts of a run in words that several views use: money, and how a run ended."""

from jobs.store.readings import Spent
from runner.catalogue import say

_HOW: dict[int | None, str] = {
    0: "status.how_done",
    4: "status.how_some_failed",
    5: "status.how_stopped",
    6: "status.how_provider",
    7: "status.how_output",
    130: "status.how_interrupted",
    143: "status.how_terminated",
}


def how_words(exit_code: int | None) -> str:
    """How a run ended, as the end of a sentence."""
    return say(_HOW.get(exit_code, "status.how_else"))


def is_complete(used: Spent) -> bool:
    """Is the cost all that was spent, and not a lower bound?"""
    return used.cost is not None and not used.unpriced_calls and not used.unknown_calls


def money_words(used: Spent) -> str:
    """The cost for a person; "at least" where some calls have no price."""
    if used.cost is None:
        return say("status.unknown")
    amount = f"{amount_words(used.cost)} {used.currency or ''}".rstrip()
    return amount if is_complete(used) else say("status.at_least", amount=amount)


def amount_words(amount: float) -> str:
    """Money with two digits after the point, four where two would hide it."""
    text = f"{amount:,.4f}"
    return text.removesuffix("00")
