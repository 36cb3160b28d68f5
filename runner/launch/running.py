"""The run itself, once it is agreed: with its display, and a pilot before it."""

import asyncio
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from jobs.store import Store
from jobs.store.batches import LoadedSheet
from runner.catalogue import say
from runner.console.progress import Display
from runner.console.screen import print_message
from runner.engine.accounts import limits_of
from runner.engine.session import Assignment, Ending, Session
from runner.launch.consent import CostEstimate
from runner.launch.pilot import go_piloted
from runner.launch.request import RunRequest, program_version
from runner.prices.spending_cap import SpendingCap
from runner.settings.keys import OwnedKey
from runner.settings.schema import AUTO
from runner.startup import begin
from runner.steps.priced_request import priced_call

UNDER_WAY = 2.0  # seconds after which the first calls are out


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResources:
    """With which keys a run is made, and what it may cost."""

    keys: tuple[OwnedKey, ...]
    outlay: CostEstimate


def run(job: RunRequest, store: Store, loaded: LoadedSheet, means: RunResources) -> Ending:
    """Run the rows; where a pilot was asked for, the first few before the others."""
    return go_piloted(
        store,
        job.workspace,
        job.settings,
        lambda settings, jobs: _go(replace(job, settings=settings), store, loaded, means, jobs),
        asks=not job.rehearsal,
    )


def _purse(outlay: CostEstimate) -> SpendingCap:
    return SpendingCap(
        outlay.prices, priced_call, cap=outlay.budget.amount if outlay.budget else None
    )


def _go(
    job: RunRequest,
    store: Store,
    loaded: LoadedSheet,
    means: RunResources,
    jobs: tuple[int, ...] | None,
) -> Ending:
    settings = job.settings
    assignment = Assignment(
        settings=settings,
        workspace=job.workspace,
        loaded=loaded,
        keys=means.keys,
        cap=_purse(means.outlay),
        title=f"{job.sheet.name} → {urlsplit(settings.base_url).netloc}",
        program=program_version(),
        limit=settings.limit,
        rows=settings.rows,
        jobs=jobs,
        remembered=loaded.options,
    )
    display = Display("none" if settings.quiet else settings.progress, color=settings.color)
    hands = limits_of(settings, accounts=len(assignment.keys)).in_flight
    if settings.concurrency != AUTO and hands < int(settings.concurrency):
        print_message(say("run.fewer_hands", hands=hands, wanted=settings.concurrency))
    # What ends a run takes a while to import, and comes from the program that began it: whoever
    # brings rowmill up to date meanwhile would have its end made of two versions.
    begin("runner.launch.finish", after=UNDER_WAY)
    ending = asyncio.run(Session(store, assignment, display).go())
    if ending.recovered:
        print_message(say("run.recovered", count=f"{ending.recovered:,}"))
    return ending
