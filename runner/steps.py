"""One step of one job: do it, decide what it came to, have it written down."""

import asyncio
import base64
import binascii
import contextlib
import json
import random
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from jobs.job import JSON, Claimed, Failure, FailureClass, Step
from jobs.outcome import Finished, GiveUp, Outcome, Released, Repeat, Submitted, TryAgain
from jobs.store.claims import count_death
from jobs.store.readings import StoredAnswer, WantedFile, answer, cells_of, files_of
from jobs.store.settles import (
    Answer,
    Ended,
    LostFile,
    SavedFile,
    Settlement,
    replace_answer,
)
from runner.answers import INLINE, AnswerFolder, cut_answer
from runner.attachments import AttachmentError, Reference
from runner.attachments import load as load_attachment
from runner.dialects.images import takes_only_png
from runner.download import DownloadFailure, Downloads
from runner.download import save as save_picture
from runner.endpoint import AnyEndpoint
from runner.inputs import Attachment, InputError, parse, picture_columns
from runner.ledger import Ledger
from runner.naming import name_file, slug
from runner.pricing import PriceList
from runner.registry import ENDPOINTS
from runner.resolution import (
    IMAGE_FIELD,
    Resolution,
    Rules,
    Signal,
    after_death,
    resolve,
    resolve_poll,
)
from runner.retry import backoff
from runner.saving import NameTaken, Saved
from runner.shrinking import as_png, fit
from runner.spool import Record, Spool
from runner.transport import Wire
from runner.wire import Lost, Reply

T = TypeVar("T")
YOUNG = 120.0  # seconds in which an object store may not show a new picture yet
MOST_DEATHS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the steps of one run go by."""

    folder: Path  # of the sheet: relative pictures start here
    allowed: tuple[Path, ...]  # further folders that pictures may come from
    files: Path  # where files go
    name: str  # template of file names
    headers: tuple[str, ...]
    attempts: int
    hold_in_doubt: bool
    repeats: int  # in-doubt repeats that this run may make


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A step that is over: what is to be written down, and what the run should know."""

    settlement: Settlement
    signal: Signal = Signal.NONE
    pause: float = 0.0
    drop_answer: dict[str, str] = field(default_factory=dict)  # base64 → SHA-256 of saved pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the steps of one run work with."""

    ledger: Ledger
    wire: Wire
    downloads: Downloads
    spool: Spool
    answers: AnswerFolder
    prices: PriceList


class Steps:
    """The three kinds of step."""

    def __init__(self, plan: Plan, tools: Tools) -> None:
        self.plan = plan
        self.key_good = False
        self._ledger = tools.ledger
        self._wire = tools.wire
        self._downloads = tools.downloads
        self._spool = tools.spool
        self._answers = tools.answers
        self._prices = tools.prices
        self._repeats_left = plan.repeats
        self._being_saved: set[str] = set()
        self._other_field: set[int] = set()  # jobs whose picture's field name was not known there

    def _rules(self) -> Rules:
        return Rules(
            attempts=self.plan.attempts,
            hold_in_doubt=self.plan.hold_in_doubt,
            repeat_left=self._repeats_left > 0,
            key_good=self.key_good,
            chance=random.random(),  # noqa: S311 - spreads waits, guards nothing
            now=time.time(),
        )

    # --- send -----------------------------------------------------------------------------------

    async def send(self, job: Claimed) -> Done:
        """Ask the endpoint. The answer is in the spool before anything else is done with it."""
        endpoint = ENDPOINTS[job.endpoint]
        try:
            inputs = await self._inputs(job, endpoint)
        except (InputError, AttachmentError, OSError) as error:
            return self._unfit(job, str(error))
        call = endpoint.build(inputs)
        started = time.monotonic()
        try:
            delivery = await self._wire.send(call, key=job.call_key)
        except asyncio.CancelledError:
            return self._cut_short(job, endpoint, time.monotonic() - started)
        if isinstance(delivery, Reply):
            self._spool.append(job.call_id, delivery)
            return await to_the_end(self._take(job, delivery, endpoint, inputs))
        resolution = resolve(job, endpoint, inputs, delivery, self._rules())
        kept = cut_answer(delivery) if isinstance(delivery, Lost) else None
        return self._sent(job, resolution, time.monotonic() - started, kept=kept)

    async def take(self, job: Claimed, reply: Reply) -> Done:
        """Decide what an answer from the spool means, as `send` would have."""
        endpoint = ENDPOINTS[job.endpoint]
        inputs = parse(endpoint.inputs, job.fields, _shapes(endpoint, job.fields))
        return await self._take(job, reply, endpoint, inputs)

    async def _take(
        self, job: Claimed, reply: Reply, endpoint: AnyEndpoint, inputs: object
    ) -> Done:
        if len(reply.body) > INLINE:
            resolution, kept = await asyncio.to_thread(self._weigh, job, reply, endpoint, inputs)
        else:
            resolution, kept = self._weigh(job, reply, endpoint, inputs)
        return self._sent(job, resolution, reply.seconds, reply=reply, kept=kept)

    def _weigh(
        self, job: Claimed, reply: Reply, endpoint: AnyEndpoint, inputs: object
    ) -> tuple[Resolution, Answer]:
        kept = self._answers.keep(job.call_id, reply)
        return resolve(job, endpoint, inputs, reply, self._rules()), kept

    def _sent(
        self,
        job: Claimed,
        resolution: Resolution,
        seconds: float,
        *,
        reply: Reply | None = None,
        kept: Answer | None = None,
    ) -> Done:
        outcome = resolution.outcome
        if isinstance(outcome, Repeat):
            self._repeats_left -= 1
        if isinstance(outcome, TryAgain) and outcome.failure.cause == IMAGE_FIELD:
            self._other_field.add(job.id)
        result = getattr(outcome, "result", None)
        price = self._prices.cost(job.model, result) if resolution.wire in "CE" else None
        ended = Ended(
            wire=resolution.wire,
            seconds=seconds,
            status=kept.status if kept else None,
            request_id=_request_id(reply),
            cost=price.amount if price else None,
            currency=price.currency if price else None,
        )
        settlement = Settlement(job=job, outcome=outcome, ended=ended, answer=kept)
        return Done(settlement=settlement, signal=resolution.signal, pause=resolution.pause)

    async def _inputs(self, job: Claimed, endpoint: AnyEndpoint) -> object:
        fields = dict(job.fields) | ({"stream": True} if job.stream else {})
        if job.id in self._other_field:
            fields["image_field"] = "other"
        pictures: dict[str, tuple[Attachment, ...]] = {}
        for name, references in references_in(endpoint, fields).items():
            pictures[name] = await asyncio.to_thread(self._attach, references, job.model, endpoint)
        return parse(endpoint.inputs, fields, pictures)

    def _attach(
        self, references: list[Reference], model: str, endpoint: AnyEndpoint
    ) -> tuple[Attachment, ...]:
        """The pictures as this endpoint and this model take them; slow where one is changed."""
        found = [
            load_attachment(one, folder=self.plan.folder, allowed=self.plan.allowed)
            for one in references
        ]
        if takes_only_png(model):
            found = [as_png(one) for one in found]
        if endpoint.picture_limit is not None:
            found = [fit(one, endpoint.picture_limit) for one in found]
        return tuple(found)

    def _unfit(self, job: Claimed, why: str) -> Done:
        failure = Failure(kind=FailureClass.BAD_INPUT, cause="unfit", detail=why)
        ended = Ended(wire="A", seconds=0.0)
        return Done(settlement=Settlement(job=job, outcome=GiveUp(failure=failure), ended=ended))

    def _cut_short(self, job: Claimed, endpoint: AnyEndpoint, seconds: float) -> Done:
        """Stopped by a person in the middle of a call: as after a death."""
        return self._sent(job, after_death(endpoint, self._rules()), seconds)

    def given_up(self, job: Claimed) -> Done:
        """A step that cost nothing, cut short: it is done again by the next run."""
        ended = Ended(wire="A", seconds=0.0) if job.step is Step.SEND else None
        return Done(settlement=Settlement(job=job, outcome=Released(delay=0.0), ended=ended))

    async def settled(self, done: Done) -> None:
        """Once it is durable, the spool forgets it and saved pictures leave the answer."""
        job = done.settlement.job
        if job.step is Step.SEND:
            self._spool.forget(job.call_id)
        if done.drop_answer:
            await self._slim(job.call_id, done.drop_answer)

    async def _slim(self, call_id: int, pictures: Mapping[str, str]) -> None:
        stored = await self._ledger.do(lambda tx: answer(tx, call_id))
        if stored is None or not stored.complete:
            return
        try:
            slim = await asyncio.to_thread(self._answers.slim, stored, pictures)
        except OSError:
            return  # the big answer stays as it is; nothing depends on its size
        if slim is not None:
            await self._ledger.do(lambda tx: replace_answer(tx, call_id, slim))
            self._answers.drop(call_id)

    # --- after a death --------------------------------------------------------------------------

    async def recover(self, job: Claimed, record: Record | None) -> Done:
        """A job that a dead process left running; a record settled before is ignored."""
        if job.step is Step.SEND:
            return await self._recover_send(job, record)
        if job.deaths >= MOST_DEATHS:
            return Done(settlement=Settlement(job=job, outcome=GiveUp(failure=_deaths(job))))
        return Done(settlement=Settlement(job=job, outcome=Released(delay=0.0)))

    async def _recover_send(self, job: Claimed, record: Record | None) -> Done:
        """Reading an answer can take the process down: counted first, undone by the settle."""
        if record is None:
            alive = replace(job, deaths=0)
            return self._sent(alive, after_death(ENDPOINTS[job.endpoint], self._rules()), 0.0)
        if job.deaths < MOST_DEATHS:
            await self._ledger.do(lambda tx: count_death(tx, job.id))
            return await self.take(job, record.reply)
        kept = self._answers.keep(job.call_id, record.reply)
        ended = Ended(wire="E", seconds=record.reply.seconds, status=record.reply.status)
        return Done(
            settlement=Settlement(
                job=job, outcome=GiveUp(failure=_deaths(job)), ended=ended, answer=kept
            )
        )

    # --- poll -----------------------------------------------------------------------------------

    async def poll(self, job: Claimed) -> Done:
        """Ask after a remote task. The ticket is known, so nothing is ever submitted again."""
        endpoint = ENDPOINTS[job.endpoint]
        if endpoint.ask is None or job.ticket is None:
            raise TypeError(f"{job.endpoint} has no tasks to ask after")
        delivery = await self._wire.send(endpoint.ask(job.ticket))
        resolution = resolve_poll(job, endpoint, delivery, self._rules())
        kept = None
        if isinstance(delivery, Reply) and not isinstance(resolution.outcome, Submitted | Released):
            kept = await asyncio.to_thread(self._answers.keep, job.call_id, delivery)
        settlement = Settlement(job=job, outcome=resolution.outcome, answer=kept)
        return Done(settlement=settlement, signal=resolution.signal, pause=resolution.pause)

    # --- fetch ----------------------------------------------------------------------------------

    async def fetch(self, job: Claimed) -> Done:
        """Save the files of an answer; never asks for a new one."""
        wanted, row, stored = await self._ledger.do(
            lambda tx: (
                files_of(tx, job.id, job.call_id),
                cells_of(tx, job.id),
                answer(tx, job.call_id),
            )
        )
        open_files = [file for file in wanted if file.state != "done"]
        inline: dict[int, str] = {}
        if any(file.url is None for file in open_files) and stored is not None:
            try:
                inline = await asyncio.to_thread(self._inline_pictures, job, stored)
            except OSError as error:
                return _files_failed(job, [], f"the stored answer cannot be read: {error}")
        values = _name_values(job, row, self.plan.headers)
        got = [
            await self._one_file(job, file, inline.get(file.number), values) for file in open_files
        ]
        return self._fetched(job, wanted, got, inline)

    def _inline_pictures(self, job: Claimed, stored: StoredAnswer) -> dict[int, str]:
        reply = self._answers.load(stored)
        endpoint = ENDPOINTS[job.endpoint]
        reading = endpoint.read(
            parse(endpoint.inputs, job.fields, _shapes(endpoint, job.fields)), reply
        )
        pictures = getattr(reading, "pictures", ())
        return {
            number: picture.base64
            for number, picture in enumerate(pictures, start=1)
            if picture.base64 is not None
        }

    async def _one_file(
        self, job: Claimed, file: WantedFile, inline: str | None, values: Mapping[str, str]
    ) -> "SavedFile | tuple[WantedFile, DownloadFailure]":
        """One picture under a name of its own; a name taken by something else gets a tail."""
        names = {**values, "n": str(file.number)}
        base = str(name_file(self.plan.name, names, version=file.version, extension=""))
        for name in (base, f"{base}-{job.row}", *(f"{base}-{job.row}-{k}" for k in range(2, 100))):
            if name.casefold() in self._being_saved:
                continue
            self._being_saved.add(name.casefold())
            try:
                saved = await self._save(file, inline, self.plan.files / name)
            finally:
                self._being_saved.discard(name.casefold())
            match saved:
                case NameTaken():
                    continue
                case DownloadFailure():
                    return file, saved
                case Saved():
                    return _saved_file(file, saved, self.plan.files)
        taken = DownloadFailure(
            cause="name_taken", detail=f"no free name like {base}", passing=False
        )
        return file, taken

    async def _save(
        self, file: WantedFile, inline: str | None, target: Path
    ) -> Saved | NameTaken | DownloadFailure:
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.url is not None:
            return await self._downloads.download(file.url, target)
        if inline is None:
            gone = "the answer no longer holds this picture"
            return DownloadFailure(cause="not_found", detail=gone, passing=False)
        try:
            data = await asyncio.to_thread(_decoded, inline)
        except binascii.Error as error:
            return DownloadFailure(cause="not_a_picture", detail=str(error), passing=False)
        return await save_picture(data, target)

    def _fetched(
        self,
        job: Claimed,
        wanted: list[WantedFile],
        got: "list[SavedFile | tuple[WantedFile, DownloadFailure]]",
        inline: dict[int, str],
    ) -> Done:
        saved = [one for one in got if isinstance(one, SavedFile)]
        failed = [one for one in got if isinstance(one, tuple)]
        later = [failure for _, failure in failed if failure.passing]
        if later and job.attempts + 1 < self.plan.attempts:
            delay = backoff(job.attempts + 1, chance=random.random())  # noqa: S311 - spreads waits
            again = TryAgain(failure=_file_failure(later[0]), delay=delay)
            return Done(settlement=Settlement(job=job, outcome=again, files=saved))
        lost = [LostFile(number=file.number, cause=failure.cause) for file, failure in failed]
        have_one = bool(saved) or any(file.state == "done" for file in wanted)
        outcome: Outcome = Finished()
        if failed and not have_one:
            outcome = GiveUp(failure=_file_failure(failed[0][1]))
        drop = {inline[one.number]: one.sha256.hex() for one in saved if one.number in inline}
        return Done(
            settlement=Settlement(job=job, outcome=outcome, files=[*saved, *lost]),
            drop_answer=drop if not failed else {},
        )


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """The result of work that a cancellation must not cut short: an answer that came is kept."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    return task.result()


def references_in(endpoint: AnyEndpoint, fields: Mapping[str, JSON]) -> dict[str, list[Reference]]:
    """The picture fields of a job, as references to what their cells named."""
    found: dict[str, list[Reference]] = {}
    for name in picture_columns(endpoint.inputs):
        value = fields.get(name)
        if isinstance(value, list):
            found[name] = [Reference(**one) for one in value if isinstance(one, dict)]  # type: ignore[arg-type]  # as the request maker stored them
    return found


def _shapes(endpoint: AnyEndpoint, fields: Mapping[str, JSON]) -> dict[str, tuple[Attachment, ...]]:
    """Stand-ins for pictures: reading an answer needs the inputs, not the pictures' bytes."""
    references = references_in(endpoint, fields)
    return {name: (Attachment(url=""),) * len(found) for name, found in references.items()}


def _decoded(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)


def _saved_file(file: WantedFile, saved: Saved, folder: Path) -> SavedFile:
    return SavedFile(
        number=file.number,
        name=saved.path.relative_to(folder).as_posix(),
        size=saved.size,
        sha256=bytes.fromhex(saved.sha256),
        media_type=saved.media_type,
        width=saved.width,
        height=saved.height,
    )


def _deaths(job: Claimed) -> Failure:
    return Failure(kind=FailureClass.CRASHED, cause="deaths", detail=str(job.deaths))


def _file_failure(failure: DownloadFailure) -> Failure:
    return Failure(
        kind=FailureClass.FILE, cause=failure.cause, detail=failure.detail, status=failure.status
    )


def _files_failed(job: Claimed, saved: list[SavedFile], detail: str) -> Done:
    failure = Failure(kind=FailureClass.FILE, cause="not_found", detail=detail)
    return Done(settlement=Settlement(job=job, outcome=GiveUp(failure=failure), files=saved))


def _name_values(
    job: Claimed, row: tuple[str, str] | None, headers: tuple[str, ...]
) -> dict[str, str]:
    key, cells = row if row is not None else (str(job.id), "[]")
    own = dict(
        zip(
            headers, ("" if cell is None else str(cell) for cell in json.loads(cells)), strict=False
        )
    )
    return own | {
        "row": str(job.row),
        "key": key,
        "slug": slug(str(job.fields.get("prompt") or "")),
        "model": job.model,
        "endpoint": job.endpoint,
    }


def _request_id(reply: Reply | None) -> str | None:
    if reply is None:
        return None
    for name in ("x-oneapi-request-id", "x-request-id", "request-id"):
        if name in reply.headers:
            return reply.headers[name][:200]
    return None
