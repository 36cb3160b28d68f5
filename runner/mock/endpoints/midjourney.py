"""Answers the Midjourney paths like New API: submits are billed, polls are free."""

import asyncio
import base64
import binascii
import json
import time
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from jobs.job import JSON
from runner.mock import responses
from runner.mock.bill import Bill, BilledRequest, Download, fault_name
from runner.mock.chance import chance, prompt_digest
from runner.mock.endpoints.chat_replies import packed
from runner.mock.endpoints.midjourney_tasks import Task, Tasks, buttons_of
from runner.mock.error_replies import Canned, canned_fault
from runner.mock.faults import FREE_FAULTS, Fault, PromptRequest, TaskFault
from runner.mock.pictures.draw import draw
from runner.mock.pictures.picture import MockPicture, drawable
from runner.mock.settings import PRICE_PER_PICTURE, MockSettings

IMAGINE, BLEND = "/mj/submit/imagine", "/mj/submit/blend"
LIST_PATH = "/mj/task/list-by-condition"
ACTION = "/mj/submit/action"
OTHERS = {
    "/mj/submit/describe": "DESCRIBE",
    "/mj/submit/shorten": "SHORTEN",
    "/mj/submit/video": "VIDEO",
    "/mj/submit/edits": "EDIT",
}
SUBMIT_PATHS = frozenset({IMAGINE, BLEND, ACTION, *OTHERS})
FEWEST, MOST = 2, 5
_REFUSALS = FREE_FAULTS | {Fault.REFUSAL, Fault.MODERATION}
_SIDES = {"PORTRAIT": (341, 512), "SQUARE": (512, 512), "LANDSCAPE": (512, 341)}
_PREVIEW = MockPicture(prompt="preview", ask=0, number=0, width=64, height=64)
_PLAIN = "text/plain; charset=utf-8"  # New API sends these bodies with this content type


def is_task(method: str, path: str) -> bool:
    """True for a poll of a task."""
    return (method, path) == ("POST", LIST_PATH) or (method == "GET" and _ticket(path) is not None)


def is_picture(method: str, path: str) -> bool:
    """True for a task picture that the gateway serves without a key."""
    return method == "GET" and path.startswith("/mj/image/")


def _ticket(path: str) -> str | None:
    parts = path.split("/")
    fits = len(parts) == 5 and parts[:3] == ["", "mj", "task"] and parts[4] == "fetch"
    return parts[3] if fits else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Submit:
    """A valid submit. `prompt` of a blend describes its pictures."""

    path: str
    prompt: str = field(repr=False)
    sha: str
    sides: tuple[int, int] = (512, 512)
    parent: str = ""  # the task whose button it is
    button: str = ""
    action: str = ""


class Midjourney:
    """The Midjourney paths of one gateway. `drawer` runs the drawing."""

    def __init__(
        self, settings: MockSettings, *, base_url: str, books: Bill, drawer: Executor
    ) -> None:
        self.settings = settings
        self.tasks = Tasks(base_url, settings.task_seconds)
        self.books = books
        self.drawer = drawer

    # --- submits ----------------------------------------------------------------------------------

    async def submit(self, http: web.BaseRequest, call: str) -> web.StreamResponse:
        """A ticket, a refusal, or what a broken connection leaves."""
        self.books.enter()
        try:
            key = http.headers.get("Idempotency-Key")
            found = _read(http.path, await http.content.read())
            if isinstance(found, _Submit) and found.parent:
                found = _pressed(self.tasks, found)
            if isinstance(found, Canned):
                self._write(call, http.path, key, status=found.status)
                return responses.canned_response(found, {"X-Oneapi-Request-Id": call})
            return await self._take(http, found, call, key)
        finally:
            self.books.leave()

    async def _take(
        self, http: web.BaseRequest, wanted: _Submit, call: str, key: str | None
    ) -> web.StreamResponse:
        number = self.books.ask(wanted.sha)
        ask = PromptRequest(prompt=wanted.prompt, sha=wanted.sha, number=number, pictures=True)
        fault = self.settings.faults.of_call(self.settings.seed, ask)
        billed = fault not in _REFUSALS
        price = PRICE_PER_PICTURE if billed else 0.0
        canned = self._canned(fault, call, ask)
        if billed and fault not in (Fault.HTML, Fault.ERROR_200):
            task = self._task(wanted, ask, key=key, price=price)
            canned = canned or self._accepted(task, ask)
        assert canned is not None  # each free fault has its own words
        status = None if fault is Fault.RESET_AFTER else canned.status
        request = BilledRequest(
            id=call,
            time=round(time.time(), 3),
            endpoint=wanted.path,
            prompt_sha=wanted.sha,
            key=key,
            billed=billed,
            price=price,
            fault=fault_name(fault),
            status=status,
        )
        self.books.write(request)
        return await self._send(http, canned, fault, ask)

    async def _send(
        self, http: web.BaseRequest, canned: Canned, fault: Fault, ask: PromptRequest
    ) -> web.StreamResponse:
        headers = {"X-Oneapi-Request-Id": self.books.requests[-1].id}
        if fault not in _REFUSALS:
            seconds = self.settings.latency_of(ask.sha, ask.number)
            await asyncio.sleep(seconds + (self.settings.slow if fault is Fault.SLOW else 0.0))
        if fault is Fault.RESET_AFTER:
            responses.reset(http.transport)
            return web.Response()  # never sent: the connection is closed
        if fault is Fault.CUT:
            return await responses.cut(http, canned.body, headers)
        return responses.canned_response(canned, headers)

    def _task(self, wanted: _Submit, ask: PromptRequest, *, key: str | None, price: float) -> Task:
        """Start the task of this submit, even if the answer will be lost."""
        faults, seed = self.settings.faults, self.settings.seed
        width, height = wanted.sides
        task = Task(
            id=self.tasks.new_id(),
            action=wanted.action or ("IMAGINE" if wanted.path == IMAGINE else "BLEND"),
            prompt=wanted.prompt,
            submitted=time.time(),
            fault=faults.of_task(seed, ask),
            key=key,
            price=price,
            picture=MockPicture(
                prompt=drawable(wanted.prompt),
                ask=ask.number,
                number=1,
                width=width,
                height=height,
                faults=faults.of_files(seed, ask.prompt, ask.sha),
            ),
        )
        self.tasks.add(task)
        return task

    def _accepted(self, task: Task, ask: PromptRequest) -> Canned:
        """Code 1, 21 or 22; the id as text or as a number, in New API's words."""
        luck = chance(self.settings.seed, ask.sha, ask.number, "code")
        properties: dict[str, JSON] = {}
        code, said = 1, "提交成功"
        if luck < 0.1:
            code, said, properties = 22, "排队中，前面还有3个任务", {"numberOfQueues": 3}
        elif luck < 0.2:
            code, said, properties = 21, "任务已存在", {"status": "SUBMITTED", "imageUrl": ""}
        number = chance(self.settings.seed, ask.sha, ask.number, "number") < 0.5
        body: dict[str, JSON] = {"code": code, "description": said}
        body |= {"result": int(task.id) if number else task.id, "properties": properties}
        text = json.dumps(body, ensure_ascii=False)  # 21 and 22 have a blank after the colon
        return Canned(status=200, body=text.encode(), media=_PLAIN, headers=self._soon)

    def _canned(self, fault: Fault, call: str, ask: PromptRequest) -> Canned | None:
        """The response of a fault instead of a ticket."""
        match fault:
            case Fault.LIMIT:
                return _saturated(0.2 + 0.8 * chance(self.settings.seed, ask.sha, "wait"))
            case Fault.LIMIT_BARE:
                return _told(200, 23, "队列已满，请稍后尝试")
            case Fault.REFUSAL | Fault.MODERATION:
                properties: JSON = {"promptEn": ask.prompt, "bannedWord": "mock"}
                return _told(200, 24, "可能包含敏感词", properties)
            case Fault.SERVER_LOST:
                return _upstream(5, "do_request_failed")
            case Fault.EMPTY_CHOICES:
                return _told(200, 1, "提交成功", {})
            case _:
                return canned_fault(fault, call, "mj_imagine", 1.0)

    def _write(self, call: str, path: str, key: str | None, *, status: int) -> None:
        """Write one unbilled line."""
        now = round(time.time(), 3)
        self.books.write(BilledRequest(id=call, time=now, endpoint=path, key=key, status=status))

    # --- tasks ------------------------------------------------------------------------------------

    @property
    def _soon(self) -> dict[str, str]:
        """A short Retry-After, so that tests need not wait; real gateways send none."""
        return {"Retry-After": f"{max(self.settings.task_seconds / 4, 0.05):.2f}"}

    async def ask(self, http: web.BaseRequest, call: str) -> web.StreamResponse:
        """The record of one task, or of several. Not billed."""
        headers = {"X-Oneapi-Request-Id": call, **self._soon}
        ticket = _ticket(http.path)
        if ticket is None:
            return responses.whole(packed(self._several(await http.content.read())), headers)
        task, before = self.tasks.ask(ticket)
        if task is None:
            return responses.canned_response(_upstream(4, "task_no_found"), headers)
        if task.fault is TaskFault.BAD_GATEWAY and before == 0:
            page = canned_fault(Fault.BAD_GATEWAY, call, "", 0.0)
            assert page is not None
            return responses.canned_response(
                Canned(
                    status=page.status,
                    body=page.body,
                    media=page.media,
                    headers={**page.headers, **self._soon},
                ),
                {},
            )
        return responses.whole(packed(self._record(task)), headers)

    def _several(self, body: bytes) -> list[JSON]:
        """Records in any order; unknown ids are left out."""
        try:
            asked = json.loads(body)["ids"]
        except (ValueError, KeyError, TypeError):
            return []
        found = [self.tasks.ask(str(one))[0] for one in asked] if isinstance(asked, list) else []
        return [self._record(task) for task in reversed(found) if task is not None]

    def _record(self, task: Task) -> dict[str, JSON]:
        """The record of a task; a failure is refunded when it is first reported."""
        record = self.tasks.record(task)
        if record["status"] == "FAILURE" and self.tasks.first_failure(task):
            refund = BilledRequest(
                id=task.id,
                time=round(time.time(), 3),
                endpoint="refund",
                key=task.key,
                price=-task.price,
                status=200,
            )
            self.books.write(refund)
        return record

    async def picture(self, http: web.BaseRequest) -> web.StreamResponse:
        """The picture of a task, served by the gateway: small and grey until it is done."""
        number = http.path.rpartition("/")[2]
        task = self.tasks.known(number)
        if task is None:
            self.books.downloads.append(Download(token=number, status=400, fault=None))
            missing = packed({"error": "midjourney_task_not_found"})
            return responses.canned_response(Canned(status=400, body=missing), {})
        done = self.tasks.done(task)
        picture, word = (task.picture, None) if done else (_PREVIEW, "preview")
        self.books.downloads.append(Download(token=number, status=200, fault=word))
        loop = asyncio.get_running_loop()
        drawn = await loop.run_in_executor(self.drawer, draw, picture, "PNG")
        return web.Response(body=drawn, headers={"Content-Type": "image/png"})


def _pressed(tasks: Tasks, wanted: _Submit) -> _Submit | Canned:
    """The submit of a button, if its parent is done and has such a button."""
    parent = tasks.known(wanted.parent)
    if parent is None:
        return _told(404, 3, "关联任务不存在或已失效")
    if not tasks.done(parent):
        return _told(200, 4, "关联任务状态错误")
    if wanted.button not in {str(one["customId"]) for one in buttons_of(parent)}:
        return _told(200, 4, "customId 错误")
    return wanted


# --- reading a submit -----------------------------------------------------------------------------


def _read(path: str, body: bytes) -> _Submit | Canned:
    """The submit, or its refusal by New API (400) or by the proxy behind it."""
    try:
        fields: Any = json.loads(body)
    except (ValueError, RecursionError):
        return _upstream(4, "bind_request_body_failed")
    if not isinstance(fields, dict):
        return _upstream(4, "bind_request_body_failed")
    pictures = fields.get("base64Array") or []
    if not isinstance(pictures, list) or not all(map(_is_picture, pictures)):
        return _told(200, 4, "base64格式错误")
    texts = [str(one) for one in pictures]
    return _READERS.get(path, _other)(path, fields, texts)


def _imagine(path: str, fields: dict[str, Any], _pictures: list[str]) -> _Submit | Canned:
    prompt = fields.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        return _upstream(4, "prompt_is_required")
    return _Submit(path=path, prompt=prompt, sha=prompt_digest(prompt))


def _button(path: str, fields: dict[str, Any], _pictures: list[str]) -> _Submit | Canned:
    parent, button = fields.get("taskId"), fields.get("customId")
    if not isinstance(parent, str) or not isinstance(button, str) or not button:
        return _told(200, 4, "taskId、customId 不能为空")
    kind = button.split("::")[2].upper() if button.count("::") > 2 else "ACTION"
    return _Submit(
        path=path,
        prompt=f"{button} of {parent}",
        sha=prompt_digest(f"{parent} {button}"),
        parent=parent,
        button=button,
        action={"UPSAMPLE": "UPSCALE"}.get(kind, kind),
    )


def _other(path: str, fields: dict[str, Any], _pictures: list[str]) -> _Submit | Canned:
    action = OTHERS[path]
    picture, prompt = fields.get("base64") or fields.get("image"), fields.get("prompt")
    if action in ("DESCRIBE", "EDIT") and not _is_picture(picture):
        return _told(200, 4, "base64格式错误")
    if action != "DESCRIBE" and (not isinstance(prompt, str) or not prompt.strip()):
        return _upstream(4, "prompt_is_required")
    words = prompt if isinstance(prompt, str) else f"a picture ({prompt_digest(str(picture))})"
    sha = prompt_digest(f"{action} {words} {picture}")
    return _Submit(path=path, prompt=words, sha=sha, action=action)


def _blend(path: str, fields: dict[str, Any], pictures: list[str]) -> _Submit | Canned:
    if not FEWEST <= len(pictures) <= MOST:
        return _told(200, 4, "图片参数错误，2~5张图片")
    dimensions = fields.get("dimensions") or "SQUARE"
    if dimensions not in _SIDES:
        return _told(200, 4, "dimensions参数错误")
    digest = prompt_digest("\n".join([*pictures, dimensions]))
    return _Submit(
        path=path,
        prompt=f"{len(pictures)} pictures blended ({digest})",
        sha=digest,
        sides=_SIDES[dimensions],
    )


_READERS = {IMAGINE: _imagine, BLEND: _blend, ACTION: _button}


def _is_picture(item: Any) -> bool:
    """True for a data URI; bare base64 is refused."""
    if not isinstance(item, str) or not item.startswith("data:image/"):
        return False
    head, _, data = item.partition(",")
    try:
        return head.endswith(";base64") and bool(base64.b64decode(data, validate=True))
    except binascii.Error:
        return False


# --- words ----------------------------------------------------------------------------------------


def _told(status: int, code: int, said: str, properties: JSON = None) -> Canned:
    """A response of the proxy behind the gateway."""
    body: dict[str, JSON] = {"code": code, "description": said, "result": None}
    return Canned(status=status, body=packed(body | {"properties": properties}), media=_PLAIN)


def _saturated(wait: float) -> Canned:
    body = _told(429, 30, "当前分组负载已饱和，请稍后再试，或升级账户以提升服务质量。").body
    return Canned(status=429, body=body, headers={"Retry-After": f"{wait:.1f}"})


def _upstream(code: int, said: str) -> Canned:
    """New API's own error on these paths: always 400, with a blank after the words."""
    body: JSON = {"description": f"{said} ", "type": "upstream_error", "code": code}
    return Canned(status=400, body=packed(body))
