"""The step that saves the files of an answer; it never sends for a new answer."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from jobs.claimed import Claimed
from jobs.job import Failure, FailureClass
from jobs.outcome import Finished, GiveUp, Outcome, Released, TryAgain
from jobs.result import Picture
from jobs.store.answers import StoredAnswer, WantedFile, answer, cells_of, files_of
from jobs.store.queue.settles import LostFile, SavedFile, Settlement, replace_answer
from runner.endpoints.registry import ENDPOINTS
from runner.files.download import DownloadFailure
from runner.files.download import save as save_picture
from runner.files.naming import name_file, slug
from runner.files.save import NameTaken, Saved
from runner.pacing.backoff import backoff
from runner.protocol.pictures import decode_base64
from runner.protocol.quarters import whole_and_quarter
from runner.steps.context import StepOptions, StepResult, StepServices, chance
from runner.steps.job_inputs import inputs_to_read
from runner.steps.quarters import Quarters
from runner.transport.off_loop import off_loop
from runner.workspace.answers import AnswerFolder
from runner.workspace.target import RETRY_SECONDS, FileTargetError

if TYPE_CHECKING:
    from runner.steps.target_files import TargetFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSaved:
    """A wanted file that could not be fetched this time."""

    file: WantedFile
    failure: DownloadFailure


Fetched: TypeAlias = SavedFile | NotSaved


def _files_on_target(options: StepOptions, services: StepServices) -> "TargetFiles | None":
    """The files on their way to the run's target, if it has one."""
    target = services.answers.target
    if target is None:
        return None
    from runner.steps.target_files import TargetFiles  # noqa: PLC0415 - few runs have one

    return TargetFiles(target, services.writer, options.parts_folder)


class Fetcher:
    """Saves the files of one run, each under its own name."""

    def __init__(self, options: StepOptions, services: StepServices) -> None:
        self._options = options
        self._services = services
        self._being_saved: set[str] = set()
        self._quarters = Quarters(options.parts_folder, self._download)
        self._target_files = _files_on_target(options, services)

    async def fetch(self, job: Claimed) -> StepResult:
        """Save the files of an answer that are not saved yet.

        While their target cannot be used, they wait, and that counts as no try.
        """
        try:
            return await self._fetch(job)
        except FileTargetError as error:
            if self._target_files is not None:
                self._target_files.away(error)
            later = Released(delay=RETRY_SECONDS)
            return StepResult(settlement=Settlement(job=job, outcome=later))
        finally:
            self._quarters.drop(job)

    async def _fetch(self, job: Claimed) -> StepResult:
        wanted, row, stored = await self._services.writer.do(
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
                inline = await off_loop(
                    lambda: _inline_pictures(job, stored, self._services.answers)
                )
            except FileTargetError:
                raise
            except OSError as error:
                return _unreadable(job, f"the stored answer cannot be read: {error}")
        values = _name_values(job, row, self._options.headers)
        got = [await self._get(job, file, inline.get(file.number), values) for file in open_files]
        have_one = any(file.state == "done" for file in wanted)
        return self._fetched(job, got, inline, have_one=have_one)

    async def save(self, job: Claimed, pictures: Sequence[Picture]) -> list[SavedFile | LostFile]:
        """Save the files of a success that came late; all of them, or none that may still come.

        Returns an empty list if one of them may be had later.
        """
        writer = self._services.writer
        row = await writer.do(lambda tx: cells_of(tx, job.id))
        values = _name_values(job, row, self._options.headers)
        wanted = [
            WantedFile(
                number=number,
                version=job.version,
                url=picture.url,
                expires_at=picture.expires_at,
                state="pending",
                name=None,
            )
            for number, picture in enumerate(pictures, start=1)
        ]
        got = [
            await self._get(job, file, picture.base64, values)
            for file, picture in zip(wanted, pictures, strict=True)
        ]
        self._quarters.drop(job)
        failed = [one for one in got if isinstance(one, NotSaved)]
        if any(one.failure.passing for one in failed) or len(failed) == len(got):
            return []
        return [
            LostFile(number=one.file.number, cause=one.failure.cause)
            if isinstance(one, NotSaved)
            else one
            for one in got
        ]

    async def slim(self, call_id: int, pictures: Mapping[str, str]) -> None:
        """Remove pictures that are verified on disk from their stored answer."""
        writer, answers = self._services.writer, self._services.answers
        stored = await writer.do(lambda tx: answer(tx, call_id))
        if stored is None or not stored.complete:
            return
        try:
            slim = await off_loop(lambda: answers.slim(stored, pictures))
        except OSError:
            return  # the big answer stays as it is; nothing depends on its size
        if slim is not None:
            await writer.do(lambda tx: replace_answer(tx, call_id, slim))
            answers.drop(call_id)

    async def _get(
        self, job: Claimed, file: WantedFile, inline: str | None, values: Mapping[str, str]
    ) -> Fetched:
        """Save one file under its own name; a suffix is added if the name is taken."""
        names = {**values, "n": str(file.number)}
        base = str(
            name_file(self._options.name_template, names, version=file.version, extension="")
        )
        if self._target_files is not None:
            return await self._get_to_target(job, file, inline, base)
        for name in _names(base, job):
            if name.casefold() in self._being_saved:
                continue
            self._being_saved.add(name.casefold())
            try:
                saved = await self._save(job, file, inline, name)
            finally:
                self._being_saved.discard(name.casefold())
            match saved:
                case NameTaken():
                    continue
                case DownloadFailure():
                    return NotSaved(file=file, failure=saved)
                case Saved():
                    final = saved.path.relative_to(self._options.files_folder).as_posix()
                    return _saved_file(file, saved, final)
        return _none_free(file, base)

    async def _get_to_target(
        self, job: Claimed, file: WantedFile, inline: str | None, base: str
    ) -> Fetched:
        """Save one file on the local disk, checked, then put it on the target."""
        assert self._target_files is not None
        part = self._target_files.part_for(f"{job.id}-{job.call_id}-{file.number}")
        match await self._save_at(job, file, inline, part):
            case NameTaken():  # another host of this machine saves the same file
                busy = DownloadFailure(cause="name_taken", detail=str(part), passing=True)
                return NotSaved(file=file, failure=busy)
            case DownloadFailure() as failure:
                return NotSaved(file=file, failure=failure)
            case Saved() as saved:
                ending = saved.path.name.removeprefix(part.name)
                name = await self._target_files.put(
                    saved, (f"{name}{ending}" for name in _names(base, job))
                )
                return _none_free(file, base) if name is None else _saved_file(file, saved, name)

    async def _download(
        self, job: Claimed, url: str, target: Path
    ) -> Saved | NameTaken | DownloadFailure:
        """Download a file; the provider's own host gets the key that the task was made with."""
        wire = await self._services.accounts.wire_of(job.call_id)
        return await self._services.downloads.download(url, target, key=wire.headers_for)

    async def _save(
        self, job: Claimed, file: WantedFile, inline: str | None, name: str
    ) -> Saved | NameTaken | DownloadFailure:
        target = self._options.files_folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        return await self._save_at(job, file, inline, target)

    async def _save_at(
        self, job: Claimed, file: WantedFile, inline: str | None, target: Path
    ) -> Saved | NameTaken | DownloadFailure:
        if file.url is not None:
            url, quarter = whole_and_quarter(file.url)
            if quarter is not None:
                return await self._quarters.save(job, url, quarter, target)
            return await self._download(job, url, target)
        if inline is None:
            gone = "the answer no longer holds this picture"
            return DownloadFailure(cause="not_found", detail=gone, passing=False)
        try:
            data = await off_loop(lambda: decode_base64(inline))
        except ValueError as error:
            return DownloadFailure(cause="not_a_picture", detail=str(error), passing=False)
        return await save_picture(data, target)

    def _fetched(
        self, job: Claimed, got: list[Fetched], inline: Mapping[int, str], *, have_one: bool
    ) -> StepResult:
        """The step's result; `have_one` is True if an earlier fetch of this answer saved a file."""
        saved = [one for one in got if isinstance(one, SavedFile)]
        failed = [one for one in got if isinstance(one, NotSaved)]
        later = [one.failure for one in failed if one.failure.passing]
        if later and job.attempts + 1 < self._options.max_attempts:
            delay = backoff(job.attempts + 1, chance=chance())
            again = TryAgain(failure=_file_failure(later[0]), delay=delay)
            return StepResult(settlement=Settlement(job=job, outcome=again, files=saved))
        lost = [LostFile(number=one.file.number, cause=one.failure.cause) for one in failed]
        outcome: Outcome = Finished()
        if failed and not saved and not have_one:
            outcome = GiveUp(failure=_file_failure(failed[0].failure))
        drop = {inline[one.number]: one.sha256.hex() for one in saved if one.number in inline}
        return StepResult(
            settlement=Settlement(job=job, outcome=outcome, files=[*saved, *lost]),
            saved_base64=drop if not failed else {},
        )


def _names(base: str, job: Claimed) -> Iterator[str]:
    """The names that a file may have, without their ending: the next one where one is taken."""
    yield base
    yield f"{base}-{job.row}"
    yield from (f"{base}-{job.row}-{k}" for k in range(2, 100))


def _none_free(file: WantedFile, base: str) -> NotSaved:
    detail = f"no free name like {base}"
    failure = DownloadFailure(cause="name_taken", detail=detail, passing=False)
    return NotSaved(file=file, failure=failure)


def _saved_file(file: WantedFile, saved: Saved, name: str) -> SavedFile:
    return SavedFile(
        number=file.number,
        name=name,
        size=saved.size,
        sha256=bytes.fromhex(saved.sha256),
        media_type=saved.media_type,
        width=saved.width,
        height=saved.height,
    )


def _inline_pictures(job: Claimed, stored: StoredAnswer, answers: AnswerFolder) -> dict[int, str]:
    """The pictures inside an answer as base64, by number."""
    endpoint = ENDPOINTS[job.endpoint]
    inputs, reply = inputs_to_read(job, endpoint), answers.load(stored)
    if endpoint.read_poll is not None and job.ticket is not None:
        reading = endpoint.read_poll(inputs, job.ticket, reply)
    else:
        reading = endpoint.read(inputs, reply)
    return {
        number: picture.base64
        for number, picture in enumerate(getattr(reading, "pictures", ()), start=1)
        if picture.base64 is not None
    }


def _file_failure(failure: DownloadFailure) -> Failure:
    return Failure(
        kind=FailureClass.FILE, cause=failure.cause, detail=failure.detail, status=failure.status
    )


def _unreadable(job: Claimed, detail: str) -> StepResult:
    failure = Failure(kind=FailureClass.FILE, cause="not_found", detail=detail)
    return StepResult(settlement=Settlement(job=job, outcome=GiveUp(failure=failure)))


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
