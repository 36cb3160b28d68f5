"""The rows of a sheet that are not settled: what they will cost, and the yes."""

from typing import TYPE_CHECKING

from jobs.store import Store
from jobs.store.batches import LoadedSheet
from jobs.store.log import last_run
from runner.catalogue import say
from runner.console.screen import print_message
from runner.launch.consent import CostEstimate, consent, estimate_run, keep_cap, tell_ahead
from runner.launch.request import RunRequest
from runner.preflight.gateway_info import GatewaySession
from runner.preflight.pending_work import PendingWork
from runner.startup import seldom_collected
from runner.workspace.workspace import SHEET_ID

if TYPE_CHECKING:
    from runner.engine.session import Ending


def go_on(
    job: RunRequest, store: Store, loaded: LoadedSheet, due: PendingWork, seller: GatewaySession
) -> "tuple[Ending, CostEstimate]":
    """Weigh up, agree, run. Raises Refusal without a yes; then nothing was bought."""
    outlay = estimate_run(job.settings, due, seller.target, seller.told)
    _tell_other_address(job, store)
    _agree(job, outlay, loaded)
    keep_cap(store, loaded, outlay.budget)
    if job.before is not None:
        with store.write() as tx:
            job.before(tx)
    from runner.launch.running import RunResources, run  # noqa: PLC0415 - mostly begun by now

    with seldom_collected():  # now that all of it is imported
        return run(job, store, loaded, RunResources(keys=seller.keys, outlay=outlay)), outlay


def _tell_other_address(job: RunRequest, store: Store) -> None:
    """Say that the calls go elsewhere than those of the last run did."""
    with store.read() as tx:
        last = last_run(tx, SHEET_ID)
    before = last.options.get("base_url") if last is not None else None
    if isinstance(before, str) and before != job.settings.base_url and not job.rehearsal:
        sentence = say("run.other_address", before=before, now=job.settings.base_url)
        print_message(say("cli.warning", text=sentence))


def _agree(job: RunRequest, outlay: CostEstimate, loaded: LoadedSheet) -> None:
    """Tell what lies ahead and have a yes where one is needed."""
    settings = job.settings
    if not settings.quiet:
        endpoints = str(settings.endpoint or loaded.options.get("endpoint") or say("run.by_row"))
        model = settings.model or loaded.options.get("model") or ""
        what = " ".join(word for word in (endpoints, str(model)) if word)
        tell_ahead(outlay, settings, what, job.workspace.folder)
    if not job.rehearsal:
        consent(outlay, settings)
