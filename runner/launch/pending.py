"""The rows of a sheet that are not settled: what they will cost, and the yes."""

from typing import TYPE_CHECKING

from jobs.store import Store
from jobs.store.batches import Batch
from jobs.store.log import last_run
from runner.catalogue import say
from runner.console.screen import tell
from runner.launch.consent import Outlay, consent, keep_cap, tell_ahead, weigh_up
from runner.launch.request import Launch
from runner.preflight.asking import Seller
from runner.preflight.pending_work import Due
from runner.startup import seldom_collected
from runner.workspace.workspace import BATCH_ID

if TYPE_CHECKING:
    from runner.engine.session import Ending


def go_on(
    job: Launch, store: Store, loaded: Batch, due: Due, seller: Seller
) -> "tuple[Ending, Outlay]":
    """Weigh up, agree, run. Raises Refusal without a yes; then nothing was bought."""
    outlay = weigh_up(job.settings, due, seller.target, seller.told)
    _tell_other_address(job, store)
    _agree(job, outlay, loaded)
    keep_cap(store, loaded, outlay.budget)
    if job.before is not None:
        with store.write() as tx:
            job.before(tx)
    from runner.launch.running import Means, run  # noqa: PLC0415 - mostly begun by now

    with seldom_collected():  # now that all of it is imported
        return run(job, store, loaded, Means(keys=seller.keys, outlay=outlay)), outlay


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
