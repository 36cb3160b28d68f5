"""What a run does about rows for which provider batches were asked: who is packed, who is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jobs.sheet.names import normalise
from jobs.store import Transaction
from jobs.store.provider_batches.batch import open_batches
from jobs.store.provider_batches.waiting import keep_for_batches, let_go_online, waiting_kinds
from runner.protocol.lane_rule import BATCH, lane_is_given
from runner.settings.settings import Settings

LANE_FIELD = "lane"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRules:
    """How a run goes about provider batches."""

    packs: bool  # rows of this run go into batches
    waits: bool  # the run waits for batches that are open
    some_rows: bool  # it takes only rows that it has selected
    given: bool  # its own command line names the lane
    online_from: float | None  # Unix seconds: from then on rows that nobody bought go online
    submit_only: bool


def batch_rules(
    settings: Settings,
    headers: Sequence[str],
    *,
    prefers_online: bool,
    some_rows: bool,
    now: float,
) -> BatchRules:
    """The rules of one run. A pilot and a `retry` prefer to go online, unless told otherwise."""
    given, online_from = lane_is_given(settings.sources), settings.online_from
    asked = settings.lane == BATCH or (settings.lane is None and _may_be_asked(settings, headers))
    packs = asked and (given or not prefers_online)
    return BatchRules(
        packs=packs,
        waits=packs or not (prefers_online or some_rows),
        some_rows=some_rows,
        given=given,
        online_from=None if online_from is None else online_from.moment(now),
        submit_only=settings.submit_only,
    )


def joined(rules: BatchRules) -> BatchRules:
    """The rules of a host that joins a run: it packs whatever is kept for batches."""
    return replace(rules, packs=True, waits=True)


def _may_be_asked(settings: Settings, headers: Sequence[str]) -> bool:
    """True if single rows may ask for batches."""
    named: Mapping[str, object] = settings.set
    return LANE_FIELD in named or any(normalise(header) == LANE_FIELD for header in headers)


def sort_rows(
    tx: Transaction, sheet_id: int, rules: BatchRules, *, run_id: int, now: float
) -> None:
    """Keep rows for batches, or let them be sent; those inside batches stay where they are."""
    selection = run_id if rules.some_rows else None
    if not rules.packs:
        let_go_online(tx, sheet_id, now=now, selection=selection)
        return
    keep_for_batches(
        tx,
        sheet_id,
        selection=selection,
        put_back_too=rules.given,
        given_back_too=rules.online_from is None,
    )


def has_work(tx: Transaction, sheet_id: int, rules: BatchRules, *, joins: bool = False) -> bool:
    """True if a run must look after provider batches.

    A host that `joins` a run packs what the host that opened it has kept for batches.
    """
    if joins and waiting_kinds(tx, sheet_id):
        return True
    return rules.packs or (rules.waits and bool(open_batches(tx, sheet_id)))
