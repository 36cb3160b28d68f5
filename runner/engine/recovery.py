"""Settles what a dead process left running, with its answer where the spool has one."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set

from jobs.claimed import Claimed
from jobs.failpoints import reach
from jobs.job import Step
from jobs.store.log import deaths_in_a_row
from jobs.store.queue.claims import adopt
from jobs.store.writer import TableWriter
from runner.engine.worker_pool import by_call
from runner.steps.steps import Steps
from runner.workspace.spool import SpoolRecord

CAREFUL_AFTER_DEATHS = 2  # runs that died one after the other, before jobs are taken one by one


async def recover(
    steps: Steps,
    writer: TableWriter,
    records: Mapping[int, SpoolRecord],
    *,
    go_carefully: Callable[[int], None],
) -> int:
    """Settle them; returns how many jobs there were. `records` are the spool's, by call.

    `go_carefully` is called with the number of downloads that may have killed earlier runs.
    """
    holding = writer.holding
    left: list[Claimed] = await writer.do(lambda tx: adopt(tx, holding))
    deaths = await writer.do(
        lambda tx: deaths_in_a_row(tx, holding.sheet_id, before=holding.run_id)
    )
    in_hand = sum(1 for job in left if job.step is not Step.SEND)
    if in_hand and deaths >= CAREFUL_AFTER_DEATHS:
        go_carefully(in_hand)
    if left:
        reach("replay.begun")
    for calls in commits_of(left, records.keys()):
        results = [
            result
            for jobs in calls
            for result in await steps.recover(jobs, records.get(jobs[0].call_id))
        ]
        found = await writer.exchange([result.settlement for result in results], [])
        for error in found.errors.values():
            raise error
        reach("replay.settled")
    return len(left)


def commits_of(left: Sequence[Claimed], answered: Set[int]) -> Iterator[list[list[Claimed]]]:
    """What was left running, by call, as it is settled: all that has no answer in one commit.

    Reading an answer can take the process down, so calls with one go one by one; jobs that were
    in hand at an earlier death come last, and cannot hold up the others.
    """
    calls = sorted(by_call(left), key=lambda jobs: jobs[0].deaths)
    kept = {job.call_id for job in left if job.step is Step.SEND} & answered
    if unanswered := [jobs for jobs in calls if jobs[0].call_id not in kept]:
        yield unanswered
    yield from ([jobs] for jobs in calls if jobs[0].call_id in kept)
