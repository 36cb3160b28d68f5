"""What the steps of one run need, share and return."""

import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from jobs.store.queue.settles import Settlement
from jobs.store.writer import TableWriter
from runner.files.download import Downloads
from runner.files.inputs import InputPlace
from runner.files.thumbnails import Thumbnails
from runner.lanes.lanes import Lanes
from runner.pacing.accounts import Accounts
from runner.pacing.backoff import NO_WAIT, Wait
from runner.prices.spending_cap import SpendingCap
from runner.protocol.lane_rule import OnlineRows
from runner.steps.resolution import Rules, Signal
from runner.workspace.answers import AnswerFolder
from runner.workspace.disk_reserve import DiskReserve
from runner.workspace.spool import Spool


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOptions:
    """The options that the steps of one run depend on."""

    inputs: InputPlace  # where the files are that rows send
    files_folder: Path  # where downloaded files are saved
    parts_folder: Path  # where they are first, if they go to a target
    name_template: str  # of the files
    headers: tuple[str, ...]  # of the sheet
    max_attempts: int
    hold_in_doubt: bool
    max_repeats: int  # calls in doubt that this run may repeat
    call_seconds: float | None = None  # the time limit of a call, instead of its endpoint's
    base_url: str = ""  # of the gateway
    lanes: Lanes = field(default_factory=Lanes)  # that are sold there
    online_rows: OnlineRows = OnlineRows.NONE  # that go online, whatever lane they name
    honours_keys: bool = False  # Idempotency-Keys were seen to be honoured there


class Allowance(Protocol):
    """In-doubt repeats that hosts of one run share."""

    async def refill(self, state: "RunState") -> None:
        """Take some more where none is left; forget what does not count any more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepServices:
    """The objects that the steps of one run work with."""

    writer: TableWriter
    accounts: Accounts
    downloads: Downloads
    spool: Spool
    answers: AnswerFolder
    cap: SpendingCap
    thumbnails: Thumbnails
    reserve: DiskReserve
    allowance: Allowance | None = None  # where other hosts share the run


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """A finished step: what has to be written down, and what the run should know."""

    settlement: Settlement
    signal: Signal = Signal.NONE
    wait: Wait = NO_WAIT  # after a "slow down"
    saved_base64: dict[str, str] = field(default_factory=dict)  # base64 → SHA-256 of saved pictures


@dataclass(slots=True)
class RunState:
    """What all steps of a run share and change."""

    max_attempts: int
    hold_in_doubt: bool
    repeats_left: int  # calls in doubt that may still be repeated
    cut_on_lane: int = 0  # calls of a slow lane that were cut
    missed_lane: int = 0  # calls of a slow lane that were billed online
    answers_can_be_fetched: bool | None = None  # those of the background; None: not asked yet
    has_good_answer: bool = False  # a call of this run has succeeded
    key_good_until: float = 0.0  # monotonic; until then a refused key is the gateway's own
    base_url: str = ""  # of the gateway
    honours_keys: bool = False  # a repeat under the same Idempotency-Key costs nothing

    @classmethod
    def at_start(cls, options: StepOptions) -> "RunState":
        """The state before anything was sent."""
        return cls(
            max_attempts=options.max_attempts,
            hold_in_doubt=options.hold_in_doubt,
            repeats_left=options.max_repeats,
            base_url=options.base_url,
            honours_keys=options.honours_keys,
        )

    def rules(self) -> Rules:
        """What a decision depends on at this moment."""
        return Rules(
            attempts=self.max_attempts,
            hold_in_doubt=self.hold_in_doubt,
            repeat_left=self.repeats_left > 0,
            key_good=time.monotonic() < self.key_good_until,
            answered=self.has_good_answer,
            chance=chance(),
            now=time.time(),
            base_url=self.base_url,
            honours_keys=self.honours_keys,
        )


def chance() -> float:
    """A random number between 0 and 1 that spreads waits; it protects nothing."""
    return random.random()  # noqa: S311 - as the first line says
