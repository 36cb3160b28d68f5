"""Tells refusals by chance from those of a limit."""

import math

LEAST = 2  # refusals far below a pace that held; as they fade, the third one is believed
MOST_SHARE = 0.12  # of the calls: who is refused more often is not refused by chance
LEAST_SHARE = 0.005  # of the calls: less costs no more than a limit does
KEPT_IN_MIND = 4000.0  # calls
MARGIN = 0.01  # beyond the share that chance may have at most
FULL = 6.0  # refusals in the bucket show a limit, at up to a call a second …
FULLER = 2.0  # … and so many more at e times the pace: chance has so much oftener the chance
UNTOLD = 1.5  # times as many pass before the bucket is full


class RandomRefusals:
    """The share of calls that an account refuses whatever the pace.

    A limit's refusals go away when the pace falls; those of chance stay. So what is refused far
    below a pace that was refused before is chance. Once its share is known, each refusal puts one
    into a bucket, and each call takes a little more than chance's share out of it. As long as the
    bucket is not full, refusals are chance.
    """

    def __init__(self) -> None:
        self._calls = 0.0
        self._refusals = 0.0
        self._level = 0.0
        self._full = FULL

    @property
    def known(self) -> bool:
        """Are there refusals by chance?"""
        least, most = LEAST_SHARE * self._calls, MOST_SHARE * self._calls
        return self._refusals >= LEAST and least <= self._refusals <= most

    @property
    def allowed(self) -> float:
        """The share of the calls that chance may refuse, as far as can be told."""
        most = self._refusals + math.sqrt(self._refusals) + 1
        return min(most / max(self._calls, 1.0), MOST_SHARE) + MARGIN

    @property
    def cost(self) -> int:
        """Refusals by a limit that pass for chance until it is told, beside the last one."""
        return int(UNTOLD * self._full) if self.known else 0

    def started(self, number: int, *, below: bool) -> None:
        """So many calls start; `below`: at a pace at which no limit refuses."""
        self._level = max(self._level - number * self.allowed, 0.0)
        if below:
            fading = (1 - 1 / KEPT_IN_MIND) ** number
            self._calls = self._calls * fading + number
            self._refusals *= fading

    def refused(self, *, below: bool, minute: float) -> bool:
        """A call was refused, of so many in a minute; is that chance?"""
        self._refusals += below
        if not self.known:
            return False
        self._level += 1
        self._full = FULL + FULLER * max(math.log(max(minute, 1.0) / 60), 0.0)
        if self._level <= self._full:
            return True
        self._refusals = max(self._refusals - below * self._level, LEAST)
        self._level = 0.0
        return False
