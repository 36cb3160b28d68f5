"""Takes in what a provider batch brought, row by row, in slices that are written down whole."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jobs.failpoints import reach
from jobs.job import Failure
from jobs.store.provider_batches.batch import ProviderBatch
from jobs.store.provider_batches.intake import (
    BatchRow,
    Place,
    count_left,
    rows_left,
    rows_of,
    taken_in,
)
from jobs.store.provider_batches.slices import calls_of, write_slice
from jobs.store.queue.settles import Settlement
from runner.lanes.batch_transfer import fetch_results
from runner.lanes.batch_wire import (
    AnsweredRow,
    BatchForm,
    BrokenRow,
    UnboughtRow,
    number_in,
)
from runner.protocol.call import Reply
from runner.steps.batch_rows import Leftovers, LineReader, RestReader, looks_cut, told_by
from runner.steps.context import RunState, StepServices
from runner.transport.client import GatewayClient
from runner.transport.off_loop import off_loop, uninterrupted
from runner.workspace.answers import NotKeptError

SLICE_ROWS = 500
SLICE_BYTES = 4_000_000  # lines with pictures: fewer of them at once
FOREIGN = "foreign"  # the cause of a whole line that is about no row of ours
GONE_SECONDS = 120.0  # after the batch ended, during which a provider may not know a file yet
_GONE = (404, 410)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """The result files on this disk; `gone` if one of them can no longer be had."""

    lines: tuple[tuple[str, Path], ...]
    gone: bool


class BatchIntake:
    """Reads the results of the batches of one run. Everything in it can be repeated.

    `tell` hears of every slice that is durable.
    """

    def __init__(
        self,
        services: StepServices,
        state: RunState,
        folder: Path,
        tell: Callable[[Sequence[Settlement]], None] = lambda _: None,
    ) -> None:
        self._services = services
        self._tell = tell
        self._state = state
        self._folder = folder

    async def take_in(
        self, batch: ProviderBatch, form: BatchForm, wire: GatewayClient
    ) -> ProviderBatch:
        """The batch with an outcome for each of its rows; still ended if a file cannot be had now.

        Raises LostBatchError if another host has it, NotKeptError if the disk takes no more.
        """
        if not await self._left(batch):  # it died when only this was left to be written
            return await self._done(batch, gone=False)
        files = await self._fetched(batch, form, wire)
        if files is None:
            return batch
        batch, found = await self._read(batch, form, files)
        if found is not None and looks_cut(batch, found):
            log.warning("provider batch %s: lines are cut or missing; fetched again", batch.id)
            batch = await self._again(batch, files)
            files = await self._fetched(batch, form, wire)
            if files is None:
                return batch
            batch, found = await self._read(batch, form, files)
        reach("batch.read")
        if found is not None:
            told = told_by(batch, form.offer, found)
            batch = await self._rest(batch, RestReader(told=told, found=found, gone=files.gone))
        return await self._done(batch, gone=files.gone)

    async def _read(
        self, batch: ProviderBatch, form: BatchForm, files: _Files
    ) -> tuple[ProviderBatch, Leftovers | None]:
        """Take in every answer; then what the files say about rows without one, if there are."""
        batch = await self._answers(batch, form, files)
        if not await self._left(batch):
            return batch, None
        mine = await self._services.writer.do(lambda tx: calls_of(tx, batch))
        return batch, await off_loop(partial(_leftovers, form, files, mine))

    # --- files ----------------------------------------------------------------------------------

    async def _fetched(
        self, batch: ProviderBatch, form: BatchForm, wire: GatewayClient
    ) -> _Files | None:
        """All result files; None if one of them has to be asked for again later."""
        lines, gone = [], False
        for number, name in enumerate(batch.files):
            path = self._folder / f"{batch.id}.{number}.results"
            if not path.exists():
                is_there = await self._fetch(batch, form, wire, name, path)
                if is_there is None:
                    return None
                gone = gone or not is_there
            if path.exists():
                lines.append((name, path))
        reach("batch.fetched")
        return _Files(lines=tuple(lines), gone=gone)

    async def _fetch(
        self, batch: ProviderBatch, form: BatchForm, wire: GatewayClient, name: str, path: Path
    ) -> bool | None:
        """True if the file is on the disk, False if it is gone for good, None if not now."""
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            found = await fetch_results(wire, form, name, path)
        except OSError as error:
            raise NotKeptError(error.errno, error.strerror, str(path)) from error
        if isinstance(found, Reply) and 200 <= found.status < 300:
            return True
        why = found.cause if isinstance(found, Failure) else _words(found)
        log.warning("provider batch %s: a result file did not come: %s", batch.id, why)
        ended = batch.ended_at or 0.0
        waited = self._services.writer.now() - ended > GONE_SECONDS
        is_gone = isinstance(found, Reply) and found.status in _GONE
        return False if is_gone and waited else None

    async def _again(self, batch: ProviderBatch, files: _Files) -> ProviderBatch:
        """Forget what was fetched: another copy may be whole."""
        await asyncio.to_thread(self._drop, batch)
        for name, _ in files.lines:
            batch = await self._write(batch, [], {}, Place(file=name, offset=0))
        return batch

    def _drop(self, batch: ProviderBatch) -> None:
        for path in self._folder.glob(f"{batch.id}.*.results*"):
            path.unlink(missing_ok=True)

    # --- rows with an answer --------------------------------------------------------------------

    async def _answers(self, batch: ProviderBatch, form: BatchForm, files: _Files) -> ProviderBatch:
        """Write down every answer in the files, from where they were read last."""
        for name, path in files.lines:
            offset = batch.places.get(name, 0)
            with _Lines(path, offset) as lines:
                while (part := await off_loop(lines.next_part)) is not None:
                    place = Place(file=name, offset=part.end)
                    batch = await self._part(batch, form, part.lines, place)
        return batch

    async def _part(
        self, batch: ProviderBatch, form: BatchForm, lines: Sequence[bytes], place: Place
    ) -> ProviderBatch:
        answers = await off_loop(lambda: _answered(form, lines))
        writer = self._services.writer
        rows = await writer.do(lambda tx: rows_of(tx, batch, list(answers)))
        reader = LineReader(
            prices=self._services.cap.prices,
            factor=form.offer.factor,
            rules=self._state.rules(),
            keep=self._services.answers.keep,
        )
        settlements = await off_loop(
            lambda: [reader.settlement(row, answers[call]) for call, row in rows.items()]
        )
        ceilings = {call: row.ceiling for call, row in rows.items()}
        return await self._write(batch, settlements, ceilings, place)

    async def _write(
        self,
        batch: ProviderBatch,
        settlements: Sequence[Settlement],
        ceilings: Mapping[int, float | None],
        place: Place | None,
    ) -> ProviderBatch:
        """The slice and the place after it, in one transaction."""
        writer = self._services.writer
        batch = await uninterrupted(
            writer.do(
                lambda tx: write_slice(
                    tx, writer.holding, batch, settlements, place=place, now=writer.now()
                )
            )
        )
        reach("batch.slice")
        for one in settlements:
            self._services.cap.settle_ahead(one, ceilings.get(one.job.call_id))
        self._tell(settlements)
        return batch

    # --- rows without an answer -----------------------------------------------------------------

    async def _rest(self, batch: ProviderBatch, reader: RestReader) -> ProviderBatch:
        """Give back what was not bought, and hold what may have been billed all the same.

        Rows are settled in the order of their lines, so that a line's number stays what it is.
        """
        line = batch.rows - await self._left(batch)
        while rows := await self._next_rows(batch):
            settlements = [
                reader.settlement(row, number)
                for number, row in enumerate(rows.values(), start=line + 1)
            ]
            line += len(rows)
            ceilings = {call: row.ceiling for call, row in rows.items()}
            batch = await self._write(batch, settlements, ceilings, None)
        return batch

    async def _left(self, batch: ProviderBatch) -> int:
        return await self._services.writer.do(lambda tx: count_left(tx, batch))

    async def _next_rows(self, batch: ProviderBatch) -> Mapping[int, BatchRow]:
        return await self._services.writer.do(lambda tx: rows_left(tx, batch, limit=SLICE_ROWS))

    async def _done(self, batch: ProviderBatch, *, gone: bool) -> ProviderBatch:
        """Every row has its outcome: the files here go first, then this is written down."""
        await asyncio.to_thread(self._drop, batch)
        writer, problem = self._services.writer, "results_gone" if gone else None
        return await writer.do(lambda tx: taken_in(tx, batch, problem=problem, now=writer.now()))


# --- lines ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Some whole lines, and the place after them."""

    lines: Sequence[bytes]
    end: int


class _Lines:
    """The lines of a file from a place on, some at a time; memory stays flat."""

    def __init__(self, path: Path, offset: int) -> None:
        self._file = path.open("rb")
        self._file.seek(offset if self._is_start(offset) else 0)

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def next_part(self) -> _Part | None:
        """The next lines; None at the end of the file."""
        lines: list[bytes] = []
        size = 0
        while len(lines) < SLICE_ROWS and size < SLICE_BYTES:
            line = self._file.readline()
            if not line:
                break
            lines.append(line)
            size += len(line)
        return _Part(lines=lines, end=self._file.tell()) if lines else None

    def _is_start(self, offset: int) -> bool:
        """True if a line of this copy begins there, or the file ends."""
        self._file.seek(max(offset - 1, 0))
        return offset == 0 or self._file.read(1) == b"\n"


def _answered(form: BatchForm, lines: Sequence[bytes]) -> dict[int, Reply]:
    """The answers in these lines by call; the first counts where a row has several."""
    found: dict[int, Reply] = {}
    for line in filter(bytes.strip, lines):
        read = form.read_line(line)
        if isinstance(read, AnsweredRow) and (call := number_in(read.row)) is not None:
            found.setdefault(call, read.reply)
    return found


def _leftovers(form: BatchForm, files: _Files, mine: frozenset[int]) -> Leftovers:
    """What the files say about rows without an answer; `mine` are the calls of the batch."""
    words: dict[int, str] = {}
    broken: set[int] = set()
    answered: set[int] = set()
    nameless = foreign = 0
    for line in _all_lines(files):
        read = form.read_line(line)
        call = number_in(read.row)
        if call is None:
            is_foreign = isinstance(read, BrokenRow) and read.cause == FOREIGN
            foreign, nameless = foreign + is_foreign, nameless + (not is_foreign)
        elif call not in mine:
            foreign += 1
        elif isinstance(read, UnboughtRow):
            words[call] = read.word
        elif isinstance(read, BrokenRow):
            broken.add(call)
        else:
            answered.add(call)
    return Leftovers(
        words=words,
        broken=frozenset(broken - answered),
        nameless=nameless,
        lines=len(answered | broken | words.keys()),
        answers=len(answered),
        foreign=foreign,
    )


def _all_lines(files: _Files) -> Iterator[bytes]:
    for _, path in files.lines:
        with path.open("rb") as file:
            yield from filter(bytes.strip, file)


def _words(found: object) -> str:
    """A delivery that is no file, in a word for the log."""
    return str(found.status) if isinstance(found, Reply) else str(getattr(found, "cause", ""))
