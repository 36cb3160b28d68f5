"""Why and how a run stops: reasons, exit codes, the user's stop rule, and the words for it."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from jobs.job import JSON
from runner.catalogue import say
from runner.catalogue.money import format_amount
from runner.exits import Exit, worst
from runner.prices.spending_cap import CapReached, SpendingCap
from runner.workspace.disk_reserve import DiskReserve


class StopReason(StrEnum):
    """Why a run ends before all its rows are finished. The values are public: JSON shows them."""

    KEY = "key"  # the provider does not accept the key
    CREDIT = "credit"  # there is no money left at the provider
    LANE = "lane"  # the calls of a slow lane are cut again and again
    ALIKE = "alike"  # the provider refused the first rows in the same words
    UNREACHABLE = "unreachable"  # the address has never answered
    OFFLINE = "offline"  # no usable answer for longer than `max_wait`
    BUDGET = "budget"  # the next call does not fit under `--max-cost`
    UNTIL = "until"  # the time of `--until` has come
    RULE = "rule"  # the user's `stop_if`
    PILOT = "pilot"  # the pilot failed, or the user declined to go on
    INTERRUPTED = "interrupted"  # Ctrl-C
    TERMINATED = "terminated"  # SIGTERM
    DISK = "disk"  # the disk cannot keep more answers
    REPLACED = "replaced"  # another file took the place of the table
    BROKEN = "broken"  # the table cannot be written


STOP_CODES: Mapping[StopReason, Exit] = {
    StopReason.KEY: Exit.PROVIDER,
    StopReason.CREDIT: Exit.PROVIDER,
    StopReason.LANE: Exit.PROVIDER,
    StopReason.ALIKE: Exit.PROVIDER,
    StopReason.UNREACHABLE: Exit.PROVIDER,
    StopReason.OFFLINE: Exit.PROVIDER,
    StopReason.BUDGET: Exit.STOPPED,
    StopReason.UNTIL: Exit.STOPPED,
    StopReason.RULE: Exit.STOPPED,
    StopReason.PILOT: Exit.STOPPED,
    StopReason.INTERRUPTED: Exit.INTERRUPTED,
    StopReason.TERMINATED: Exit.TERMINATED,
    StopReason.DISK: Exit.OUTPUT,
    StopReason.REPLACED: Exit.OUTPUT,
    StopReason.BROKEN: Exit.OUTPUT,
}
"""The exit code of each reason."""

RUN_STOPS = frozenset(
    {
        *(
            StopReason.CREDIT,
            StopReason.LANE,
            StopReason.ALIKE,
            StopReason.UNREACHABLE,
            StopReason.OFFLINE,
        ),
        *(StopReason.BUDGET, StopReason.UNTIL, StopReason.RULE, StopReason.PILOT),
    }
)
"""Reasons that stop all hosts of a run; any other stops the one that has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The decision to stop a run."""

    reason: StopReason
    detail: str = ""  # the provider's or the system's own words
    needs: float | None = None  # what the next call may cost, where no money was left for it

    def told(self) -> dict[str, JSON]:
        """As an event that the other hosts of the run read."""
        return {"reason": self.reason.value, "detail": self.detail, "needs": self.needs}

    @classmethod
    def heard(cls, data: Mapping[str, JSON]) -> "Stop | None":
        """The stop that another host told of; None if these are not the words of one."""
        reason, needs = data.get("reason"), data.get("needs")
        if reason not in {one.value for one in RUN_STOPS}:
            return None
        return cls(
            reason=StopReason(str(reason)),
            detail=str(data.get("detail", "")),
            needs=float(needs) if isinstance(needs, int | float) else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How a run behaves as a whole."""

    chosen_only: bool = False  # takes only the rows that this run has selected
    files_only: bool = False  # only downloads files of answers that are already there
    max_wait: float | None = None  # seconds without a usable answer before the run stops
    host: str = ""  # of the provider, as messages name it
    answered_before: bool = True  # an earlier run of this workspace had an answer from there
    failed_share: "FailedShare | None" = None  # the user's `stop_if`
    shared: bool = False  # other hosts are at work on the same run
    reserve: DiskReserve
    cap: SpendingCap


class FailedShare:
    """The user's rule `failed>20%/50`: of the last 50 finished rows more than 20 % failed."""

    def __init__(self, percent: float, window: int) -> None:
        self._percent = percent
        self._failed: deque[bool] = deque(maxlen=window)

    def ended(self, *, failed: bool) -> bool:
        """Count one more finished row. True if it is time to stop."""
        self._failed.append(failed)
        full = len(self._failed) == self._failed.maxlen
        return full and 100 * sum(self._failed) > self._percent * len(self._failed)


def exit_code(stop: Stop | None, *, blocked: bool, bad: bool) -> Exit:
    """How a run of several hosts ended: by its stop, by models that were stopped, by its rows."""
    codes = [Exit.SOME_FAILED] if bad else []
    if stop is not None:
        codes.append(STOP_CODES[stop.reason])
    elif blocked:
        codes.append(Exit.PROVIDER)
    return worst(codes)


def cap_words(reached: CapReached) -> str:
    """Why the next call does not fit under the spending cap."""
    row, left = f"{reached.row:,}", format_amount(reached.left)
    if reached.max_cost is None:
        return say("budget.no_price", row=row)
    return say("budget.too_dear", row=row, most=format_amount(reached.max_cost), left=left)


def interrupt_words(presses: int, *, calls: int, files: int) -> str:
    """What to tell a user who pressed Ctrl-C while so many calls and downloads are in flight."""
    if presses >= 2:
        return say("run.cut")
    if not calls + files:
        return say("run.stopping")
    return say("run.draining", calls=calls, files=files)
