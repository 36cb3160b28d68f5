"""The mock gateway: listens on 127.0.0.1 and answers like a gateway of the New API family."""

import asyncio
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from aiohttp import web

from runner.mock import responses
from runner.mock.account_info import AccountInfo
from runner.mock.batches.desk import BatchDesk
from runner.mock.batches.line_request import line_request
from runner.mock.batches.sold import BatchFiles, Ordered, SoldBatch, Worked
from runner.mock.bill import Bill, BilledRequest, Download
from runner.mock.endpoints import midjourney
from runner.mock.endpoints.chat import ChatEndpoint
from runner.mock.endpoints.chat_replies import packed
from runner.mock.endpoints.edits import EditsEndpoint
from runner.mock.endpoints.embeddings import EmbeddingsEndpoint
from runner.mock.endpoints.gemini import GeminiEndpoint, google_error, route_of
from runner.mock.endpoints.images import ImagesEndpoint
from runner.mock.endpoints.messages import MessagesEndpoint
from runner.mock.endpoints.midjourney import Midjourney
from runner.mock.endpoints.rerank import RerankEndpoint
from runner.mock.endpoints.responses import ResponsesEndpoint
from runner.mock.endpoints.speech import SpeechEndpoint
from runner.mock.endpoints.tasks import FilmTasks
from runner.mock.endpoints.transcriptions import TranscriptionsEndpoint
from runner.mock.error_replies import CONSOLE_PAGE, Canned, gateway_error, openai_error
from runner.mock.faults import Fault
from runner.mock.handler import HandlerContext, RequestHandler
from runner.mock.pictures.serve import Files
from runner.mock.settings import MockSettings
from runner.mock.validation import InvalidRequest

LISTEN_HOST = "127.0.0.1"
BAD_KEY = "sk-bad"
MODEL_NAMES = ("mock-text", "mock-image", "mock-film", "mock-song")
_STOP_SECONDS = 0.1  # requests in progress at the stop are cut after that time


class MockGateway:
    """One gateway on its own port, inside `async with`; its counts outlive it.

    Entering raises OSError if the port is taken or the bill cannot be written.
    """

    def __init__(self, settings: MockSettings | None = None) -> None:
        self.settings = settings or MockSettings()
        self.base_url = ""  # set when it listens
        self._books = Bill()
        self._drawer = ThreadPoolExecutor(1, thread_name_prefix="mock-drawer")
        self._files = Files(self._books, self._drawer)
        self._counter = AccountInfo(self.settings, self._books)
        self._desks: dict[str, HandlerContext] = {}
        self._serial = 0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._books.open(self.settings.bill)
            stack.callback(self._books.close)
            stack.callback(self._drawer.shutdown, cancel_futures=True)
            server = web.Server(self._handle, access_log=None)
            listener = await asyncio.get_running_loop().create_server(
                lambda: self._connection(server),
                LISTEN_HOST,
                self.settings.port,
                backlog=2048,
                start_serving=False,
            )
            stack.push_async_callback(_close, listener, server)
            self.base_url = f"http://{LISTEN_HOST}:{listener.sockets[0].getsockname()[1]}"
            self._desks, self._answers = _open_desks(
                self.settings, self.base_url, books=self._books, drawer=self._drawer
            )
            self._midjourney = Midjourney(
                self.settings, base_url=self.base_url, books=self._books, drawer=self._drawer
            )
            self._films = FilmTasks(self.settings, base_url=self.base_url, books=self._books)
            self._batches = BatchDesk(
                self.settings, books=self._books, answers=self._line, base_url=self.base_url
            )
            stack.push_async_callback(self._batches.close)
            await listener.start_serving()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @property
    def requests(self) -> list[BilledRequest]:
        """Every API request, billed or not, in the order of the bill."""
        return self._books.requests

    @property
    def downloads(self) -> list[Download]:
        """Every file request, in order."""
        return self._books.downloads

    @property
    def batches(self) -> list[SoldBatch]:
        """Every provider batch that was created, in order."""
        return self._batches.batches

    @property
    def batch_files(self) -> BatchFiles:
        """The files of provider batches that are still kept, and those that were removed."""
        return self._batches.files

    @property
    def questions(self) -> int:
        """The number of polls of single tasks; they are not billed."""
        return self._midjourney.tasks.questions.total() + self._films.questions.total()

    @property
    def file_requests(self) -> int:
        """The number of file requests."""
        return len(self._books.downloads)

    @property
    def connections(self) -> int:
        """The number of accepted connections, including those reset at once."""
        return self._books.connections

    @property
    def max_in_flight(self) -> int:
        """The highest number of requests in progress at one time."""
        return self._books.max_in_flight

    def _connection(self, server: web.Server) -> asyncio.Protocol:
        number = self._books.connections
        self._books.connections += 1
        fault = self.settings.faults.of_connection(self.settings.seed, number)
        return _Reset() if fault is Fault.RESET_BEFORE else server()

    async def _handle(self, http: web.BaseRequest) -> web.StreamResponse:
        if (free := await self._free(http)) is not None:
            return free
        call = self._call_id()
        refusal = self._refusal(http, call)
        if refusal is None and BatchDesk.has(http.method, http.path):
            return await self._batches.answer(http, call)
        if refusal is None and (found := await self._answered(http, call)) is not None:
            return found
        self._books.write(
            BilledRequest(
                id=call,
                time=round(time.time(), 3),
                endpoint=http.path,
                key=http.headers.get("Idempotency-Key"),
                status=refusal.status if refusal else 200,
            )
        )
        return responses.canned_response(refusal or _MODELS, {"X-Oneapi-Request-Id": call})

    async def _answered(self, http: web.BaseRequest, call: str) -> web.StreamResponse | None:
        """What an endpoint says to a request that the gateway lets in; None if there is none."""
        if midjourney.is_task(http.method, http.path):
            return await self._midjourney.ask(http, call)
        if http.path in midjourney.SUBMIT_PATHS:
            return await self._midjourney.submit(http, call)
        if self._films.has(http.method, http.path, http.query):
            return await self._films.answer(http, call)
        if _is_answer(http.method, http.path):
            told = self._answers.fetched(http.path)
            return responses.canned_response(told, {"X-Oneapi-Request-Id": call})
        if http.method == "POST":
            return await self._desks[route_of(http.path)].answer(http, call)
        return None

    async def _line(self, ordered: Ordered, batch: str) -> Worked:
        """The answer to one row of a provider batch."""
        call = self._call_id()
        desk = self._desks.get(route_of(ordered.path))
        http = line_request(ordered.path, ordered.body)
        if desk is None:
            problem = InvalidRequest(message=f"Invalid URL ({ordered.path})", code="")
            canned = openai_error(404, problem)
        else:
            canned = await desk.line(http, call, batch=batch, row=ordered.row)
        return Worked(row=ordered.row, status=canned.status, body=canned.body)

    async def _free(self, http: web.BaseRequest) -> web.StreamResponse | None:
        """Unbilled requests: files, task pictures, prices and credit."""
        if http.path.startswith("/files/"):
            return await self._files.answer(http)
        if midjourney.is_picture(http.method, http.path):
            return await self._midjourney.picture(http)
        if self._films.is_file(http.method, http.path):
            return await self._films.file(http)
        if self._counter.has(http.method, http.path):
            return responses.canned_response(self._counter.answer(http.path), {})
        return None

    def _refusal(self, http: web.BaseRequest, call: str) -> Canned | None:
        """Refusals before any endpoint: unknown paths first, then the key, as New API does."""
        films = self._films.has(http.method, http.path, http.query)
        known = films or (http.method, route_of(http.path)) in _ROUTES
        known = known or _is_answer(http.method, http.path)
        known = known or BatchDesk.has(http.method, http.path)
        if not known and not midjourney.is_task(http.method, http.path):
            if http.path.split("/")[1] not in ("v1", "api"):
                return CONSOLE_PAGE
            problem = InvalidRequest(message=f"Invalid URL ({http.method} {http.path})", code="")
            return openai_error(404, problem)
        scheme, _, key = http.headers.get("Authorization", "").partition(" ")
        if "/v1beta/" in http.path:
            if "Authorization" in http.headers:  # Google takes it for a token of another kind
                told = "Request had invalid authentication credentials."
                return google_error(401, "UNAUTHENTICATED", told)
            scheme, key = "bearer", http.headers.get("x-goog-api-key", "")
        key = key.strip()
        if not key or scheme.lower() != "bearer":
            return gateway_error(401, "未提供令牌", call)
        if key == BAD_KEY or self.settings.key not in (None, key):
            return gateway_error(401, "无效的令牌", call)
        return None

    def _call_id(self) -> str:
        """A request id in New API's shape: the time, then a random part."""
        self._serial += 1
        return f"{datetime.now(UTC):%Y%m%d%H%M%S%f}{self._serial:08}Mock"


def _open_desks(
    settings: MockSettings, base_url: str, *, books: Bill, drawer: Executor
) -> tuple[dict[str, HandlerContext], ResponsesEndpoint]:
    """One request handler for each generation path, and the endpoint that keeps its answers."""
    chat, messages = ChatEndpoint(settings, base_url), MessagesEndpoint()
    images, edits = (
        ImagesEndpoint(settings, base_url),
        EditsEndpoint(settings, base_url),
    )
    embeddings = EmbeddingsEndpoint(settings)
    answers = ResponsesEndpoint(settings, base_url)
    gemini = GeminiEndpoint(settings, base_url)
    rerank, speech = RerankEndpoint(), SpeechEndpoint()
    words, english = map(TranscriptionsEndpoint, _SOUND_TASKS)
    desks: dict[str, HandlerContext] = {
        chat.path: RequestHandler(chat, settings, books=books, drawer=drawer),
        messages.path: RequestHandler(messages, settings, books=books, drawer=drawer),
        images.path: RequestHandler(images, settings, books=books, drawer=drawer),
        edits.path: RequestHandler(edits, settings, books=books, drawer=drawer),
        embeddings.path: RequestHandler(embeddings, settings, books=books, drawer=drawer),
        answers.path: RequestHandler(answers, settings, books=books, drawer=drawer),
        gemini.path: RequestHandler(gemini, settings, books=books, drawer=drawer),
        rerank.path: RequestHandler(rerank, settings, books=books, drawer=drawer),
        speech.path: RequestHandler(
            speech, settings, books=books, drawer=drawer, media="application/octet-stream"
        ),
        words.path: RequestHandler(words, settings, books=books, drawer=drawer),
        english.path: RequestHandler(english, settings, books=books, drawer=drawer),
    }
    return desks, answers


def _is_answer(method: str, path: str) -> bool:
    return method == "GET" and path.startswith(f"{ResponsesEndpoint.path}/")


class _Reset(asyncio.Protocol):
    """A connection that is reset as soon as it is accepted."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        responses.reset(transport)


async def _close(listener: asyncio.Server, server: web.Server) -> None:
    listener.close()
    server.pre_shutdown()
    await server.shutdown(_STOP_SECONDS)


_SOUND_TASKS = ("transcriptions", "translations")
_ROUTES = frozenset(
    {
        ("GET", "/v1/models"),
        *(
            ("POST", kind.path)
            for kind in (
                ChatEndpoint,
                MessagesEndpoint,
                ImagesEndpoint,
                EditsEndpoint,
                EmbeddingsEndpoint,
                ResponsesEndpoint,
                GeminiEndpoint,
                RerankEndpoint,
                SpeechEndpoint,
            )
        ),
        *(("POST", path) for path in midjourney.SUBMIT_PATHS),
        *(("POST", f"/v1/audio/{task}") for task in _SOUND_TASKS),
    }
)

_MODELS = Canned(
    status=200,
    body=packed(
        {
            "object": "list",
            "data": [
                {"id": model, "object": "model", "created": 1626777600, "owned_by": "mock"}
                for model in MODEL_NAMES
            ],
        }
    ),
)
