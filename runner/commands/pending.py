"""The rows of a sheet that are not settled: what they will cost, the yes, the run."""

import asyncio
import os
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from jobs.store import Store
from jobs.store.batches import Batch
from jobs.store.log import last_run
from runner.catalogue import say
from runner.commands.paying import Outlay, consent, keep_cap, tell_ahead, weigh_up
from runner.commands.piloting import go_piloted
from runner.commands.terms import Launch, program_version
from runner.due import Due
from runner.exits import Refusal
from runner.imports import begin
from runner.keys import OwnedKey, find_keys, keys_name
from runner.progress import Display
from runner.schema import AUTO
from runner.screen import tell
from runner.session import Assignment, Ending, Session
from runner.switchboard import limits_of
from runner.workspace import BATCH_ID

UNDER_WAY = 2.0  # seconds after which the first calls are out


def go_on(job: Launch, store: Store, loaded: Batch, due: Due) -> tuple[Ending, Outlay]:
    """Weigh up, agree, run. Raises Refusal without a key or a yes; then nothing was sent."""
    keys = _keys(job)
    outlay = weigh_up(job.settings, keys[0].key, due)
    _tell_other_address(job, store)
    _agree(job, outlay, loaded)
    keep_cap(store, loaded, outlay.budget)
    if job.before is not None:
        with store.write() as tx:
            job.before(tx)
    means = _Means(keys=keys, outlay=outlay)
    ending = go_piloted(
        store,
        job.workspace,
        job.settings,
        lambda settings, jobs: _go(replace(job, settings=settings), store, loaded, means, jobs),
        asks=not job.rehearsal,
    )
    return ending, outlay


def _keys(job: Launch) -> tuple[OwnedKey, ...]:
    if job.key is not None:
        return (OwnedKey(key=job.key),)
    found = find_keys(job.settings, os.environ)
    if not found:
        settings = job.settings
        raise Refusal(say("keys.missing", name=keys_name(settings), url=settings.base_url))
    return found


def _tell_other_address(job: Launch, store: Store) -> None:
    """Say that the calls go elsewhere than those of the last run did."""
    with store.read() as tx:
        last = last_run(tx, BATCH_ID)
    before = last.options.get("base_url") if last is not None else None
    if isinstance(before, str) and before != job.settings.base_url and not job.rehearsal:
        sentence = say("run.other_address", before=before, now=job.settings.base_url)
        tell(say("cli.warning", text=sentence))


def _agree(job: Launch, outlay: Outlay, loaded: Batch) -> None:
    """Tell what lies ahead and have a yes where one is needed."""
    settings = job.settings
    if not settings.quiet:
        endpoints = str(settings.endpoint or loaded.options.get("endpoint") or say("run.by_row"))
        model = settings.model or loaded.options.get("model") or ""
        what = " ".join(word for word in (endpoints, str(model)) if word)
        tell_ahead(outlay, settings, what, job.workspace.folder)
    if not job.rehearsal:
        consent(outlay, settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Means:
    """With which keys a run is made, and what it may cost."""

    keys: tuple[OwnedKey, ...]
    outlay: Outlay


def _go(
    job: Launch,
    store: Store,
    loaded: Batch,
    means: _Means,
    jobs: tuple[int, ...] | None,
) -> Ending:
    settings = job.settings
    assignment = Assignment(
        settings=settings,
        workspace=job.workspace,
        batch=loaded,
        keys=means.keys,
        purse=means.outlay.purse(),
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
        tell(say("run.fewer_hands", hands=hands, wanted=settings.concurrency))
    # What ends a run takes a while to import, and comes from the program that began it: whoever
    # brings rowmill up to date meanwhile would have its end made of two versions.
    begin("runner.commands.finishing", after=UNDER_WAY)
    ending = asyncio.run(Session(store, assignment, display).go())
    if ending.recovered:
        tell(say("run.recovered", count=f"{ending.recovered:,}"))
    return ending
