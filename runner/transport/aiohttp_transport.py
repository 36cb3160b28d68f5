"""An httpx transport over aiohttp that knows for each request whether bytes were sent."""

import asyncio
import errno
import io
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from typing import Any

import aiohttp
import aiohttp.http_exceptions
import aiohttp.payload
import httpx
import yarl
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from jobs.clock import through_sleep
from jobs.failpoints import reach
from runner.protocol.call import TOO_LATE
from runner.transport.addresses import tls_context
from runner.transport.file_bodies import FilePieces, FileStream
from runner.transport.response_heads import Http2OnlyError, response_handlers

MB = 1 << 20
KEEPALIVE_SECONDS = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 30, "TCP_KEEPCNT": 6}
"""When a silent connection is probed, how often then, and how often in vain."""
MAX_HEADER_BYTES = 64 * 1024  # of a header or status line: a long one must not lose the answer

HEADERS_SET_BY_AIOHTTP = frozenset((b"content-length", b"transfer-encoding", b"connection"))

AIOHTTP_ERRORS = (
    # everything that aiohttp and the network below it have been seen to raise
    aiohttp.ClientError,
    aiohttp.http_exceptions.HttpProcessingError,
    OSError,
    ValueError,
    EOFError,
)


class TooLateError(aiohttp.ClientError):
    """The request came to be sent after the time by which it had to leave."""


class Progress:
    """How far one request got. `sent` is False only while certainly no byte has been sent.

    After `leave_by`, by the clock that goes on in sleep, it is not sent any more.
    """

    __slots__ = ("connected", "headers", "is_late", "leave_by", "pieces", "sent", "status")

    def __init__(self, *, leave_by: float | None = None) -> None:
        self.leave_by = leave_by
        self.is_late = False  # it was not sent, because its time was over
        self.sent = True
        self.connected = False
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.pieces: list[bytes] = []

    def check_time(self) -> None:
        """Raises TooLateError if the request must not be sent any more; no byte of it was."""
        if self.leave_by is not None and through_sleep() > self.leave_by:
            self.sent = self.connected = False
            self.is_late = True
            raise TooLateError("its claim is too old")


class _TimelyPayload(aiohttp.payload.Payload):
    """A body that is not written after its request's time. The headers wait for its first bytes.

    aiohttp writes it in a task of its own, before which anything may hold up the process.
    """

    progress: Progress

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write the body, unless it is too late."""
        self.progress.check_time()
        await super().write_with_length(writer, content_length)


class TimelyBytes(_TimelyPayload, aiohttp.BytesPayload):
    """A small body."""


class TimelyPieces(_TimelyPayload, aiohttp.payload.BytesIOPayload):
    """A big one, sent in pieces, so that other calls proceed meanwhile."""


CURRENT_PROGRESS: ContextVar[Progress] = ContextVar("CURRENT_PROGRESS")


def _kept_alive(address: tuple[Any, ...]) -> socket.socket:
    """A socket that sends probes while it is silent: routers forget a line that says nothing."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE_SECONDS.items():
        if hasattr(socket, name):  # systems differ in what they let one set
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made


class Connector(aiohttp.TCPConnector):
    """Records when a request gets its connection; from then on the request counts as sent.

    If a later aiohttp bypassed this, every failure would count as in doubt, none as free.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = response_handlers(self._loop)  # without it, some answers would be lost

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> Connection:
        """A new or reused connection for one request, with TLS and proxy set up."""
        progress = CURRENT_PROGRESS.get()
        progress.sent = progress.connected  # True for the second connection of one GET
        connection = await super().connect(req, traces, timeout)
        progress.sent = progress.connected = True
        if req.method == "POST":  # only paid requests; free GETs may come before
            reach("call.connected")
        try:
            progress.check_time()
        except TooLateError:
            connection.release()
            raise
        return connection


class UnsentError(httpx.ConnectError):
    """No byte of the request was sent."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


class BrokenError(httpx.ReadError):
    """Bytes were sent, and the answer is missing or incomplete."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


class GatewayTransport(httpx.AsyncBaseTransport):
    """Sends httpx requests over aiohttp, without redirects, retries, cookies or unpacking.

    Whether a request was sent is decided by how far its connection got, never by the exception's
    class: a reset after a paid request can look like a connection that was never made. On a
    keep-alive connection that the server has just closed nothing arrives, and it counts as sent.
    Request extensions: `progress` is a Progress to fill in, `fresh` asks for a new connection,
    `address` is the URL as text, and `pairs` are the headers as text, if the sender has them: most
    requests of a run share both.
    """

    def __init__(self, *, in_flight: int, proxy: str | None = None, connect: float = 10.0) -> None:
        self._in_flight = in_flight
        self._proxy = proxy
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect)
        self._kept: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None
        self._retired: list[aiohttp.ClientSession] = []
        self._urls: dict[str, yarl.URL] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Raises UnsentError or BrokenError (both httpx.TransportError)."""
        progress: Progress = request.extensions.get("progress") or Progress()
        session = self._session(request.url, fresh=bool(request.extensions.get("fresh")))
        body = await _request_body(request, progress)
        CURRENT_PROGRESS.set(progress)
        try:
            answer = await session.request(
                request.method,
                self._url(request.extensions.get("address") or str(request.url)),
                data=body,
                headers=request.extensions.get("pairs") or header_pairs(request.headers),
                allow_redirects=False,
                proxy=self._proxy,
            )
        except AIOHTTP_ERRORS as error:
            problem = _translate_error(error, progress)
        else:
            progress.status = answer.status
            if request.method == "POST":
                reach("call.answering")
            return httpx.Response(
                answer.status,
                headers=list(answer.raw_headers),
                stream=IncomingBody(answer, progress),
            )
        # Raised outside the except block: as its context, aiohttp's error would carry the key.
        try:
            raise problem
        finally:
            del problem  # breaks the cycle of exception and frame, which would keep the body alive

    async def aclose(self) -> None:
        """Close all connections."""
        for session in (self._kept, self._fresh, *self._retired):
            if session is not None:
                await session.close()

    def drop_idle_connections(self) -> None:
        """Reuse none of today's connections; calls in flight keep theirs until they end."""
        if self._kept is not None:
            self._retired.append(self._kept)
            self._kept = None

    def _session(self, url: httpx.URL, *, fresh: bool) -> aiohttp.ClientSession:
        # Created lazily: it needs the running loop, and reads certificates for https only.
        if fresh:
            if self._fresh is None:
                self._fresh = self._new_session(url, fresh=True)
            return self._fresh
        if self._kept is None:
            self._kept = self._new_session(url, fresh=False)
        return self._kept

    def _new_session(self, url: httpx.URL, *, fresh: bool) -> aiohttp.ClientSession:
        secure = url.scheme == "https" or (self._proxy or "").startswith("https:")
        connector = Connector(
            limit=self._in_flight,
            ssl=tls_context() if secure else True,
            resolver=aiohttp.ThreadedResolver(),
            socket_factory=_kept_alive,
            **({"force_close": True} if fresh else {"keepalive_timeout": 5.0}),
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=self._timeout,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
        )

    def _url(self, address: str) -> yarl.URL:
        known = self._urls.get(address)
        if known is None:
            if len(self._urls) > 1000:
                self._urls.clear()
            known = self._urls[address] = yarl.URL(address, encoded=True)
        return known


def header_pairs(headers: httpx.Headers) -> list[tuple[str, str]]:
    """The headers as aiohttp takes them, without those that it sets itself."""
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers.raw
        if name.lower() not in HEADERS_SET_BY_AIOHTTP
    ]


def end_body_with_connection(answer: aiohttp.ClientResponse) -> None:
    """Make reading the body fail when its connection ends.

    After a malformed chunk aiohttp drops the connection and leaves the body's reader waiting for
    ever.
    """
    content, connection = answer.content, answer.connection
    if content.is_eof() or connection is None or connection.protocol is None:
        return

    def wake(ended: asyncio.Future[None]) -> None:
        if not ended.cancelled():
            ended.exception()  # retrieved: asyncio logs an error otherwise
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the connection ended in the body"))

    closed = connection.protocol.closed
    if closed is not None:
        closed.add_done_callback(wake)


def unread(content: aiohttp.StreamReader) -> bytes:
    """Bytes of a body that had arrived when its connection failed.

    aiohttp raises before it gives them out; they may be the rest of a paid answer.
    """
    take: Callable[[int], bytes] | None = getattr(content, "_read_nowait", None)
    return b"" if take is None else take(-1)


class IncomingBody(httpx.AsyncByteStream):
    """A response body while it is being received."""

    def __init__(self, answer: aiohttp.ClientResponse, progress: Progress) -> None:
        self._answer = answer
        self._progress = progress
        end_body_with_connection(answer)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.next_piece():
            yield data

    @property
    def has_arrived(self) -> bool:
        """True if the rest of the body is here: the next piece comes at once."""
        return self._answer.content.is_eof()

    async def next_piece(self) -> bytes:
        """The next bytes; empty at the end. Raises UnsentError or BrokenError."""
        try:
            return await self._answer.content.readany()
        except AIOHTTP_ERRORS as error:
            if arrived := unread(self._answer.content):
                return arrived  # the next read raises again
            problem = _translate_error(error, self._progress)
            error.__traceback__ = None  # aiohttp keeps the error, which would keep this frame
        try:
            raise problem
        finally:
            del problem  # as in `handle_async_request`

    async def aclose(self) -> None:
        """Return the connection if the body was read to its end; close it otherwise."""
        self._answer.close()


async def _request_body(
    request: httpx.Request, progress: Progress
) -> aiohttp.payload.Payload | None:
    stream = request.stream
    if isinstance(stream, FileStream):
        if (fault := stream.fault) is not None:
            progress.sent = False
            raise UnsentError("other", fault)
        return FilePieces(stream, progress.check_time)
    if isinstance(stream, httpx.ByteStream):
        body = b"".join(stream)
    else:
        assert isinstance(stream, httpx.AsyncByteStream)
        body = b"".join([piece async for piece in stream])
    if not body:
        return None
    if progress.leave_by is None:
        if len(body) < MB:
            return aiohttp.BytesPayload(body)
        return aiohttp.payload.BytesIOPayload(io.BytesIO(body))
    timely = TimelyBytes(body) if len(body) < MB else TimelyPieces(io.BytesIO(body))
    timely.progress = progress
    return timely


def _translate_error(error: Exception, progress: Progress) -> UnsentError | BrokenError:
    detail = f"{type(error).__name__}: {error}"[:400]
    if isinstance(error, Http2OnlyError):  # its first bytes say that it understood no request
        return UnsentError("http2_only", str(error))
    if progress.is_late:
        return UnsentError(TOO_LATE, str(error))
    if not progress.sent:
        cause = _unsent_cause(error)
        return UnsentError(cause, tls_words(error) if cause == "tls" else detail)
    return BrokenError(_broken_cause(error, progress), detail)


def tls_words(error: Exception) -> str:
    """Why no TLS connection came about."""
    below = getattr(error, "certificate_error", None) or getattr(error, "os_error", error)
    if isinstance(below, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {below.verify_message}"
    reason = str(getattr(below, "reason", "") or below)
    if "WRONG_VERSION_NUMBER" in reason or "RECORD_LAYER" in reason:
        return "this port does not speak TLS: perhaps http:// is meant"
    return f"TLS: {reason}"[:400]


def _unsent_cause(error: Exception) -> str:
    below = getattr(error, "os_error", error)
    if isinstance(error, aiohttp.ClientConnectorDNSError) or isinstance(below, socket.gaierror):
        return "dns"
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return "proxy"
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError | ssl.CertificateError):
        return "tls"
    if isinstance(error, TimeoutError) or isinstance(below, TimeoutError):
        return "connect_timeout"
    if getattr(below, "errno", None) == errno.ECONNREFUSED:
        return "refused"
    return "other"


def _broken_cause(error: Exception, progress: Progress) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if progress.status is not None:
        return "cut"
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.http_exceptions.HttpProcessingError):
        return "not_http"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "closed"
    return "reset" if isinstance(error, OSError) else "closed"
