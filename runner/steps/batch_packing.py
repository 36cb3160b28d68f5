"""Packs waiting rows into the lines of one provider batch, and writes its intention down."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from jobs.claimed import Claimed
from jobs.failpoints import reach
from jobs.filesystem import flush, flush_folder
from jobs.job import FailureClass
from jobs.store import Transaction
from jobs.store.provider_batches.batch import ProviderBatch
from jobs.store.provider_batches.intend import (
    BatchPlan,
    ChangedRowsError,
    PackedRow,
    TooDearError,
    intend,
    queued_tokens,
)
from jobs.store.provider_batches.waiting import Turn, WaitingKind, set_aside, waiting_rows
from runner.lanes.batch_wire import BatchForm, Unpackable
from runner.lanes.packing import Pack, PackLimits, limits_of
from runner.prices.price_list import Price
from runner.steps.batch_lines import line_of
from runner.steps.context import StepOptions, StepServices
from runner.steps.priced_request import priced_call

PAGE = 500  # rows read at a time
ROWS_AT_ONCE = 25  # packed before others may use the loop
LINES = ".lines"  # the ending of a file of packed lines
TRIES = 5  # to pack rows that change meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSale:
    """Where and how a batch is bought: the account, and its provider's form."""

    base_url: str
    account: str
    form: BatchForm


@dataclass(slots=True)
class _Packed:
    """What was packed: the rows in their order, and those that no batch takes."""

    pack: Pack
    rows: list[PackedRow] = field(default_factory=list)
    unfit: list[tuple[Claimed, str]] = field(default_factory=list)
    digest: str = ""
    currency: str | None = None

    def take(self, job: Claimed, number: int, price: Price | None) -> None:
        """One more row, with the most that it may cost."""
        self.currency = self.currency if price is None else price.currency
        ceiling = None if price is None else price.amount
        self.rows.append(PackedRow(job.id, job.epoch, job.version, number, job.row, ceiling))


class BatchPacker:
    """Makes batches of one run's rows; at most one batch's rows are in memory, and no line is."""

    def __init__(
        self,
        options: StepOptions,
        services: StepServices,
        folder: Path,
        *,
        selection: int | None = None,
    ) -> None:
        self._options = options
        self._services = services
        self._folder = folder
        self._selection = selection
        self._set_aside = 0  # rows that no batch takes, since they were last told

    async def pack(self, kind: WaitingKind, sale: BatchSale) -> ProviderBatch | None:
        """Write down the intention of one batch; None if no row of this kind can go now.

        Its lines are on the disk before the intention is in the table.
        """
        writer, most = self._services.writer, None
        tokens = await writer.do(lambda tx: queued_tokens(tx, sale.account, kind.model))
        limits = limits_of(sale.form.offer, queued=tokens)
        for _ in range(TRIES):
            number = (await self._numbers(1))[0]
            path = self.lines_of(number)
            packed = await self._write(path, kind, sale, limits, most)
            await self._leave_aside(packed.unfit)
            plan = self._plan(number, kind, sale, packed)
            if plan is None:
                path.unlink(missing_ok=True)
                return None
            reach("batch.packed")
            try:
                return await self._intend(plan)
            except ChangedRowsError:
                path.unlink(missing_ok=True)
            except TooDearError as error:
                path.unlink(missing_ok=True)
                most = error.fitting
                if not most:
                    return None
        return None

    def take_aside(self) -> int:
        """How many rows no batch takes, beyond those told of before."""
        found, self._set_aside = self._set_aside, 0
        return found

    def lines_of(self, number: int) -> Path:
        """Where the lines of a batch are until it has been created."""
        return self._folder / f"{number}{LINES}"

    async def _intend(self, plan: BatchPlan) -> ProviderBatch:
        writer, cap = self._services.writer, self._services.cap

        def hold(tx: Transaction, ceilings: Sequence[float | None]) -> int:
            return cap.hold_ahead(tx, plan.id, [row.row for row in plan.rows], ceilings)

        try:
            batch = await writer.do(
                lambda tx: intend(tx, writer.holding, plan, hold=hold, now=writer.now())
            )
        except BaseException:
            cap.forget_ahead(plan.id)
            raise
        cap.spend_ahead(plan.id)
        reach("batch.intended")
        return batch

    def _plan(
        self, number: int, kind: WaitingKind, sale: BatchSale, packed: _Packed
    ) -> BatchPlan | None:
        first = packed.pack.first
        if first is None:
            return None
        return BatchPlan(
            id=number,
            form=sale.form.offer.form,
            base_url=sale.base_url,
            url=first.url,
            account=sale.account,
            endpoint=kind.endpoint,
            model=kind.model,
            digest=packed.digest,
            size=packed.pack.size,
            tokens=packed.pack.tokens,
            currency=packed.currency,
            rows=packed.rows,
        )

    async def _leave_aside(self, unfit: Sequence[tuple[Claimed, str]]) -> None:
        if unfit:
            writer, kind = self._services.writer, FailureClass.BAD_INPUT.value
            self._set_aside += await writer.do(
                lambda tx: set_aside(tx, unfit, kind=kind, now=writer.now())
            )

    # --- the lines ----------------------------------------------------------------------------

    async def _write(
        self,
        path: Path,
        kind: WaitingKind,
        sale: BatchSale,
        limits: PackLimits,
        most: int | None,
    ) -> _Packed:
        """Write as many lines as fit, at most so many; durable on return."""
        limits = limits if most is None else replace(limits, rows=min(limits.rows, most))
        packed = _Packed(Pack(limits, separator=sale.form.separator))
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with _new_file(path) as file:
            async for page in self._pages(kind):
                written, is_full = await self._page(page, sale, packed)
                await asyncio.to_thread(_append, file, digest, written)
                if is_full:
                    break
            await asyncio.to_thread(_finish, file)
        await asyncio.to_thread(flush_folder, self._folder)
        packed.digest = digest.hexdigest()
        return packed

    async def _page(
        self, page: Sequence[Claimed], sale: BatchSale, packed: _Packed
    ) -> tuple[bytes, bool]:
        """The lines of some rows, and whether the batch is full with them."""
        pack, separator = packed.pack, sale.form.separator
        pieces: list[bytes] = []
        numbers = await self._numbers(len(page))
        for place, (job, number) in enumerate(zip(page, numbers, strict=True)):
            if place % ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)
            made = await line_of(job, number, sale.form, self._options)
            if isinstance(made, str):
                packed.unfit.append((job, made))
                continue
            if pack.is_too_long(made):
                packed.unfit.append((job, Unpackable.LONG.value))
                continue
            if pack.is_other(made):
                continue  # for another batch, after this one
            if not pack.has_room(made):
                return b"".join(pieces), True
            pieces += [separator, made.content] if pack.rows else [made.content]
            pack.add(made)
            price = self._ceiling(job, sale.form.offer.factor)
            packed.take(job, number, price)
        return b"".join(pieces), False

    def _ceiling(self, job: Claimed, factor: float) -> Price | None:
        """The most that a row may cost in a batch."""
        found = self._services.cap.prices.ceiling(priced_call([job]))
        return None if found is None else replace(found, amount=found.amount * factor)

    async def _pages(self, kind: WaitingKind) -> AsyncIterator[Sequence[Claimed]]:
        """The rows that wait, page by page, in order."""
        after: Turn | None = None
        while True:
            found = await asyncio.to_thread(self._read, kind, after)
            if not found:
                return
            after = found[-1][1]
            yield [job for job, _ in found]

    def _read(self, kind: WaitingKind, after: Turn | None) -> list[tuple[Claimed, Turn]]:
        writer = self._services.writer
        with writer.store.read() as tx:
            return waiting_rows(
                tx,
                writer.holding.sheet_id,
                kind,
                after=after,
                selection=self._selection,
                limit=PAGE,
            )

    async def _numbers(self, count: int) -> list[int]:
        """Numbers of calls; only the thread that writes takes them."""
        writer = self._services.writer
        return await writer.do(lambda _tx: [writer.ids.take() for _ in range(count)])


def clear_strays(folder: Path, wanted: Collection[int]) -> None:
    """Remove packed lines, except those of these batches: a process died, or they are created."""
    kept = {f"{number}{LINES}" for number in wanted}
    for path in (*folder.glob(f"*{LINES}"), *folder.glob("*.probe")):
        if path.name not in kept:
            path.unlink(missing_ok=True)


def _new_file(path: Path) -> BinaryIO:
    """A new file that its owner alone can read: prompts may be private."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600), "wb")


def _append(file: BinaryIO, digest: "hashlib._Hash", content: bytes) -> None:
    file.write(content)
    digest.update(content)


def _finish(file: BinaryIO) -> None:
    file.flush()
    flush(file.fileno())
