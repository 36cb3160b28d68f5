"""What the steps of one run go by, work with and hand back."""

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from jobs.store.queue.settles import Settlement
from jobs.store.writer import TableWriter
from runner.files.download import Downloads
from runner.files.thumbnails import Thumbnails
from runner.pacing.accounts import Accounts
from runner.pacing.backoff import NO_WAIT, Wait
from runner.prices.spending_cap import SpendingCap
from runner.steps.resolve import Rules, Signal
from runner.workspace.answers import AnswerFolder
from runner.workspace.disk_reserve import DiskReserve
from runner.workspace.spool import Spool


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOptions:
    """What the steps of one run go by."""

    folder: Path  # of the sheet: relative pictures start here
    allowed: tuple[Path, ...]  # further folders that pictures may come from
    files: Path  # where files go
    name: str  # template of file names
    headers: tuple[str, ...]
    attempts: int
    hold_in_doubt: bool
    repeats: int  # in-doubt repeats that this run may make


@dataclass(frozen=True, slots=True, kw_only=True)
class StepServices:
    """What the steps of one run work with."""

    ledger: TableWriter
    wire: Accounts
    downloads: Downloads
    spool: Spool
    answers: AnswerFolder
    purse: SpendingCap
    thumbnails: Thumbnails
    reserve: DiskReserve


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """A step that is over: what is to be written down, and what the run should know."""

    settlement: Settlement
    signal: Signal = Signal.NONE
    wait: Wait = NO_WAIT  # after a "slow down"
    saved_base64: dict[str, str] = field(default_factory=dict)  # base64 → SHA-256 of saved pictures


@dataclass(slots=True)
class RunState:
    """What all steps of a run share and change: trust in the key, repeats that are left."""

    attempts: int
    hold_in_doubt: bool
    repeats_left: int
    has_good_answer: bool = False  # a call of this run has succeeded
    key_good_until: float = 0.0  # monotonic; until then a refused key is the gateway's own

    @classmethod
    def at_start(cls, plan: StepOptions) -> "RunState":
        """As the plan has it, before anything was sent."""
        return cls(
            attempts=plan.attempts, hold_in_doubt=plan.hold_in_doubt, repeats_left=plan.repeats
        )

    def rules(self) -> Rules:
        """What a decision goes by, at this moment."""
        return Rules(
            attempts=self.attempts,
            hold_in_doubt=self.hold_in_doubt,
            repeat_left=self.repeats_left > 0,
            key_good=time.monotonic() < self.key_good_until,
            answered=self.has_good_answer,
            chance=chance(),
            now=time.time(),
        )


def chance() -> float:
    """Spreads waits, guards nothing."""
    return random.random()  # noqa: S311 - as the first line says
