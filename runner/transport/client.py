"""The client for paid requests: sends one call, returns one delivery."""

import asyncio
import functools
import importlib.metadata
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import httpx

from jobs.errors import ObstacleError
from runner.protocol.base_url import normalised, request_url
from runner.protocol.call import KEY_PLACE, Call, Delivery, Lost, NotSent, Reply
from runner.protocol.call_key import bound_key
from runner.secret import Secret
from runner.transport.aiohttp_transport import (
    MB,
    BrokenError,
    GatewayTransport,
    IncomingBody,
    Progress,
    UnsentError,
    header_pairs,
)
from runner.transport.bodies import TooLargeError, UndecodableError, body_of
from runner.transport.file_bodies import FileStream, SavedBody
from runner.transport.off_loop import uninterrupted
from runner.transport.receive import BodyReceiver, ClientLimits, whole_off_loop

KEY_MASK = "…".encode()
PROXY_REFUSED = 407
"""The status of a proxy's own answer. With plain http it comes as if it were the gateway's."""
DEFAULT_LIMITS = ClientLimits()


class TargetError(ObstacleError, ValueError):
    """The base URL, the key or the proxy cannot be used for any request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where paid requests go, with the key that belongs to that address only.

    `base_url` may be given as `protocol.base_url` says. `headers` go out with every request; in
    them `{key}` stands for the key, which then has no Authorization header beside it.
    """

    base_url: str
    key: Secret
    proxy: str | None = field(default=None, repr=False)  # may hold a password
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold other keys

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", normalise_base_url(self.base_url))
        if not all(" " < sign <= "~" for sign in self.key.reveal()):
            raise TargetError("target_key")
        if self.proxy is not None and urlsplit(self.proxy).scheme not in {"http", "https"}:
            raise TargetError("target_proxy")

    def key_headers(self) -> dict[str, str]:
        """The headers that carry the key, and the others that the person's settings add."""
        key, own = self.key.reveal(), self.headers
        found = {name: value.replace(KEY_PLACE, key) for name, value in own.items()}
        if not any(KEY_PLACE in value for value in own.values()):
            found = {"Authorization": f"Bearer {key}", **found}
        return found

    def with_own_headers(self, headers: httpx.Headers, own: Mapping[str, str]) -> httpx.Headers:
        """The headers of a call that has some of its own, one of which may carry the key."""
        changed = httpx.Headers(headers)
        if any(KEY_PLACE in value for value in own.values()):
            changed.pop("Authorization", None)
        key = self.key.reveal()
        changed.update({name: value.replace(KEY_PLACE, key) for name, value in own.items()})
        return changed


def normalise_base_url(base_url: str) -> str:
    """The one spelling of a base URL. Raises TargetError if it is not a base URL."""
    found = normalised(base_url)
    if found is not None:
        return found
    try:
        parts = urlsplit(base_url.strip())
    except ValueError as error:
        raise TargetError("target_scheme") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise TargetError("target_scheme")
    try:
        _ = parts.port
    except ValueError as error:
        raise TargetError("target_port") from error
    raise TargetError("target_extras")


def _without_password(proxy: str | None) -> str:
    """A proxy's address for people."""
    parts = urlsplit(proxy or "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class SharedHeaders(NamedTuple):
    """Headers that many requests have, for httpx and for aiohttp."""

    headers: httpx.Headers
    pairs: list[tuple[str, str]]

    @classmethod
    def of(cls, headers: httpx.Headers) -> "SharedHeaders":
        """These headers, in both forms."""
        return cls(headers, header_pairs(headers))


class GatewayClient:
    """Sends calls to one target; one for a run. Use it as an async context manager."""

    def __init__(
        self, target: Target, *, in_flight: int, limits: ClientLimits = DEFAULT_LIMITS
    ) -> None:
        self.target = target
        self._limits = limits
        self._key = target.key.reveal() if target.key.is_distinctive else ""
        self._transport = GatewayTransport(
            in_flight=in_flight, proxy=target.proxy, connect=limits.connect
        )
        self._urls: dict[tuple[str | None, str], tuple[httpx.URL, str]] = {}
        self._headers: dict[tuple[str, bool], SharedHeaders] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._transport.aclose()

    def drop_idle_connections(self) -> None:
        """Open new connections from now on: idle ones are dead after the machine slept."""
        self._transport.drop_idle_connections()

    async def send(self, call: Call, *, key: str = "") -> Delivery:
        """Send the call once; every fault of network or server is returned as a value.

        `key`, bound to the bytes, is sent as Idempotency-Key. Cancellation propagates and closes
        the connection. Raises UnencodableError if the call cannot be put into bytes; nothing was
        sent then.
        """
        return await self._sent(call, key, None)

    async def save(self, call: Call, target: Path) -> Delivery:
        """Send a call whose answer goes into a file: a reply with 2xx has an empty body then.

        The file is there as a whole or not at all. Raises OSError if it cannot be written.
        """
        return await self._sent(call, "", target)

    async def _sent(self, call: Call, key: str, target: Path | None) -> Delivery:
        began = time.monotonic()
        progress = Progress(leave_by=call.leave_by)
        try:
            async with asyncio.timeout(call.timeout):
                await self._exchange(self._request(call, key, progress), progress, target)
        except TimeoutError:
            detail = f"no complete answer within {call.timeout:g} s"
            if not progress.sent:
                return NotSent(cause="connect_timeout", detail=detail)
            return await self._broken_off("timeout", detail, progress, began=began)
        except UnsentError as error:
            detail = self._clean(str(error))
            if error.cause == "proxy":
                detail = f"proxy {_without_password(self.target.proxy)}: {detail}"
            return NotSent(cause=error.cause, detail=detail)
        except BrokenError as error:
            return await self._broken_off(error.cause, str(error), progress, began=began)
        except httpx.InvalidURL as error:
            return NotSent(cause="other", detail=self._clean(str(error)))
        return await self._reply(progress, began=began)

    def _request(self, call: Call, key: str, progress: Progress) -> httpx.Request:
        body = body_of(call)
        headers, pairs = self._headers_of(body.media_type, stream=call.stream)
        if call.headers:
            headers = self.target.with_own_headers(headers, call.headers)
            pairs = header_pairs(headers)
        if key:  # only in the pairs, which are what is sent: httpx takes long to add one
            pairs = [*pairs, ("Idempotency-Key", bound_key(key, call, body))]
        url, address = self._url(call.path, call.base_url)
        return httpx.Request(
            call.method,
            url,
            headers=headers,
            stream=httpx.ByteStream(body.content) if body.file is None else FileStream(body),
            extensions={
                "progress": progress,
                "fresh": call.fresh,
                "stream": call.stream,
                "address": address,
                "pairs": pairs,
            },
        )

    def _headers_of(self, media_type: str, *, stream: bool) -> SharedHeaders:
        """The headers that all calls of one kind share, built once because httpx is slow at it."""
        known = self._headers.get((media_type, stream))
        if known is None:
            named = {
                **self.target.key_headers(),
                "User-Agent": user_agent(),
                "Accept": "text/event-stream" if stream else "application/json",
                "Accept-Encoding": "gzip, deflate",
            }
            if media_type:
                named["Content-Type"] = media_type
            known = SharedHeaders.of(httpx.Headers(named))
            if not media_type.startswith("multipart"):  # each form has its own boundary
                self._headers[media_type, stream] = known
        return known

    def headers_for(self, url: str) -> dict[str, str]:
        """The headers with which this target gives out a file; none for any other origin.

        Google's files take the key under its own name only.
        """
        own, other = urlsplit(self.target.base_url), urlsplit(url)
        is_own = (own.scheme, own.netloc.lower()) == (other.scheme, other.netloc.lower())
        if not is_own or not self.target.key.reveal():
            return {}
        if other.path.startswith("/v1beta/"):
            return {"x-goog-api-key": self.target.key.reveal()}
        return self.target.key_headers()

    def _url(self, path: str, base_url: str | None) -> tuple[httpx.URL, str]:
        """The URL of a path, parsed and as text; cached because httpx is slow at both."""
        known = self._urls.get((base_url, path))
        if known is None:
            if len(self._urls) > 1000:  # each ticket has a path of its own
                self._urls.clear()
            url = httpx.URL(request_url(base_url or self.target.base_url, path))
            known = self._urls[base_url, path] = url, str(url)
        return known

    async def _exchange(
        self, request: httpx.Request, progress: Progress, target: Path | None
    ) -> None:
        response = await self._transport.handle_async_request(request)
        body = response.stream
        assert isinstance(body, IncomingBody)
        try:
            progress.headers = headers = _joined_headers(response.headers)
            if response.status_code < 200:
                raise BrokenError("not_http", f"status {response.status_code} was not asked for")
            if response.status_code == PROXY_REFUSED and self.target.proxy:
                raise UnsentError(
                    "proxy", f"the proxy asks for a user and password ({PROXY_REFUSED})"
                )
            streamed = request.extensions["stream"] or _is_event_stream(headers)
            coding = headers.get("content-encoding", "")
            if target is not None and 200 <= response.status_code < 300:
                saved = SavedBody(target, coding=coding, clean=self._without_key)
                return await _save(body, saved, idle=self._limits.idle)
            receiver = BodyReceiver(progress, self._limits, coding=coding, streamed=streamed)
            await receiver.receive(body)
        finally:
            await body.aclose()

    async def _broken_off(
        self, cause: str, detail: str, progress: Progress, *, began: float
    ) -> Reply | Lost:
        """What is whole by its own syntax is an answer, however the transport ended."""
        if progress.status is not None and await whole_off_loop(b"".join(progress.pieces)):
            return await self._reply(progress, began=began)
        return Lost(
            cause=cause,
            detail=self._clean(detail),
            by_time=cause == "timeout",
            status=progress.status,
            headers=self._clean_headers(progress.headers),
            body=await self._body(progress.pieces),
            seconds=time.monotonic() - began,
        )

    async def _reply(self, progress: Progress, *, began: float) -> Reply:
        assert progress.status is not None
        seconds = time.monotonic() - began
        return Reply(
            status=progress.status,
            headers=self._clean_headers(progress.headers),
            body=await self._body(progress.pieces),
            seconds=seconds,
        )

    async def _body(self, pieces: Sequence[bytes]) -> bytes:
        """The body without our key; a thread of its own goes through a big one, ahead of others."""
        if sum(map(len, pieces)) < MB:
            return self._without_key(b"".join(pieces))
        return await uninterrupted(asyncio.to_thread(lambda: self._without_key(b"".join(pieces))))

    def _clean_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: self._clean(value) for name, value in headers.items()}

    def _without_key(self, body: bytes) -> bytes:
        """The body byte for byte, except for our key, which some servers send back."""
        return self.target.key.taken_out_of(body, KEY_MASK)

    def _clean(self, detail: str) -> str:
        """The text without our key: a server that echoes it must not put it into a log."""
        return detail.replace(self._key, "…") if self._key else detail


async def _save(body: IncomingBody, saved: SavedBody, *, idle: float) -> None:
    """Receive a body into its file. Raises BrokenError, or OSError if the disk takes no more."""
    try:
        while True:
            async with asyncio.timeout(idle):
                data = await body.next_piece()
            if not data:
                break
            await saved.take(data)
        await saved.finish()
    except TimeoutError as error:
        raise BrokenError("timeout", f"no data for {idle:g} s") from error
    except UndecodableError as error:
        raise BrokenError("encoding", str(error)) from error
    except TooLargeError as error:
        raise BrokenError("too_large", str(error)) from error
    finally:
        saved.drop()


def _is_event_stream(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").startswith("text/event-stream")


def _joined_headers(headers: httpx.Headers) -> dict[str, str]:
    """Headers by lower-case name; repeated ones are joined by a comma (RFC 9110, 5.3)."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "replace")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


@functools.cache
def user_agent() -> str:
    """The User-Agent header; some sites refuse requests without one."""
    try:
        return f"rowmill/{importlib.metadata.version('rowmill')}"
    except importlib.metadata.PackageNotFoundError:
        return "rowmill"
