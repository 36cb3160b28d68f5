"""Stops a model whose paid answers are useless one after the other, on whatever host they came."""

from collections.abc import Callable, Collection, Sequence

from jobs.job import Failure
from jobs.store import Transaction
from jobs.store.queue.blocked_models import Block
from jobs.store.run_findings import are_useless
from jobs.store.writer import TableWriter
from runner.engine.stop import Conduct
from runner.engine.supervisor import MAX_USELESS_ANSWERS, Supervisor, is_own_limit
from runner.steps.context import StepResult
from runner.steps.resolution import Signal


class UselessModels:
    """Where hosts share a run, the table counts their answers between settling and claiming."""

    def __init__(self, supervisor: Supervisor, conduct: Conduct, writer: TableWriter) -> None:
        self._supervisor = supervisor
        self._conduct = conduct
        self._writer = writer

    def check(
        self, results: Sequence[StepResult]
    ) -> Callable[[Transaction], frozenset[Block]] | None:
        """What to ask the table after these results are written; None if they prove nothing."""
        if not self._conduct.shared or self._supervisor.elsewhere.provider_is_away:
            return None
        models = {
            one.settlement.job.model
            for one in results
            if one.signal is Signal.USELESS and not is_own_limit(one.settlement.outcome.failure)
        }
        if not models:
            return None
        run_id, since = self._writer.holding.run_id, self._supervisor.elsewhere.outage_ended_at
        return lambda tx: frozenset(
            Block(model)
            for model in sorted(models)
            if are_useless(tx, run_id, model, count=MAX_USELESS_ANSWERS, since=since)
        )

    def stop(self, blocks: Collection[Block], results: Sequence[StepResult]) -> None:
        """Send nothing more to these models; the other hosts are told."""
        for block in blocks:
            self._supervisor.stop_model(block, _failure_of(results, block.model), told=False)


def _failure_of(results: Sequence[StepResult], model: str) -> Failure:
    """The last failure of this model."""
    found = [
        result.settlement.outcome.failure
        for result in results
        if result.settlement.job.model == model and result.settlement.outcome.failure is not None
    ]
    return found[-1]
