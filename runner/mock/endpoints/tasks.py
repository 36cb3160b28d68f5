"""Answers the paths of films and songs: submits are billed, questions are free."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp import BodyPartReader, web

from jobs.job import JSON
from runner.mock import responses
from runner.mock.bill import Bill, BilledRequest, Download, fault_name
from runner.mock.chance import prompt_digest
from runner.mock.endpoints import task_forms
from runner.mock.endpoints.chat_replies import packed
from runner.mock.endpoints.task_forms import Film, TaskMoment, WrongTask
from runner.mock.error_replies import Canned, canned_fault
from runner.mock.faults import FREE_FAULTS, Fault, PromptRequest, TaskFault
from runner.mock.pictures.picture import MockPicture, drawable
from runner.mock.settings import PRICE_PER_FILM, PRICE_PER_PICTURE, PRICE_PER_SONG, MockSettings

TRUE_SHARE = 0.8  # of the price charged with the submit, as it is settled in the end
UNITS_PER_DOLLAR = 500_000
_REFUSALS = FREE_FAULTS | {Fault.REFUSAL, Fault.MODERATION}
_MEDIA = {
    False: (Path(__file__).parents[1] / "pictures" / "film.mp4", "video/mp4"),
    True: (Path(__file__).parents[1] / "pictures" / "song.mp3", "audio/mpeg"),
}
_TELLING = frozenset({"newapi", "suno", "lyrics"})
"""Forms whose answers tell what a task took."""
_PREFIXES = {"newapi": "task_", "openai": "video_", "ark": "cgt-", "veo": "models/m/operations/"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A task that was accepted."""

    id: str
    film: Film
    submitted: float
    fault: TaskFault = TaskFault.OK
    key: str | None = None
    price: float = 0.0


class FilmTasks:
    """The films and songs of one gateway."""

    def __init__(self, settings: MockSettings, *, base_url: str, books: Bill) -> None:
        self.settings, self.base_url, self.books = settings, base_url, books
        self.questions: Counter[str] = Counter()  # by id
        self._known: dict[str, _Begun] = {}
        self._charged: dict[str, float] = {}  # by id, once an end was told
        self._serial = 0

    def has(self, method: str, path: str, query: Mapping[str, str]) -> bool:
        """True for a submit, or a question after a task."""
        jimeng = method == "POST" and path == "/jimeng/" and "Action" in query
        return jimeng or task_forms.is_submit(method, path) or _asked(method, path, query) != ""

    def is_file(self, method: str, path: str) -> bool:
        """True for the address of a film or song that needs no key."""
        return method == "GET" and path.startswith("/media/")

    async def answer(self, http: web.BaseRequest, call: str) -> web.StreamResponse:
        """The response to a submit, or to a question."""
        path, query = http.path, http.query
        number = _asked(http.method, path, query)
        if path == "/jimeng/" and query.get("Action") == "CVSync2AsyncGetResult":
            number = str(json.loads(await http.content.read()).get("task_id"))
        if number:
            return self._told(http, number, call)
        self.books.enter()
        try:
            return await self._submitted(http, call)
        finally:
            self.books.leave()

    # --- submits ----------------------------------------------------------------------------------

    async def _submitted(self, http: web.BaseRequest, call: str) -> web.StreamResponse:
        key = http.headers.get("Idempotency-Key")
        try:
            fields = await _fields(http)
            film = task_forms.read_submit(http.path, http.query, {**fields, "key": key or ""})
        except WrongTask as wrong:
            self.books.write(
                BilledRequest(id=call, time=_now(), endpoint=http.path, key=key, status=400)
            )
            body: JSON = {"code": "invalid_request", "message": str(wrong), "data": None}
            return responses.canned_response(Canned(status=400, body=packed(body)), {})
        if film.pictures and (before := self._by_key(key)) is not None:
            return self._replayed(http, before, call)
        sha = prompt_digest(film.prompt)
        ask = PromptRequest(prompt=film.prompt, sha=sha, number=self.books.ask(sha), pictures=True)
        fault = self.settings.faults.of_call(self.settings.seed, ask)
        billed = fault not in _REFUSALS
        price = round(_price(film) if billed else 0.0, 6)
        canned = _canned(fault, call, film)
        if billed and fault not in (Fault.HTML, Fault.ERROR_200):
            self._serial += 1
            fault_of_task = self.settings.faults.of_task(self.settings.seed, ask)
            begun = _begun(film, self._serial, fault_of_task, key=key, price=price)
            self._known[begun.id] = begun
            canned = canned or Canned(
                status=200, body=packed(task_forms.accepted(self._state(begun))), headers=self._soon
            )
        assert canned is not None  # each free fault has its own words
        self.books.write(
            BilledRequest(
                id=call,
                time=_now(),
                endpoint=http.path,
                model=film.model,
                prompt_sha=sha,
                key=key,
                billed=billed,
                price=price,
                fault=fault_name(fault),
                status=None if fault is Fault.RESET_AFTER else canned.status,
            )
        )
        seconds = self.settings.latency_of(ask.sha, ask.number)
        slow = self.settings.slow if fault is Fault.SLOW else 0.0
        await asyncio.sleep(0.0 if fault in _REFUSALS else seconds + slow)
        return await _sent(http, canned, fault, self.books.requests[-1].id)

    def _by_key(self, key: str | None) -> _Begun | None:
        """The task of an earlier submit with this key."""
        return next((one for one in self._known.values() if one.key == key), None)

    def _replayed(self, http: web.BaseRequest, begun: _Begun, call: str) -> web.StreamResponse:
        """A submit whose key is known: the first task once more, and no second bill."""
        self.books.write(
            BilledRequest(id=call, time=_now(), endpoint=http.path, key=begun.key, status=202)
        )
        headers = {"Idempotency-Replayed": "true", **self._soon}
        body = packed(task_forms.accepted(self._state(begun)))
        return responses.canned_response(Canned(status=202, body=body, headers=headers), {})

    # --- questions --------------------------------------------------------------------------------

    @property
    def _soon(self) -> dict[str, str]:
        """A short Retry-After, so that tests need not wait; real gateways send none."""
        return {"Retry-After": f"{max(self.settings.task_seconds / 4, 0.05):.2f}"}

    def _told(self, http: web.BaseRequest, number: str, call: str) -> web.StreamResponse:
        headers = {"X-Oneapi-Request-Id": call, **self._soon}
        begun, before = self._known.get(number), self.questions[number]
        self.questions[number] += 1
        hidden = begun is not None and (
            begun.fault is TaskFault.LOST or (begun.fault is TaskFault.UNKNOWN and before == 0)
        )
        if begun is None or hidden:
            missing: JSON = {"code": "task_not_exist", "message": "task_not_exist", "data": None}
            return responses.canned_response(Canned(status=400, body=packed(missing)), headers)
        if begun.fault is TaskFault.BAD_GATEWAY and before == 0:
            page = canned_fault(Fault.BAD_GATEWAY, call, "", 0.0)
            assert page is not None
            return responses.canned_response(
                replace(page, headers={**page.headers, **self._soon}), {}
            )
        state = self._state(begun)
        if http.path.endswith(("/content", ":download")):
            return self._content(begun) if state.word == "done" else _not_done()
        if http.path.endswith("/result"):
            return _drawings(self.base_url, begun, done=state.word == "done")
        if http.path == "/v1/files/retrieve":
            found: JSON = {"file_id": number, "download_url": state.link}
            return responses.whole(packed({"file": found}), headers)
        self._settle(begun, state)
        return responses.whole(packed(task_forms.record(state)), headers)

    def _state(self, begun: _Begun) -> TaskMoment:
        age = time.time() - begun.submitted
        share = age / max(self.settings.task_seconds, 1e-9)
        word = "waiting" if share < 0.3 else "running" if share < 1 else "done"
        reason = ""
        if (
            share >= 1
            and begun.fault in _ENDS
            and not (begun.fault is TaskFault.LATE and age >= self.settings.late_seconds)
        ):
            word, reason = "failed", _ENDS[begun.fault]
        if begun.fault is TaskFault.HANG:
            word = "running"
        elif begun.fault is TaskFault.MODAL:
            word = "modal"
        link = f"{self.base_url}/media/{begun.id.replace('/', '-')}" if word == "done" else ""
        if begun.film.form == "veo" and link:
            link = f"{self.base_url}/v1beta/{begun.id}:download"
        if begun.fault is TaskFault.NO_ADDRESS and self.questions[begun.id] < 3:
            link = ""
        return TaskMoment(
            id=begun.id,
            film=begun.film,
            word=word,
            link=link,
            reason=reason,
            quota=round(_price(begun.film) * TRUE_SHARE * UNITS_PER_DOLLAR),
            submitted=int(begun.submitted),
        )

    def _settle(self, begun: _Begun, state: TaskMoment) -> None:
        """Bill what a task really took when that is first told; failed ones are refunded."""
        if state.word not in ("done", "failed"):
            return
        charged = self._charged.get(begun.id, begun.price)
        true_price = state.quota / UNITS_PER_DOLLAR if begun.film.form in _TELLING else begun.price
        due = 0.0 if state.word == "failed" else true_price
        self._charged[begun.id] = due
        if due == charged:
            return
        self.books.write(
            BilledRequest(
                id=begun.id,
                time=_now(),
                endpoint="settlement",
                key=begun.key,
                price=round(due - charged, 6),
                status=200,
            )
        )

    def _content(self, begun: _Begun, song: str = "") -> web.Response:
        self.books.downloads.append(Download(token=begun.id, status=200, fault=None))
        return _bytes_of(begun, song)

    # --- files ------------------------------------------------------------------------------------

    async def file(self, http: web.BaseRequest) -> web.StreamResponse:
        """A film or song at a link that needs no key."""
        number = http.path.removeprefix("/media/")
        begun = next((b for b in self._known.values() if b.id.replace("/", "-") == number), None)
        if begun is None and number.startswith("mj-"):
            begun = _Begun(
                id=number, film=Film(form="mj", prompt="", model="mj_video"), submitted=0.0
            )
        if begun is None:
            self.books.downloads.append(Download(token=number, status=404, fault=None))
            return web.Response(status=404, text="Not Found")
        return self._content(begun, song=http.query.get("song", ""))


_ENDS = {
    TaskFault.FAILURE: "upstream returned error",
    TaskFault.BANNED: "content policy violation",
    TaskFault.CANCEL: "任务已取消",
    TaskFault.LATE: "任务超时（60分钟）",
}


_QUESTION = re.compile(
    r"/v1/video/generations/(?P<a>.+)|/api/v3/contents/generations/tasks/(?P<b>.+)"
    r"|/suno/fetch/(?P<c>.+)|/v1beta/(?P<d>models/m/operations/[^:]+)(?::download)?"
    r"|/v1/videos/(?P<e>[^/]+)(?:/content)?|/kling/v1/videos/\w+/(?P<f>.+)"
    r"|/v1/async/tasks/(?P<h>[^/]+)(?:/result)?"
    r"|/ent/v2/tasks/(?P<g>[^/]+)/creations"
)


def _asked(method: str, path: str, query: Mapping[str, str]) -> str:
    """The id that a question is about, or ""."""
    if method != "GET":
        return ""
    if path == "/v1/query/video_generation":
        return query.get("task_id", "")
    if path == "/v1/files/retrieve":
        return query.get("file_id", "")
    found = _QUESTION.fullmatch(path)
    return next(filter(None, found.groups()), "") if found else ""


async def _sent(
    http: web.BaseRequest, canned: Canned, fault: Fault, call: str
) -> web.StreamResponse:
    """The answer to a submit, or what a broken connection leaves of it."""
    headers = {"X-Oneapi-Request-Id": call}
    if fault is Fault.RESET_AFTER:
        responses.reset(http.transport)
        return web.Response()  # never sent: the connection is closed
    if fault is Fault.CUT:
        return await responses.cut(http, canned.body, headers)
    return responses.canned_response(canned, headers)


def _begun(film: Film, serial: int, fault: TaskFault, *, key: str | None, price: float) -> _Begun:
    """A new task."""
    number = f"{int(time.time() * 1000)}{serial % 1000:03}"
    return _Begun(
        id=_PREFIXES.get(film.form, "") + number,
        film=film,
        submitted=time.time(),
        fault=fault,
        key=key,
        price=price,
    )


def _bytes_of(begun: _Begun, song: str) -> web.Response:
    """The bytes of a film or song, different for each task."""
    path, media = _MEDIA[begun.film.songs]
    mark = f"{begun.id}{song}".encode()
    box = (8 + len(mark)).to_bytes(4, "big") + b"free" + mark
    tail = b"TAG" + mark.ljust(125, b"\0")[:125] if begun.film.songs else box
    return web.Response(body=path.read_bytes() + tail, headers={"Content-Type": media})


async def _fields(http: web.BaseRequest) -> dict[str, Any]:
    """The fields of a JSON body, or of a form. Raises WrongTask."""
    if http.content_type.startswith("multipart/"):
        found: dict[str, Any] = {}
        reader = await http.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or not part.name:
                raise WrongTask("invalid_multipart_form")
            content = bytes(await part.read())
            found[part.name] = content if part.filename else content.decode("utf-8")
        return found
    try:
        parsed = json.loads(await http.content.read())
    except (ValueError, RecursionError) as error:
        raise WrongTask("invalid_json") from error
    if not isinstance(parsed, dict):
        raise WrongTask("invalid_json")
    return parsed


def _canned(fault: Fault, call: str, film: Film) -> Canned | None:
    """The response of a fault instead of an id."""
    match fault:
        case Fault.REFUSAL | Fault.MODERATION:
            return _error(400, "sensitive_words_detected", "content policy violation")
        case Fault.SERVER_LOST:
            return _error(500, "do_request_failed", "do request failed")
        case Fault.EMPTY_CHOICES:
            return Canned(status=200, body=packed({"code": "success", "data": None}))
        case _:
            return canned_fault(fault, call, film.model, 1.0)


def _error(status: int, code: str, message: str) -> Canned:
    return Canned(status=status, body=packed({"code": code, "message": message, "data": None}))


def _not_done() -> web.Response:
    error: JSON = {"error": {"message": "video is not ready", "type": "invalid_request_error"}}
    return web.json_response(error, status=400)


def _drawings(base_url: str, begun: _Begun, *, done: bool) -> web.Response:
    """The pictures of a task, or that it is not final."""
    if not done:
        error: JSON = {"error": {"message": "task is not final", "code": "task_not_final"}}
        return web.json_response(error, status=409)
    tokens = [
        MockPicture(prompt=drawable(begun.film.prompt), ask=0, number=number).token()
        for number in range(1, begun.film.pictures + 1)
    ]
    return web.json_response({"data": [{"url": f"{base_url}/files/{one}.png"} for one in tokens]})


def _price(film: Film) -> float:
    if film.pictures:
        return PRICE_PER_PICTURE * film.pictures
    return PRICE_PER_SONG if film.songs else PRICE_PER_FILM * film.seconds / 5


def _now() -> float:
    return round(time.time(), 3)
