"""The values that a decision about a delivery takes and returns."""

from dataclasses import dataclass
from enum import StrEnum

from jobs.claimed import Claimed
from jobs.outcome import Outcome, WireClass
from runner.endpoints.endpoint import AnyEndpoint
from runner.pacing.backoff import NO_WAIT, Wait, retry_after
from runner.protocol.call import Reply


class Signal(StrEnum):
    """What a step tells the run beyond its own row."""

    GOOD = "good"  # a usable paid answer
    USELESS = "useless"  # a paid answer with nothing usable
    SLOW_DOWN = "slow_down"
    OFFLINE = "offline"  # nothing could be sent
    KEY = "key"
    CREDIT = "credit"
    MODEL = "model"
    LANE = "lane"  # the calls of a slow lane are cut again and again
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a decision depends on besides the job and the delivery; time and chance included."""

    attempts: int = 5
    hold_in_doubt: bool = False
    repeat_left: bool = True  # this run may still repeat calls in doubt
    key_good: bool = False  # a probe has just shown that the key itself is accepted
    answered: bool = False  # this run has had a good answer: the address is right
    chance: float = 0.5
    now: float = 0.0
    honours_keys: bool = False  # a repeat under the same Idempotency-Key is not billed again
    base_url: str = ""  # of the gateway, for addresses that it gives relative to itself


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """A job at one step, with everything but the delivery that its decision depends on.

    `inputs` are the endpoint's own, parsed from the job's fields.
    """

    job: Claimed
    endpoint: AnyEndpoint
    rules: Rules
    inputs: object = None

    def server_wait(self, reply: Reply) -> float | None:
        """Seconds that the server asks us to wait, or None if it does not say."""
        return retry_after(reply.headers, status=reply.status, now=self.rules.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """A job's outcome, its call's wire class, and what the run should know."""

    outcome: Outcome
    wire: WireClass
    signal: Signal = Signal.NONE
    wait: Wait = NO_WAIT  # after a "slow down"
    refunded: bool = False  # the submit of this task is not charged after all
