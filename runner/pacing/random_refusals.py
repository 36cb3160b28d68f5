"""Tells random refusals from those of a limit."""

import math

MIN_REFUSALS = 2  # refusals far below a pace that held; as they fade, the third one is believed
MAX_SHARE = 0.12  # of the calls: who is refused more often is not refused by chance
MIN_SHARE = 0.005  # of the calls: less costs no more than a limit does
REMEMBERED_CALLS = 4000.0  # calls
SHARE_MARGIN = 0.01  # beyond the share that chance may have at most
BUCKET_REFUSALS = 6.0  # refusals in the bucket show a limit, at up to a call a second …
BUCKET_GROWTH = 2.0  # … and so many more at e times the pace: chance has so much oftener the chance
UNTOLD_FACTOR = 1.5  # times as many pass before the bucket is full


class RandomRefusals:
    """The share of calls that an account refuses whatever the pace.

    Refusals of a limit go away when the pace falls; random ones stay. So a refusal far below a
    pace that was refused before is random. Once their share is known, each refusal puts one into
    a bucket, and each call takes a little more than that share out of it. As long as the bucket
    is not full, refusals count as random.
    """

    def __init__(self) -> None:
        self._calls = 0.0
        self._refusals = 0.0
        self._level = 0.0
        self._full = BUCKET_REFUSALS

    @property
    def known(self) -> bool:
        """True if this account refuses at random."""
        least, most = MIN_SHARE * self._calls, MAX_SHARE * self._calls
        return self._refusals >= MIN_REFUSALS and least <= self._refusals <= most

    @property
    def allowed(self) -> float:
        """The largest share of the calls that may be refused at random, as far as is known."""
        most = self._refusals + math.sqrt(self._refusals) + 1
        return min(most / max(self._calls, 1.0), MAX_SHARE) + SHARE_MARGIN

    @property
    def cost(self) -> int:
        """Refusals of a limit that pass for random before it is recognised, beside the last one."""
        return int(UNTOLD_FACTOR * self._full) if self.known else 0

    def started(self, number: int, *, below: bool) -> None:
        """So many calls start; `below`: at a pace at which no limit refuses."""
        self._level = max(self._level - number * self.allowed, 0.0)
        if below:
            fading = (1 - 1 / REMEMBERED_CALLS) ** number
            self._calls = self._calls * fading + number
            self._refusals *= fading

    def refused(self, *, below: bool, minute: float) -> bool:
        """A call was refused, of so many in a minute. True if that was random."""
        self._refusals += below
        if not self.known:
            return False
        self._level += 1
        self._full = BUCKET_REFUSALS + BUCKET_GROWTH * max(math.log(max(minute, 1.0) / 60), 0.0)
        if self._level <= self._full:
            return True
        self._refusals = max(self._refusals - below * self._level, MIN_REFUSALS)
        self._level = 0.0
        return False
