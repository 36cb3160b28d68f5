"""What this host does when another host of its run has found something out."""

from jobs.job import Failure
from runner.engine.alike import AlikeRefusals
from runner.engine.key_check import KeyCheck
from runner.engine.outage import Outage
from runner.engine.run_control import RunHandle
from runner.engine.stop import Stop, StopReason
from runner.pacing.accounts import Accounts


class FoundElsewhere:
    """Goes by what others found, as far as it can be so here too."""

    def __init__(
        self,
        outage: Outage,
        alike: AlikeRefusals,
        keys: KeyCheck,
        accounts: Accounts,
        run: RunHandle,
    ) -> None:
        self._outage = outage
        self._alike = alike
        self._keys = keys
        self._accounts = accounts
        self._run = run

    @property
    def provider_is_away(self) -> bool:
        """True in an outage: it is not known who answers then."""
        return self._outage.is_open

    @property
    def outage_ended_at(self) -> float:
        """When the last outage ended (Unix seconds): answers from before it count no more."""
        return self._outage.ended_at

    def away(self, failure: Failure, *, at: float) -> None:
        """The provider was away from another host at that time (Unix seconds): look at once."""
        if at > self._outage.ended_at:
            self._outage.suspected(failure)

    def good(self) -> None:
        """A call was answered as it should be: the address is right."""
        self._alike.anything_good = True
        self._outage.answered()

    def key_refused(self, mark: str) -> None:
        """A key is used no more; without another one this host stops."""
        for line in self._accounts.lines_marked(mark):
            if not self._keys.drop(line, "key", told=True):
                self._run.halt(Stop(reason=StopReason.KEY))
