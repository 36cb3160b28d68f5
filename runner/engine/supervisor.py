"""What single steps mean for the whole run: wait, slow down, drop a key or a model, stop."""

from collections.abc import Sequence

from jobs.claimed import Claimed
from jobs.job import Failure, FailureClass, Step
from jobs.outcome import Finished, GiveUp, Held, Released
from jobs.store.queue.blocked_models import Block
from runner.engine.alike import AlikeRefusals, AlikeRows, fingerprint, is_about_all
from runner.engine.found_elsewhere import FoundElsewhere
from runner.engine.key_check import KeyCheck
from runner.engine.outage import Outage, is_trouble
from runner.engine.run_control import RunHandle
from runner.engine.slow_down import SlowDowns, with_outcome
from runner.engine.stop import Conduct, Stop, StopReason
from runner.pacing.accounts import Accounts
from runner.steps.context import RunState, StepResult
from runner.steps.resolution import Signal

MODEL_STOPPED = "model_stopped"  # the kind of event by which other hosts learn of it
ALIKE = "alike"  # the name under which calls are held while the first rows are refused alike
MAX_CREDIT_REFUSALS = 3  # in a row, before the account counts as out of money
MAX_USELESS_ANSWERS = 10  # paid, in a row, of one model

ACCEPTED_KINDS = frozenset(
    {
        FailureClass.REFUSED,
        FailureClass.BAD_INPUT,
        FailureClass.TRUNCATED,
        FailureClass.SCHEMA,
        FailureClass.NO_RESULT,
    }
)
"""Failures of calls that the gateway took in and answered."""

ENDPOINT_CAUSES = frozenset({"not_implemented", "wrong_address", "redirect"})
"""Causes that concern an endpoint's address: the model may still work at another endpoint."""


class Supervisor:
    """Sees every step that ends, and steers the run by it."""

    def __init__(
        self, conduct: Conduct, accounts: Accounts, run_state: RunState, run: RunHandle
    ) -> None:
        self.blocked: dict[Block, Failure] = {}
        # jobs whose refusal stopped the run, or their model; True if a retry had put them back
        self.put_back: dict[int, bool] = {}
        self._of_retry: set[int] = set()
        self._outage = Outage(accounts, run, conduct)
        self._slow_downs = SlowDowns(accounts, run, self._outage)
        self._keys = KeyCheck(accounts, run, run_state)
        self._conduct = conduct
        self._accounts = accounts
        self._run_state = run_state
        self._run = run
        self._stopped = False
        self._useless: dict[str, int] = {}  # paid answers in a row without a result, by model
        self._outages = 0  # ended outages when those were counted
        self._credit_refusals: dict[str, int] = {}
        self._alike = AlikeRefusals()
        self.elsewhere = FoundElsewhere(self._outage, self._alike, self._keys, accounts, run)
        self._eased = False
        self._stopped_alike: dict[tuple[object, ...], str | None] = {}  # the model, or all

    def on_step_done(self, results: Sequence[StepResult]) -> list[StepResult]:
        """A step has ended, for all jobs that shared its call; the first stands for the call.

        Called at once, before anything else is sent; a doubtful key is checked afterwards.
        Returns the results to be written down: a refusal that stops the run fails no row.
        """
        result = results[0]
        job, failure = result.settlement.job, _failure_of(result)
        if job.step is Step.SEND:
            self._weigh(result, failure)
        if result.signal is Signal.SLOW_DOWN:
            results = [self._slow_downs.judge(result), *results[1:]]
        match result.signal:
            case Signal.GOOD:
                self._good(result)
            case Signal.USELESS:
                self._useless_answer(job, failure)
            case Signal.CREDIT:
                self._doubt_credit(result, failure)
            case Signal.MODEL:
                self._block(job, failure)
            case Signal.KEY | Signal.OFFLINE | Signal.SLOW_DOWN | Signal.LANE | Signal.NONE:
                pass
        judged = [self._judge_refusal(one) for one in results]
        if job.step is Step.SEND:
            self._ease()
        for one in judged:
            self._count_ended(one)
        return judged

    async def doubt_key(self, result: StepResult) -> None:
        """Check the key that this refused call went out with."""
        if not self._stopped:
            line = self._accounts.line_of(result.settlement.job) or self._accounts.first
            failure = _failure_of(result)
            await self._keys.doubt(line, failure)
            self._outage.waited_too_long(failure)

    def stop_model(self, block: Block, failure: Failure, *, told: bool) -> None:
        """Send nothing more to a model; `told`: the other hosts of the run know."""
        if block in self.blocked:
            return
        self.blocked[block] = failure
        self._run.wake()  # what was due may be of this model
        if not told:
            words = {"kind": failure.kind.value, "cause": failure.cause, "detail": failure.detail}
            self._run.note(MODEL_STOPPED, {**block._asdict(), **words})

    def halted(self) -> None:
        """The run sends nothing more."""
        self._stopped = True
        self._outage.stopped()

    def cut(self) -> None:
        """The run waits for nothing."""
        self._keys.cut()

    def resumed(self) -> None:
        """A person says that calls may go on."""
        self._outage.look_now()

    async def close(self) -> None:
        """End what is still being asked."""
        await self._keys.close()
        await self._outage.close()

    def _weigh(self, result: StepResult, failure: Failure | None) -> None:
        """Decide whether this concerns the row alone, or the next row would meet it too."""
        outcome, job = result.settlement.outcome, result.settlement.job
        if result.signal is Signal.LANE:
            self._run.halt(Stop(reason=StopReason.LANE))
        if failure is not None and is_trouble(outcome, result.signal):
            self._outage.failed(failure)
        elif result.signal is Signal.GOOD or (
            failure is not None and failure.kind in ACCEPTED_KINDS
        ):
            self._outage.over()
            usage = outcome.result.usage if outcome.result is not None else None
            self._slow_downs.accepted(job)
            self._accounts.went_through(job, usage.total_tokens if usage is not None else None)

    # --- the account ------------------------------------------------------------------------------

    def _good(self, result: StepResult) -> None:
        self._useless[result.settlement.job.model] = 0
        self._alike.good(result.settlement.job.model)
        account = self._accounts.account_of(result.settlement.job)
        if account is not None:
            self._credit_refusals[account.label] = 0
        self._outage.good()
        self._run_state.has_good_answer = True

    def _doubt_credit(self, result: StepResult, failure: Failure | None) -> None:
        account = self._accounts.account_of(result.settlement.job)
        if account is None:
            return
        count = self._credit_refusals.get(account.label, 0) + 1
        self._credit_refusals[account.label] = count
        if count < MAX_CREDIT_REFUSALS or account not in self._accounts.accounts:
            return
        for line in tuple(account.lines):
            if not self._keys.drop(line, "credit"):
                detail = failure.detail if failure else ""
                self._run.halt(Stop(reason=StopReason.CREDIT, detail=detail))
                return

    # --- refusals that are alike ------------------------------------------------------------------

    def _judge_refusal(self, result: StepResult) -> StepResult:
        """Stop the run, or the model, if this is one of many refusals that are alike."""
        job, outcome = result.settlement.job, result.settlement.outcome
        if job.requeued:
            self._of_retry.add(job.id)
        found = self._alike.refused(job, outcome)
        if found is not None:
            self._stop_alike(job, found)
        failure = outcome.failure
        if failure is None or not isinstance(outcome, GiveUp) or not is_about_all(job, outcome):
            return result
        if self._stopped_alike.get(fingerprint(failure, job), "") not in (job.model, None):
            return result
        self.put_back[job.id] = job.requeued
        return with_outcome(result, Released(delay=0.0, failure=failure))

    def _ease(self) -> None:
        """While the first rows are refused alike, no more calls go out than it takes to tell."""
        suspicious = self._run.calls_in_flight() >= self._alike.room()
        if suspicious and not self._eased:
            self._accounts.hold(ALIKE)
        elif self._eased and not suspicious:
            self._accounts.unhold(ALIKE)
            self._run.wake()
        self._eased = suspicious

    def _stop_alike(self, job: Claimed, found: AlikeRows) -> None:
        mark = fingerprint(found.failure, job)
        self._stopped_alike[mark] = found.model
        self.put_back |= {number: number in self._of_retry for number in found.jobs}
        if found.failure.kind is FailureClass.KEY:
            line = self._accounts.line_of(job)
            if line is None or not self._keys.drop(line, "key"):
                self._run.halt(Stop(reason=StopReason.KEY, detail=found.failure.detail))
        elif found.model is not None:
            self._block(job, found.failure)
        else:
            self._run.halt(Stop(reason=StopReason.ALIKE, detail=found.failure.detail))

    # --- models and rows --------------------------------------------------------------------------

    def _useless_answer(self, job: Claimed, failure: Failure | None) -> None:
        if is_own_limit(failure) or self._conduct.shared:
            return  # of a shared run, the answers of all hosts count
        if self._outages != self._outage.ends:
            self._outages = self._outage.ends
            self._useless.clear()
        count = self._useless[job.model] = self._useless.get(job.model, 0) + 1
        # While an outage is open it is not yet known who answered so.
        if count >= MAX_USELESS_ANSWERS and not self._outage.is_open:
            self._block(job, failure)

    def _block(self, job: Claimed, failure: Failure | None) -> None:
        """Send nothing more to this model; or only to this endpoint, if its address is refused."""
        if failure is None:
            return
        block = Block(job.model, job.endpoint if failure.cause in ENDPOINT_CAUSES else None)
        self.stop_model(block, failure, told=False)

    def _count_ended(self, result: StepResult) -> None:
        rule, outcome = self._conduct.failed_share, result.settlement.outcome
        if rule is None or not isinstance(outcome, Finished | GiveUp | Held):
            return
        if rule.ended(failed=isinstance(outcome, GiveUp)):
            self._run.halt(Stop(reason=StopReason.RULE))


def is_own_limit(failure: Failure | None) -> bool:
    """True if the row's own limit of tokens cut its answer."""
    return failure is not None and failure.kind is FailureClass.TRUNCATED


def _failure_of(result: StepResult) -> Failure | None:
    return result.settlement.outcome.failure
