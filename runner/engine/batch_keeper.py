"""Looks after provider batches beside a run's rounds: packs, creates, asks, has them taken in.

Everything it knows is in the table, so that a run may die at any moment and another go on.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from jobs.store.provider_batches.batch import BatchState, ProviderBatch, open_batches
from jobs.store.provider_batches.moves import LostBatchError, change
from jobs.store.provider_batches.waiting import (
    WaitingKind,
    given_back,
    let_go_online,
    waiting_kinds,
)
from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.engine.batch_hands import BatchHands
from runner.engine.batch_lane import BatchRules
from runner.engine.batch_news import news_of
from runner.engine.run_control import PERSON, RunControl
from runner.engine.stop import Stop, StopReason
from runner.lanes.batch_clock import QUEUE_WAIT, is_due, next_try
from runner.lanes.batch_wire import BatchForm
from runner.pacing.accounts import Accounts
from runner.protocol.lane_rule import LaneRule
from runner.protocol.refusals import Action
from runner.steps.batch_asking import ask, remove
from runner.steps.batch_creation import bring_up
from runner.steps.batch_hand import BatchInHand, RemoteStep
from runner.steps.batch_packing import BatchPacker, BatchSale, clear_strays
from runner.steps.context import StepOptions, StepServices
from runner.transport.client import GatewayClient

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25  # between two looks whether the run stops, or something is due
LOOK_AROUND_SECONDS = 5.0  # … whether another terminal, or another host, changed a batch
OTHERS_FIRST_SECONDS = 60.0  # on a host that did not open the run, before it packs
_STOP_REASONS = {Action.STOP_KEY: StopReason.KEY, Action.STOP_CREDIT: StopReason.CREDIT}


class TakesIn(Protocol):
    """Takes in what an ended batch brought."""

    async def take_in(
        self, batch: ProviderBatch, form: BatchForm, wire: GatewayClient
    ) -> ProviderBatch:
        """The batch afterwards: taken in, or still ended if its results cannot be had now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBatches:
    """What a keeper works with."""

    options: StepOptions
    services: StepServices
    intake: TakesIn
    control: RunControl
    rules: BatchRules
    folder: Path  # for packed lines and results
    own: LaneRule | None  # what the person's settings say about batches
    tell: Callable[[str], None]
    is_first: bool = True  # of the hosts of its run: the others pack only if it does not


class BatchKeeper:
    """The provider batches of one run, until none is left that it waits for."""

    def __init__(self, kept: KeptBatches) -> None:
        self._kept = kept
        self._services, self._rules = kept.services, kept.rules
        self._writer, self._control = kept.services.writer, kept.control
        self._accounts: Accounts = kept.services.accounts
        self._sheet = self._writer.holding.sheet_id
        self._selection = selection = self._writer.holding.run_id if kept.rules.some_rows else None
        self._packer = BatchPacker(kept.options, kept.services, kept.folder, selection=selection)
        self._hands = BatchHands(
            kept.services, kept.options.base_url, kept.own, lines_of=self._packer.lines_of
        )
        self._closed: set[tuple[str, str]] = set()  # kinds of which nothing more can be packed
        self._capped: set[tuple[str, str]] = set()  # of them, those that the cap has no room for
        self._pack_after: dict[tuple[str, str], float] = {}
        self._pack_from = time.monotonic() + (0.0 if kept.is_first else OTHERS_FIRST_SECONDS)
        self._is_online = False  # the time has come from which the rest goes online
        self._told_foreign = False

    async def run(self) -> None:
        """Look after them until the run stops, or nothing is left to wait for."""
        try:
            await self._look_after()
        except OSError as error:  # the disk takes no lines and no results
            self._control.halt(Stop(reason=StopReason.DISK, detail=reason(error)))

    async def _look_after(self) -> None:
        await asyncio.to_thread(clear_strays, self._kept.folder, _coming(await self._open()))
        while not self._control.stopping:
            await self._go_online()
            open_now, is_paused = await self._open(), PERSON in self._control.holds()
            if is_paused:  # a person wants nothing bought now
                open_now = [one for one in open_now if one.id not in _coming(open_now)]
            if await self._unless_cut(self._step_all(open_now)):
                continue
            if not is_paused and await self._unless_cut(self._pack_one()):
                continue
            if await self._is_over():
                return
            await self._pause()

    # --- batches that are open -------------------------------------------------------------------

    async def _open(self) -> list[ProviderBatch]:
        return await self._writer.do(lambda tx: open_batches(tx, self._sheet))

    async def _step_all(self, batches: list[ProviderBatch]) -> bool:
        """One step of each batch that is due; True if one of them came further."""
        further = False
        for batch in batches:
            if self._control.stopping:
                return False
            if not self._is_wanted(batch) or not is_due(batch.ask_at, self._writer.now()):
                continue
            taken = await self._hands.take(batch)
            if taken is None:
                continue
            try:
                step = await self._advance(taken)
            except LostBatchError:
                self._hands.forget(batch.id)
                continue
            self._note(taken, step)
            self._hands.keep(step.batch)
            if not step.batch.is_open:  # its rows may go again, and its cost is known now
                self._closed -= {*self._capped, (batch.endpoint, batch.model)}
            further = further or step.batch.state is not taken.state
        return further

    def _is_wanted(self, batch: ProviderBatch) -> bool:
        """True if this run does something for the batch, and has a key for it."""
        is_there = batch.state in (BatchState.CREATED, BatchState.ENDED)
        return not (is_there and self._rules.submit_only) and self._hands.has_key_of(batch)

    async def _advance(self, batch: ProviderBatch) -> RemoteStep:
        hand = self._hands.tools_of(batch)
        match batch.state:
            case BatchState.CREATED:
                return await ask(batch, hand)
            case BatchState.ENDED:
                return await self._take_in(batch, hand)
            case _:
                return await bring_up(batch, hand)

    async def _take_in(self, batch: ProviderBatch, hand: BatchInHand) -> RemoteStep:
        found = await self._kept.intake.take_in(batch, hand.form, hand.wire)
        self._kept.control.wake()  # downloads, and rows that go on
        if found.state is BatchState.ENDED:
            hand.failures += 1
            ask_at = self._writer.now() + next_try(hand.failures)
            found = await self._writer.do(lambda tx: change(tx, found, ask_at=ask_at))
            return RemoteStep(batch=found)
        if found.told.get("queue_full"):
            self._pack_after[found.endpoint, found.model] = time.monotonic() + QUEUE_WAIT
        if not await remove(found, hand):
            log.warning("provider batch %s: files of it are left at the provider", found.id)
        return RemoteStep(batch=found)

    def _note(self, before: ProviderBatch, step: RemoteStep) -> None:
        """Tell what became of a batch, and stop the run if its key or account was refused."""
        if step.stop is not None and step.refused is not None:
            reason = _STOP_REASONS[step.stop]
            self._control.halt(Stop(reason=reason, detail=step.refused.detail))
        elif (news := news_of(before, step.batch, step.refused)) is not None:
            self._kept.tell(news)

    # --- rows that wait --------------------------------------------------------------------------

    async def _kinds(self) -> list[WaitingKind]:
        """What can still be packed, now or later."""
        if not self._rules.packs or self._is_online:
            return []
        found = await self._writer.do(
            lambda tx: waiting_kinds(tx, self._sheet, selection=self._selection)
        )
        return [one for one in found if (one.endpoint, one.model) not in self._closed]

    async def _pack_one(self) -> bool:
        """Pack one batch of what waits; True if there is one more."""
        if time.monotonic() < self._pack_from:
            return False
        for kind in await self._kinds():
            key = (kind.endpoint, kind.model)
            if self._pack_after.get(key, 0.0) > time.monotonic():
                continue
            sale = self._sale(*key)
            batch = None if sale is None else await self._packer.pack(kind, sale)
            if aside := self._packer.take_aside():
                self._kept.tell(say("batch.unfit", rows=f"{aside:,}", model=kind.model))
            if batch is not None:
                self._hands.keep(batch)
                return True
            self._closed.add(key)
            if self._services.cap.reached is not None:
                self._capped.add(key)
        return False

    def _sale(self, endpoint: str, model: str) -> BatchSale | None:
        """Where batches of a kind are bought; None if nobody sells them."""
        form, account = self._hands.form_of(endpoint, model), self._accounts.accounts[0].label
        base_url = self._kept.options.base_url
        return None if form is None else BatchSale(base_url=base_url, account=account, form=form)

    async def _go_online(self) -> None:
        """From that time on, what nobody has bought is sent like any other row."""
        moment = self._rules.online_from
        if moment is None or time.time() < moment:
            return
        writer = self._writer
        count = await writer.do(
            lambda tx: let_go_online(tx, self._sheet, now=writer.now(), selection=self._selection)
        )
        if count:
            self._kept.tell(say("batch.online", rows=f"{count:,}"))
            self._control.wake()
        self._is_online = True

    # --- the end ---------------------------------------------------------------------------------

    async def _is_over(self) -> bool:
        """True if nothing is left that this run waits for."""
        if await self._kinds():
            return False
        if [one for one in await self._open() if self._waits_for(one)]:
            return False
        if self._rules.online_from is None or self._is_online or self._rules.submit_only:
            return True
        return not await self._writer.do(lambda tx: given_back(tx, self._sheet))

    def _waits_for(self, batch: ProviderBatch) -> bool:
        if self._writer.store.shared and not self._hands.has_key_of(batch):
            return not self._rules.submit_only  # a host that has its key looks after it
        if not self._hands.has_key_of(batch) and not self._told_foreign:
            self._told_foreign = True
            self._kept.tell(say("batch.elsewhere", address=batch.base_url))
        return self._is_wanted(batch)

    async def _pause(self) -> None:
        """Until something is due, or the run stops."""
        due = [one.ask_at or 0.0 for one in await self._open() if self._is_wanted(one)]
        now = self._writer.now()
        wait = min([LOOK_AROUND_SECONDS, *(moment - now for moment in due if moment > now)])
        until = time.monotonic() + wait
        while time.monotonic() < until and not self._control.stopping:
            left = until - time.monotonic()
            await asyncio.sleep(max(min(left, LOOK_SECONDS), 0.0))

    async def _unless_cut(self, work: Coroutine[Any, Any, bool]) -> bool:
        """Do it to its end, unless a person waits for nothing any more: the next run goes on."""
        task = asyncio.create_task(work)
        while not task.done():
            await asyncio.wait({task}, timeout=LOOK_SECONDS)
            if self._control.is_cut:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
                return False
        return task.result()


def _coming(batches: list[ProviderBatch]) -> set[int]:
    """The batches whose packed lines are still needed."""
    coming = (BatchState.INTENDED, BatchState.UPLOADED)
    return {one.id for one in batches if one.state in coming}
