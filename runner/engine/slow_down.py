"""Quiets an account that is told to slow down, unless only a row or its model is refused."""

import logging
import time
from dataclasses import replace

from jobs.claimed import Claimed
from jobs.job import JSON, Failure, FailureClass, Step
from jobs.outcome import GiveUp, Outcome, Released
from runner.engine.outage import Outage
from runner.engine.run_control import RunHandle
from runner.engine.slow_rows import SlowRows
from runner.pacing.accounts import Accounts
from runner.steps.context import StepResult

log = logging.getLogger("rowmill")


class SlowDowns:
    """Decides who waits after a "slow down": all calls of the account, or this row alone."""

    def __init__(self, accounts: Accounts, run: RunHandle, outage: Outage) -> None:
        self._accounts = accounts
        self._run = run
        self._outage = outage
        self._rows = SlowRows()
        self._calls_at_once: dict[str, int] = {}  # by account: the limit that was told last

    def accepted(self, job: Claimed) -> None:
        """The provider took a call in."""
        self._rows.accepted(job, self._accounts.began_at(job))

    def judge(self, result: StepResult) -> StepResult:
        """The result to be written down of a step that was told to slow down."""
        job, outcome = result.settlement.job, result.settlement.outcome
        failure = outcome.failure
        if job.step is not Step.SEND or failure is None or not isinstance(outcome, Released):
            self._quiet(result, failure)
            return result
        found = self._rows.refused(job, time.monotonic())
        if found.is_rows_fault:
            log.warning("row %s is refused while others go through; it fails", job.row)
            return with_outcome(result, GiveUp(failure=replace(failure, kind=FailureClass.LIMIT)))
        is_own = found.is_suspect or (
            found.refusals > 0 and not self._accounts.is_refused_in_a_row(job)
        )
        if result.wait.asked or not is_own:
            self._quiet(result, failure)
        return with_outcome(result, replace(outcome, behind=True, refusals=found.refusals))

    def _quiet(self, result: StepResult, failure: Failure | None) -> None:
        job, reason = result.settlement.job, failure.cause if failure else ""
        words = failure.detail if failure else ""
        seconds, is_new = self._accounts.slowed(job, result.wait, reason, words)
        if seconds:
            self._run.paused(seconds, reason)
        account = self._accounts.account_of(job)
        label = account.label if account else ""
        if is_new:
            data: dict[str, JSON] = {"account": label, "cause": reason, "seconds": seconds}
            self._run.note("slow_down", data)
        limit = account.pace.calls_at_once if account else None
        if limit is not None and limit < self._calls_at_once.get(label, limit + 1):
            self._calls_at_once[label] = limit
            self._run.note("calls_at_once", {"account": label, "limit": limit})
        self._outage.waited_too_long(failure)


def with_outcome(result: StepResult, outcome: Outcome) -> StepResult:
    """The same step with another outcome."""
    return replace(result, settlement=replace(result.settlement, outcome=outcome))
