"""The paths under which the mock sells provider batches, in four forms."""

import asyncio
import json
import re
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import BodyPartReader, web

from jobs.job import JSON
from runner.mock import responses
from runner.mock.batch_script import CreationFault, DownloadFault, Fate
from runner.mock.batches import words
from runner.mock.batches.orders import Orders
from runner.mock.batches.sold import BatchFiles, SoldBatch
from runner.mock.batches.works import Answers, BatchWorks
from runner.mock.bill import Bill, BilledRequest
from runner.mock.endpoints.chat_replies import packed
from runner.mock.endpoints.gemini import google_error
from runner.mock.error_replies import Canned, anthropic_error, canned_fault, openai_error
from runner.mock.faults import Fault
from runner.mock.settings import MockSettings
from runner.mock.validation import InvalidRequest

_ID = r"[A-Za-z0-9_.-]+"
_ROUTES = {
    "upload": (r"POST /(?:v1|upload/v1beta)/files",),
    "create": (
        r"POST /v1/(?:messages/)?batches",
        r"POST /v1beta/models/(?P<model>[^/:]+):batchGenerateContent",
    ),
    "listing": (r"GET /v1/(?:messages/)?batches", r"GET /v1beta/batches"),
    "results": (rf"GET /v1/(?:messages/)?batches/(?P<id>{_ID})/results",),
    "cancel": (
        rf"POST /v1/(?:messages/)?batches/(?P<id>{_ID})/cancel",
        rf"POST /v1beta/(?P<id>batches/{_ID}):cancel",
    ),
    "ask": (
        rf"GET /v1/(?:messages/)?batches/(?P<id>{_ID})",
        rf"GET /v1beta/(?P<id>batches/{_ID})",
    ),
    "content": (
        rf"GET /v1/files/(?P<id>file-{_ID})/content",
        rf"GET (?:/download)?/v1beta/(?P<id>files/(?:batch|in)-{_ID}):download",
    ),
    "remove": (
        rf"DELETE /v1/files/(?P<id>{_ID})",
        rf"DELETE /v1/(?:messages/)?batches/(?P<id>{_ID})",
        rf"DELETE /v1beta/(?P<id>(?:files|batches)/{_ID})",
    ),
}
"""What is asked for, by method and path."""
_PATTERNS = [
    (name, re.compile(pattern)) for name, patterns in _ROUTES.items() for pattern in patterns
]
_HIDING = 404
_PAGE_ROWS = 500


class _Asked(NamedTuple):
    http: web.BaseRequest
    form: str
    id: str
    model: str


class BatchDesk:
    """Files and batches of one gateway."""

    def __init__(
        self, settings: MockSettings, *, books: Bill, answers: Answers, base_url: str
    ) -> None:
        self._plan, self._books, self._base_url = settings.batches, books, base_url
        self._files = BatchFiles()
        self._works = BatchWorks(self._plan, self._files, answers, settings.seed)
        self._orders = Orders(self._plan, self._files)
        self.batches: list[SoldBatch] = []
        self._creations = self._uploads = self._downloads = 0

    @property
    def files(self) -> BatchFiles:
        """What is kept of uploads and results."""
        return self._files

    async def close(self) -> None:
        """Stop working, and remove all files."""
        await self._works.close()
        self._files.close()

    @staticmethod
    def has(method: str, path: str) -> bool:
        """True for a path of files or batches."""
        return _route(method, path) is not None

    async def answer(self, http: web.BaseRequest, call: str) -> web.StreamResponse:
        """The response to one request about files or batches."""
        found = _route(http.method, http.path)
        assert found is not None
        name, match = found
        named = match.groupdict()
        asked = _Asked(http, _form_of(http.path), named.get("id") or "", named.get("model") or "")
        acts: Mapping[str, Callable[[_Asked], Coroutine[Any, Any, Canned | web.StreamResponse]]] = {
            "upload": self._upload,
            "create": self._create,
            "listing": self._listing,
            "results": self._results,
            "cancel": self._cancel,
            "ask": self._ask,
            "content": self._content,
            "remove": self._remove,
        }
        given = await acts[name](asked)
        if name in ("upload", "create", "cancel", "remove"):
            self._book(http, call, given)
        if isinstance(given, Canned):
            return responses.canned_response(given, {"X-Oneapi-Request-Id": call})
        return given

    def _book(self, http: web.BaseRequest, call: str, given: Canned | web.StreamResponse) -> None:
        now = round(time.time(), 3)
        status = given.status if isinstance(given, Canned) else None
        self._books.write(BilledRequest(id=call, time=now, endpoint=http.path, status=status))

    # --- files ------------------------------------------------------------------------------------

    async def _upload(self, asked: _Asked) -> Canned | web.StreamResponse:
        fault = self._plan.upload(self._uploads)
        self._uploads += 1
        if (refused := _refused(fault, asked)) is not None:
            return refused
        stem = f"in-{self._uploads:06}"
        name = f"files/{stem}" if asked.form == "gemini" else f"file-{stem}"
        size = await _saved(asked.http, self._files.path(name))
        if (broken := _broken(fault, asked)) is not None:
            return broken
        if asked.form == "gemini":
            return _json({"file": {"name": name, "sizeBytes": str(size), "state": "ACTIVE"}})
        about: dict[str, JSON] = {"id": name, "object": "file", "bytes": size, "purpose": "batch"}
        about |= {"filename": "lines.jsonl", "status": "processed", "created_at": int(time.time())}
        return _json(about)

    async def _content(self, asked: _Asked) -> Canned | web.StreamResponse:
        path = self._files.find(asked.id)
        owner = next((one for one in self.batches if asked.id in one.result_files), None)
        gone = owner is not None and self._is_over(owner)
        if path is None or gone or asked.id.startswith(("file-in-", "files/in-")):
            return _missing(asked)
        return await self._download(asked, path.read_bytes(), "application/octet-stream")

    async def _download(
        self, asked: _Asked, body: bytes, media: str
    ) -> Canned | web.StreamResponse:
        fault = self._plan.download(self._downloads)
        self._downloads += 1
        match fault:
            case DownloadFault.MISSING:
                return _missing(asked)
            case DownloadFault.UNAVAILABLE:
                return Canned(status=503, body=b'{"error":{"message":"upstream is busy"}}')
            case DownloadFault.CUT:
                return await responses.cut(asked.http, body, {"Content-Type": media})
            case DownloadFault.SHORT:
                return Canned(status=200, body=body[: len(body) // 2], media=media)
            case _:
                return Canned(status=200, body=body, media=media)

    async def _results(self, asked: _Asked) -> Canned | web.StreamResponse:
        """The results of a batch that has no files: as lines, or in pages."""
        batch = self._find(asked.id)
        path = self._files.find(asked.id)
        if batch is None or path is None or self._is_over(batch):
            return _missing(asked)
        body = path.read_bytes()
        if batch.form == "anthropic":
            return await self._download(asked, body, "application/x-jsonl")
        lines = body.splitlines()
        start = int(asked.http.query.get("cursor") or 0)
        limit = min(int(asked.http.query.get("limit") or _PAGE_ROWS), 1000)
        end = start + limit
        more = end < len(lines)
        data = [_readable(one) for one in lines[start:end]]
        page: dict[str, JSON] = {"object": "list", "data": data, "has_more": more}
        body = packed({**page, "next_cursor": str(end) if more else None})
        return await self._download(asked, body, "application/json")

    async def _remove(self, asked: _Asked) -> Canned:
        batch = self._find(asked.id)
        if batch is not None:
            if not batch.has_ended:
                return _error(asked, 400, "The batch has not ended yet.")
            batch.is_removed = True
        if not self._files.remove(asked.id) and batch is None:
            return _missing(asked)
        return _json({"id": asked.id, "deleted": True} if asked.form != "gemini" else {})

    # --- batches ----------------------------------------------------------------------------------

    async def _create(self, asked: _Asked) -> Canned | web.StreamResponse:
        fault = self._plan.creation(self._creations)
        self._creations += 1
        if (refused := _refused(fault, asked)) is not None:
            await asked.http.content.read()
            return refused
        body = await asked.http.content.read()
        try:
            order = json.loads(body)
            given = (asked.form, asked.model, order, self.batches)
            batch = await asyncio.to_thread(self._orders.read, *given)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _error(asked, 400, f"Invalid batch: {type(error).__name__}: {error}")
        if batch.fate is Fate.QUEUE_FULL and batch.form != "openai":
            return _error(asked, 429, "Too many batch requests are enqueued for this model.")
        self.batches.append(batch)
        self._works.begin(batch)
        if (broken := _broken(fault, asked)) is not None:
            return broken
        status = 202 if batch.form == "openrouter" else 200
        return _json(words.described(batch, self._base_url), status)

    async def _ask(self, asked: _Asked) -> Canned:
        batch = self._find(asked.id)
        if batch is None:
            return _missing(asked)
        return _json(words.described(batch, self._base_url))

    async def _cancel(self, asked: _Asked) -> Canned:
        batch = self._find(asked.id)
        if batch is None or batch.form == "openrouter":
            return _missing(asked)
        if batch.has_ended:
            return _error(asked, 400, "The batch has ended already.")
        batch.cancelled.set()
        return _json({} if asked.form == "gemini" else words.described(batch, self._base_url))

    async def _listing(self, asked: _Asked) -> Canned:
        query = asked.http.query
        since = time.time() - self._plan.listed_after
        known = [one for one in self.batches[::-1] if not one.is_removed and one.created <= since]
        known = [one for one in known if _is_listed(one.form, asked.form)]
        after = query.get("after") or query.get("after_id") or query.get("pageToken") or ""
        start = next((at + 1 for at, one in enumerate(known) if one.id == after), 0)
        page = known[start : start + self._plan.page]
        more = start + len(page) < len(known)
        data: list[JSON] = [words.described(one, self._base_url) for one in page]
        last = page[-1].id if page else None
        if asked.form == "gemini":
            return _json({"operations": data, **({"nextPageToken": last} if more else {})})
        first = page[0].id if page else None
        return _json(
            {"object": "list", "data": data, "has_more": more, "first_id": first, "last_id": last}
        )

    def _find(self, name: str) -> SoldBatch | None:
        return next((one for one in self.batches if one.id == name and not one.is_removed), None)

    def _is_over(self, batch: SoldBatch) -> bool:
        return batch.ended is not None and time.time() > batch.ended + self._plan.kept


def _route(method: str, path: str) -> tuple[str, re.Match[str]] | None:
    for name, pattern in _PATTERNS:
        if (found := pattern.fullmatch(f"{method} {path}")) is not None:
            return name, found
    return None


def _form_of(path: str) -> str:
    if "/v1beta/" in path:
        return "gemini"
    return "anthropic" if path.startswith("/v1/messages/") else "openai"


def _is_listed(form: str, asked: str) -> bool:
    """OpenAI's and OpenRouter's batches share a path."""
    return form == asked or (form == "openrouter" and asked == "openai")


def _readable(line: bytes) -> JSON:
    """A line of a page; one that the plan has cut is its text."""
    try:
        found: JSON = json.loads(line)
    except ValueError:
        return line.decode("utf-8", "replace")
    return found


async def _saved(http: web.BaseRequest, path: Path) -> int:
    """Write the last part of an upload, which is its file; returns its bytes."""
    reader = await http.multipart()
    size = 0
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            continue
        size = 0
        with path.open("wb") as file:
            while piece := await part.read_chunk(1 << 16):
                size += file.write(piece)
    return size


def _refused(fault: CreationFault, asked: _Asked) -> Canned | web.StreamResponse | None:
    """The answer of a fault after which nothing has happened."""
    match fault:
        case CreationFault.SERVER:
            return _error(asked, 500, "The server had an error while processing your request.")
        case CreationFault.LIMIT:
            return _error(asked, 429, "Rate limit reached. Please try again in 1s.")
        case CreationFault.RESET:
            responses.reset(asked.http.transport)
            return web.Response()  # never sent: the connection is closed
        case _:
            return None


def _broken(fault: CreationFault, asked: _Asked) -> Canned | web.StreamResponse | None:
    """The answer of a fault after which all the same everything has happened."""
    match fault:
        case CreationFault.LOST:
            responses.reset(asked.http.transport)
            return web.Response()  # never sent: the connection is closed
        case CreationFault.BAD_GATEWAY:
            return canned_fault(Fault.BAD_GATEWAY, "", "", 0.0)
        case _:
            return None


def _json(value: JSON, status: int = 200) -> Canned:
    return Canned(status=status, body=packed(value))


def _missing(asked: _Asked) -> Canned:
    return _error(asked, _HIDING, f"No such file or batch: {asked.id}")


def _error(asked: _Asked, status: int, message: str) -> Canned:
    if asked.form == "gemini":
        state = {404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}.get(status, "INVALID_ARGUMENT")
        return google_error(status, state, message)
    if asked.form == "anthropic":
        return anthropic_error(status, message, "")
    return openai_error(status, InvalidRequest(message=message, code=""))
