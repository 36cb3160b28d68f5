"""Carries httpx requests over aiohttp and knows for each of them whether bytes left."""

import asyncio
import errno
import io
import socket
import ssl
from collections.abc import AsyncIterator
from contextvars import ContextVar

import aiohttp
import aiohttp.http_exceptions
import httpx
import yarl
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from jobs.failpoints import reach
from runner.transport.addresses import tls_context

MB = 1 << 20
MAX_HEADER_BYTES = (
    64 * 1024
)  # a status line or header may be this long: a long one must not cost a paid answer

HEADERS_SET_BY_AIOHTTP = frozenset(
    (b"content-length", b"transfer-encoding", b"connection")
)  # set by aiohttp

AIOHTTP_ERRORS = (
    # all that aiohttp and the network below it were seen to raise
    aiohttp.ClientError,
    aiohttp.http_exceptions.HttpProcessingError,
    OSError,
    ValueError,
    EOFError,
)


class Progress:
    """How far one request came. `sent` is only False while it is known that no byte has left."""

    __slots__ = ("connected", "pieces", "sent", "status")

    def __init__(self) -> None:
        self.sent = True
        self.connected = False
        self.status: int | None = None
        self.pieces: list[bytes] = []


CURRENT_PROGRESS: ContextVar[Progress] = ContextVar("CURRENT_PROGRESS")


class Connector(aiohttp.TCPConnector):
    """Notes when a request gets its connection: from then on it counts as sent.

    Should a later aiohttp pass this by, every failure is in doubt and none is taken for free.
    """

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> Connection:
        """A connection for one request, new or kept, with TLS and through the proxy."""
        progress = CURRENT_PROGRESS.get()
        progress.sent = progress.connected  # True for the second connection of one GET
        connection = await super().connect(req, traces, timeout)
        progress.sent = progress.connected = True
        if req.method == "POST":  # what is paid for; questions may go before
            reach("call.connected")
        return connection


class UnsentError(httpx.ConnectError):
    """No byte of the request left."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


class BrokenError(httpx.ReadError):
    """Bytes left, and the answer is missing or not whole."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


class GatewayTransport(httpx.AsyncBaseTransport):
    """Carries httpx requests over aiohttp, without redirects, retries, cookies or unpacking.

    Whether a request was sent is told by how far the connection came, never by the kind of an
    exception: a connection that is reset after a paid request looks like one that never stood. On
    a kept connection that the server has just closed nothing may arrive, and it counts as sent.
    Request extensions: `progress` is a Progress to be filled in, `fresh` asks for a connection of
    its own, `address` is the URL as text where the sender has it.
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
        """One request, one answer. Raises UnsentError or BrokenError (httpx.TransportError)."""
        progress: Progress = request.extensions.get("progress") or Progress()
        session = self._session(request.url, fresh=bool(request.extensions.get("fresh")))
        body = await _request_body(request)
        CURRENT_PROGRESS.set(progress)
        try:
            answer = await session.request(
                request.method,
                self._url(request.extensions.get("address") or str(request.url)),
                data=body,
                headers=[
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in request.headers.raw
                    if name.lower() not in HEADERS_SET_BY_AIOHTTP
                ],
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
        # Raised out here so that it does not carry aiohttp's error along: that one holds the key.
        try:
            raise problem
        finally:
            del problem  # it holds this frame, and with it the body; the frame must not hold it

    async def aclose(self) -> None:
        """Closes all connections."""
        for session in (self._kept, self._fresh, *self._retired):
            if session is not None:
                await session.close()

    def drop_idle_connections(self) -> None:
        """Uses no connection again that stands now; calls that go on keep theirs to their end."""
        if self._kept is not None:
            self._retired.append(self._kept)
            self._kept = None

    def _session(self, url: httpx.URL, *, fresh: bool) -> aiohttp.ClientSession:
        # Made late: only then there is a loop; and certificates are read for https only.
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


def end_body_with_connection(answer: aiohttp.ClientResponse) -> None:
    """Ends the reading of a body when its connection ends.

    Needed since aiohttp, when it meets a malformed chunk, drops the connection and leaves the
    reader of the body waiting for ever.
    """
    content, connection = answer.content, answer.connection
    if content.is_eof() or connection is None or connection.protocol is None:
        return

    def wake(_: asyncio.Future[None]) -> None:
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the connection ended in the body"))

    closed = connection.protocol.closed
    if closed is not None:
        closed.add_done_callback(wake)


class IncomingBody(httpx.AsyncByteStream):
    """The body of an answer as it comes in."""

    def __init__(self, answer: aiohttp.ClientResponse, progress: Progress) -> None:
        self._answer = answer
        self._progress = progress
        end_body_with_connection(answer)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.next_piece():
            yield data

    async def next_piece(self) -> bytes:
        """The bytes that came next; none at the end. Raises UnsentError or BrokenError."""
        try:
            return await self._answer.content.readany()
        except AIOHTTP_ERRORS as error:
            problem = _translate_error(error, self._progress)
            error.__traceback__ = None  # the body keeps the error, which would keep this frame
        try:
            raise problem
        finally:
            del problem  # as above

    async def aclose(self) -> None:
        """Gives the connection back if the body was read to its end, closes it otherwise."""
        self._answer.close()


async def _request_body(request: httpx.Request) -> aiohttp.BytesPayload | io.BytesIO | None:
    stream = request.stream
    if isinstance(stream, httpx.ByteStream):
        body = b"".join(stream)
    else:
        assert isinstance(stream, httpx.AsyncByteStream)
        body = b"".join([piece async for piece in stream])
    if len(body) < MB:
        return aiohttp.BytesPayload(body) if body else None
    return io.BytesIO(body)  # goes out in pieces, so that other calls go on meanwhile


def _translate_error(error: Exception, progress: Progress) -> UnsentError | BrokenError:
    detail = f"{type(error).__name__}: {error}"[:400]
    if not progress.sent:
        return UnsentError(_unsent_cause(error), detail)
    return BrokenError(_broken_cause(error, progress), detail)


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
