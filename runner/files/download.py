"""Downloads the pictures that answers link to."""

import asyncio
import mmap
import os
import re
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias
from urllib.parse import quote, urljoin

import aiofiles
import aiohttp
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult

from runner.files.save import NameTaken, Saved, exclusive, finish, part_of, remove, write
from runner.protocol.drawings import inspect_any
from runner.protocol.media import MEDIA_HEAD_BYTES, lacks_end
from runner.protocol.pictures import CutPictureError, NotAPictureError
from runner.transport.addresses import (
    AddressGuard,
    BlockedError,
    LoopbackError,
    proxy_for,
    tls_context,
)
from runner.transport.aiohttp_transport import AIOHTTP_ERRORS, MB, end_body_with_connection, unread
from runner.transport.bodies import TooLargeError, UndecodableError, Unpacker

QUIET_SECONDS = 5.0  # without a byte, after which a picture is asked whether it is whole
MAX_REDIRECTS = 5
MAX_UNPACKED_BYTES = 64 * MB  # of a body that a server packed although nobody asked for it
MAX_RESUMES = 30  # of one file that comes in pieces: a gateway's proxy gives up after a minute
ACCEPTED = "image/*, video/*, audio/*;q=0.9, */*;q=0.5"
NO_HEADERS: Mapping[str, str] = {}
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
TEMPORARY_STATUSES = frozenset({403, 404, 408, 410, 425, 429})
"""403, 404 and 410 are temporary only for a new picture: object stores publish late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadFailure:
    """Why there is no picture; no file has the final name.

    The caller decides if a 403, 404 or 410 is worth another try, since it knows the picture's age.
    """

    cause: str  # expired not_found blocked not_a_picture cut too_large network timeout server
    detail: str
    passing: bool  # a later try may succeed
    status: int | None = None


KeyHeaders: TypeAlias = Callable[[str], Mapping[str, str]]
"""The headers with a key for an address; empty for every host but the key's own."""


def no_key(_url: str) -> Mapping[str, str]:
    """No address gets a key."""
    return NO_HEADERS


Download: TypeAlias = Saved | NameTaken | DownloadFailure


class _Failed(Exception):  # noqa: N818 - never leaves this file: it carries the value out of a loop
    def __init__(
        self, cause: str, detail: str, *, passing: bool = False, status: int | None = None
    ) -> None:
        super().__init__(detail)
        self.failure = DownloadFailure(
            cause=cause, detail=detail[:400], passing=passing, status=status
        )


class _Resolver(AbstractResolver):
    """Resolves only to addresses that the guard allows; TLS and Host keep the name."""

    def __init__(self, guard: AddressGuard, trusted: tuple[str, int] | None) -> None:
        self._guard, self._trusted = guard, trusted

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - aiohttp's own signature
    ) -> list[ResolveResult]:
        if (host, port) == self._trusted:  # the user's own proxy may be on this machine
            found = await asyncio.get_running_loop().getaddrinfo(host, port)
            addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        else:
            addresses = await self._guard.addresses(host, port)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Hold no resources."""


class Downloads:
    """Downloads of one run; an async context manager. Sends no cookie, and a key only where
    `download` says.

    Behind a proxy we cannot choose the address that is connected to: names are still resolved and
    checked, and one that cannot be resolved needs `--allow-host`.
    """

    def __init__(
        self,
        guard: AddressGuard,
        *,
        at_once: int = 32,
        environ: Mapping[str, str] = os.environ,
        most: int = 1024 * MB,
        seconds: float = 900.0,
    ) -> None:
        self._guard, self._at_once, self._environ = guard, at_once, environ
        self._most, self._seconds = most, seconds
        self._sessions: dict[str | None, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for session in self._sessions.values():
            await session.close()

    async def download(self, url: str, target: Path, *, key: KeyHeaders = no_key) -> Download:
        """Download one file to `target` plus the ending of its real format.

        `key` returns the headers for the provider's own host, which may want its key for a file.
        Raises OSError if the disk fails; every other failure is a return value.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await self._received(_Source(self, url, key), target)
        except TimeoutError:
            detail = f"not complete within {self._seconds:g} s"
            return DownloadFailure(cause="timeout", detail=detail, passing=True)
        except _Failed as failed:
            return failed.failure
        except (NotAPictureError, CutPictureError) as error:
            return _unusable(error)

    async def answer(
        self, url: str, *, key: KeyHeaders, more: Mapping[str, str] = NO_HEADERS
    ) -> aiohttp.ClientResponse:
        """The response after all redirects, with a status that has a body.

        The key goes to the host that it belongs to, and only if that refuses without it.
        """
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._asked(_parsed(url), more)
            if answer.status in (401, 403) and (own := key(url)):
                answer.close()
                answer = await self._asked(_parsed(url), {**own, **more})
            if answer.status not in REDIRECT_STATUSES:
                if answer.status != (206 if more and answer.status != 200 else 200):
                    answer.close()
                    raise _refused(answer.status)
                return answer
            answer.close()
            url = _joined(url, answer.headers.get("Location", ""))
        raise _Failed("blocked", f"more than {MAX_REDIRECTS} redirects")

    async def _asked(self, url: yarl.URL, more: Mapping[str, str]) -> aiohttp.ClientResponse:
        assert url.raw_host is not None
        assert url.port is not None
        proxy = proxy_for(str(url), self._environ)
        if proxy is not None and not proxy.startswith(("http://", "https://")):
            proxy = None  # what this run sends would be refused; a picture is fetched directly
        try:
            if proxy is not None or _is_literal(url.raw_host):  # these never reach our resolver
                await self._guard.addresses(url.raw_host, url.port)
            return await self._session(proxy).get(
                url,
                allow_redirects=False,
                proxy=proxy,
                headers={"Accept": ACCEPTED, "Accept-Encoding": "identity", **more},
            )
        except BlockedError as error:
            cause = "loopback" if isinstance(error, LoopbackError) else "blocked"
            raise _Failed(cause, str(error)) from error
        except TimeoutError as error:
            raise _Failed("timeout", str(error), passing=True) from error
        except aiohttp.InvalidURL as error:
            raise _Failed("blocked", f"not an address: {error}") from error
        except AIOHTTP_ERRORS as error:
            raise _Failed("network", f"{type(error).__name__}: {error}", passing=True) from error

    def _session(self, proxy: str | None) -> aiohttp.ClientSession:
        known = self._sessions.get(proxy)
        if known is None:
            own = yarl.URL(proxy) if proxy is not None else None
            trusted = (own.raw_host, own.port) if own and own.raw_host and own.port else None
            known = self._sessions[proxy] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._at_once,
                    keepalive_timeout=5.0,
                    ssl=tls_context(),
                    resolver=_Resolver(self._guard, trusted),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=10.0),
                max_field_size=64 * 1024,
            )
        return known

    async def _received(self, source: "_Source", target: Path) -> Download:
        """Read the body: a small one is written at once, a large one in pieces of a megabyte."""
        try:
            body = await source.open(self._most)
            piece = await body.next_megabyte()
            try:
                if len(piece) < MB:
                    _check_end(body, piece)
                    return await write(piece, target)
                return await self._received_in_pieces(source, body, piece, target)
            except (NotAPictureError, CutPictureError):
                if source.fault is not None:
                    raise source.fault from None
                raise
        finally:
            source.close()

    async def _received_in_pieces(
        self, source: "_Source", body: "_Body", piece: bytes, target: Path
    ) -> Download:
        """Write the pieces as they come; what breaks off is resumed where the server can."""
        part, head = part_of(target), piece[:MEDIA_HEAD_BYTES]
        try:
            async with aiofiles.open(part, "wb", opener=exclusive) as file:
                while True:
                    while piece:
                        await file.write(piece)
                        source.have += len(piece)
                        piece = await body.next_megabyte()
                    await file.flush()
                    if body.fault is None and await asyncio.to_thread(_is_whole_file, part):
                        break
                    further = await source.resume(self._most)
                    if further is None:
                        break
                    body = further
                    piece = await body.next_megabyte()
            _check_end(body, head)
            return await finish(part, target)
        finally:
            remove(part)


def _check_end(body: "_Body", head: bytes) -> None:
    """Raise what broke a body off whose kind has no end of its own."""
    if body.fault is not None and lacks_end(head[:MEDIA_HEAD_BYTES]):
        raise body.fault


class _Source:
    """Where one file comes from: its address, and how much of it is there already."""

    def __init__(self, downloads: Downloads, url: str, key: KeyHeaders) -> None:
        self.have = 0
        self._downloads, self._url, self._key = downloads, url, key
        self._answer: aiohttp.ClientResponse | None = None
        self._body: _Body | None = None
        self._resumes = 0
        self._before = -1  # what was there at the last resume

    @property
    def fault(self) -> "_Failed | None":
        """Why the last body broke off."""
        return self._body.fault if self._body is not None else None

    async def open(self, most: int) -> "_Body":
        """The body from its beginning."""
        return self._taken(await self._downloads.answer(self._url, key=self._key), most)

    async def resume(self, most: int) -> "_Body | None":
        """The rest of a body that broke off; None if the server has no more, or cannot say."""
        assert self._answer is not None
        mark = self._answer.headers.get("ETag") or self._answer.headers.get("Last-Modified")
        if self._resumes >= MAX_RESUMES or self.have == self._before:
            return None
        self._resumes, self._before = self._resumes + 1, self.have
        more = {"Range": f"bytes={self.have}-"}
        if mark is not None and not mark.startswith("W/"):
            more["If-Range"] = mark
        self.close()
        try:
            answer = await self._downloads.answer(self._url, key=self._key, more=more)
        except _Failed:
            return None  # what broke the body off is told, not that it cannot be resumed
        begins = answer.headers.get("Content-Range", "").removeprefix("bytes ")
        if answer.status != 206 or not begins.startswith(f"{self.have}-"):
            answer.close()
            return None
        return self._taken(answer, most - self.have)

    def close(self) -> None:
        """End the response."""
        if self._answer is not None:
            self._answer.close()

    def _taken(self, answer: aiohttp.ClientResponse, most: int) -> "_Body":
        self._answer = answer
        if (answer.content_length or 0) > most:
            raise _too_large(most)
        self._body = _Body(answer, most)
        return self._body


class _Body:
    """The body of one download.

    A picture's end marker says whether it is whole, not the transport nor a Content-Encoding: what
    breaks off or is labelled wrongly ends here, and `fault` says why if the picture is not whole.
    """

    def __init__(self, answer: aiohttp.ClientResponse, most: int) -> None:
        self.fault: _Failed | None = None
        self._content = answer.content
        self._most = most
        coding = answer.headers.get("Content-Encoding", "")
        is_packed = coding.strip().lower() not in ("", "identity")
        unpacked = min(most, MAX_UNPACKED_BYTES) if is_packed else most  # films come as they are
        self._unpacker = Unpacker(coding, received=most, unpacked=unpacked)
        self._is_first = True  # of its megabytes
        end_body_with_connection(answer)

    async def next_megabyte(self) -> bytes:
        """The next megabyte; less at the end, then empty."""
        gathered: list[bytes] = []
        try:
            while self.fault is None and sum(map(len, gathered)) < MB:
                if not await self._gather(gathered):
                    break
        except TooLargeError as error:
            raise _too_large(self._most) from error
        except UndecodableError as error:
            gathered.append(error.partial)
            self.fault = _Failed("cut", str(error), passing=True)
        except AIOHTTP_ERRORS as error:
            self.fault = _Failed("cut", f"{type(error).__name__}: {error}", passing=True)
            with suppress(UndecodableError, TooLargeError):
                while arrived := unread(self._content):
                    gathered.append(self._unpacker.feed(arrived))
        self._is_first = False
        return b"".join(gathered)

    async def _gather(self, gathered: list[bytes]) -> bool:
        """Receive one piece; False if there is nothing more to wait for."""
        if self._content.at_eof():
            self._unpacker.finish()
            return False
        may_be_whole = self._is_first and gathered
        try:
            async with asyncio.timeout(QUIET_SECONDS if may_be_whole else None):
                data = await self._content.readany()
        except TimeoutError:  # a server that holds the connection behind the last byte
            if await asyncio.to_thread(_is_whole, b"".join(gathered)):
                return False
            self._is_first = False
            return True
        gathered.append(self._unpacker.feed(data))
        return True


def _is_whole(data: bytes) -> bool:
    try:
        inspect_any(data)
    except (NotAPictureError, CutPictureError):
        return False
    return True


def _is_whole_file(path: Path) -> bool:
    """True if it is whole by its own syntax, or of no kind that a resumed download could mend."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            with memoryview(data) as view:
                inspect_any(view)
        except CutPictureError:
            return False
        except NotAPictureError:
            return True
    return True


async def download(url: str, target: Path, *, guard: AddressGuard) -> Download:
    """Download a single picture; for many, keep one Downloads open."""
    async with Downloads(guard, at_once=1) as downloads:
        return await downloads.download(url, target)


async def save(data: bytes, target: Path) -> Download:
    """Save a picture that came inside an answer, with the same checks as a download."""
    try:
        return await write(data, target)
    except (NotAPictureError, CutPictureError) as error:
        return _unusable(error)


def _unusable(error: NotAPictureError | CutPictureError) -> DownloadFailure:
    if isinstance(error, CutPictureError):
        return DownloadFailure(cause="cut", detail=str(error), passing=True)
    return DownloadFailure(cause="not_a_picture", detail=str(error), passing=False)


def _too_large(most: int) -> _Failed:
    return _Failed("too_large", f"larger than {most // MB} MB")


def _refused(status: int) -> _Failed:
    if status >= 500 or status in {408, 425, 429}:
        cause = "server"
    elif status == 404:
        cause = "not_found"
    else:
        cause = "expired" if status in {401, 403, 410} else "server"
    passing = status >= 500 or status in TEMPORARY_STATUSES
    return _Failed(cause, f"the server answered {status}", passing=passing, status=status)


def _wire_form(url: str) -> str:
    """The address byte for byte, except for characters that a request line cannot hold.

    Signed addresses break if anything in them is encoded once more or once less.
    """
    return re.sub(r"[^\x21-\x7e]+", lambda found: quote(found.group(), errors="replace"), url)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, _wire_form(location))
    except ValueError as error:
        raise _Failed("blocked", f"a redirect to no address: {error}") from error


def _parsed(url: str) -> yarl.URL:
    try:
        parsed = yarl.URL(_wire_form(url.strip()), encoded=True)
        port = parsed.port
    except ValueError as error:
        raise _Failed("blocked", f"not an address: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.raw_host or not port:
        raise _Failed("blocked", "only addresses that begin with http:// or https:// are fetched")
    if parsed.raw_user is not None or parsed.raw_password is not None or "\\" in url:
        raise _Failed("blocked", "the address holds a user name or a backslash")
    return parsed


def _is_literal(host: str) -> bool:
    """True if aiohttp takes this host for an address and skips the resolver; 127.1 counts too."""
    return ":" in host or host.replace(".", "").isdigit()
