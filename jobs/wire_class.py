"""How calls end on the wire."""

from enum import StrEnum


class WireClass(StrEnum):
    """How a call ended on the wire, which says whether it was billed. The letters are stored."""

    NOT_SENT = "A"  # no byte of the request left: free
    REFUSED = "B"  # a complete answer that says no before any work was done: free
    ANSWERED = "C"  # the thing that was asked for: paid
    IN_DOUBT = "D"  # cut off after the request left: it may have been billed
    UNUSABLE = "E"  # a complete, paid answer without the thing that was asked for


FREE_CLASSES = frozenset({WireClass.NOT_SENT, WireClass.REFUSED})
PAID_CLASSES = frozenset({WireClass.ANSWERED, WireClass.UNUSABLE})
