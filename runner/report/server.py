"""Serves one sheet's page on 127.0.0.1 to clients that know the token of this start."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from jobs.store.queries.gallery import file_names
from jobs.thumbnails import THUMBS_FOLDER, thumb_name
from runner.catalogue.reasons import reason
from runner.files.thumbnails import make_missing
from runner.report.file_answers import given, inside
from runner.report.live_feed import Feed
from runner.report.own_names import LOOPBACK, is_own_name
from runner.report.page_writes import PageWrites
from runner.report.picking import input_picture
from runner.report.target_copies import TargetCopies
from runner.workspace.target import FileTargetError
from runner.workspace.workspace import SHEET_ID, Workspace

LOOK_SECONDS = 1.0  # seconds between two reads of the table
THUMBNAIL_WAIT_SECONDS = 8.0  # seconds to wait for a thumbnail in progress
MAX_REQUEST_BYTES = 8 << 20
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def refuse_other_names(request: web.Request, host: str, port: int) -> None:
    """Let in only requests for this machine's own names. Raises HTTPBadRequest."""
    if not is_own_name(request.headers.get("Host", ""), host, port):
        raise web.HTTPBadRequest(text="unknown host\n", headers=SECURITY_HEADERS)


async def with_safe_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The handler's answer, also one that it raises, with the headers that every answer has."""
    try:
        answer = await handler(request)
    except web.HTTPException as error:
        error.headers.update(SECURITY_HEADERS)
        raise
    if not answer.prepared:
        answer.headers.update(SECURITY_HEADERS)
    return answer


class LivePage:
    """The server, inside `async with`; `url` is known from then on.

    OSError on entering: the port cannot be used. `guests` may look and mark; nothing is retried.
    """

    def __init__(
        self, workspace: Workspace, *, port: int, host: str = LOOPBACK, guests: bool = False
    ) -> None:
        self.url = ""
        self._host, self._guests = host, guests
        self._workspace = workspace
        self._port = port
        self._token = secrets.token_urlsafe(18)
        self._feed = Feed(workspace, token=self._token, guests=guests)
        self._runner: web.AppRunner | None = None
        self._missing: asyncio.Task[None] | None = None
        target = workspace.target
        self._copies = TargetCopies(workspace, target) if target is not None else None

    async def __aenter__(self) -> "LivePage":
        app = web.Application(middlewares=[self._guard], client_max_size=MAX_REQUEST_BYTES)
        root = f"/{self._token}"
        app.router.add_get(f"{root}/", self._page)
        app.router.add_get(f"{root}/events", self._events)
        app.router.add_get(f"{root}/{THUMBS_FOLDER}/{{name:.+}}", self._thumb)
        app.router.add_get(f"{root}/files/{{name:.+}}", self._file)
        app.router.add_get(
            f"{root}/inputs/{{row:[0-9]{{1,9}}}}/{{place:[0-9]{{1,4}}}}", self._input
        )
        PageWrites(self._workspace, self._token).serve(app.router, root, guests=self._guests)
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5
        )
        await runner.setup()
        self._runner = runner
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._port = runner.addresses[0][1]
        self.url = self.url_at(self._host)
        self._missing = asyncio.create_task(asyncio.to_thread(self._make_missing))
        return self

    def url_at(self, host: str) -> str:
        """The page's address under this name of the machine."""
        return f"http://{host}:{self._port}/{self._token}/"

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        if self._missing is not None:
            self._missing.cancel()
        await self._runner.cleanup()
        if self._copies is not None:
            await asyncio.to_thread(self._copies.close)

    def _make_missing(self) -> None:
        """Make thumbnails of files that were saved without one."""
        with self._workspace.place.look() as store, store.read() as tx:
            names = file_names(tx, SHEET_ID)
        make_missing(self._workspace.folder, names, self._workspace.target)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer only requests for this machine's own names, with safe headers."""
        refuse_other_names(request, self._host, self._port)
        return await with_safe_headers(request, handler)

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        text = await asyncio.to_thread(self._feed.page)
        return web.Response(
            body=text.encode(errors="replace"), content_type="text/html", charset="utf-8"
        )

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Send changes as long as the page is open."""
        stream = web.StreamResponse(
            headers={**SECURITY_HEADERS, "Content-Type": "text/event-stream"}
        )
        await stream.prepare(request)
        listener = self._feed.listener()
        with suppress(ConnectionResetError):
            while True:
                news = await asyncio.to_thread(listener.news)
                words = f"event: news\ndata: {news}\n\n" if news else ": nothing new\n\n"
                await stream.write(words.encode(errors="replace"))
                await asyncio.sleep(LOOK_SECONDS)
        return stream

    async def _thumb(self, request: web.Request) -> web.StreamResponse:
        """A thumbnail, after waiting for one in progress."""
        name = request.match_info["name"]
        path = inside(self._workspace.folder / THUMBS_FOLDER, name)
        if self._copies is not None:
            if not path.is_file():
                await asyncio.to_thread(self._copies.make_thumb, name.removesuffix(thumb_name("")))
            return given(path)
        file = inside(self._workspace.files, name.removesuffix(thumb_name("")))
        for _ in range(int(THUMBNAIL_WAIT_SECONDS / 0.25)):
            if path.is_file() or not file.is_file():
                break
            await asyncio.sleep(0.25)
        return given(path)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if self._copies is None:
            return given(inside(self._workspace.files, name))
        try:
            copy = await asyncio.to_thread(self._copies.of, name)
        except FileTargetError as error:
            raise web.HTTPServiceUnavailable(text=f"{reason(error)}\n") from error
        if copy is None:
            raise web.HTTPNotFound
        return given(copy)

    async def _input(self, request: web.Request) -> web.StreamResponse:
        """A picture that a row sent."""
        row, place = (int(request.match_info[name]) for name in ("row", "place"))
        try:
            found = await asyncio.to_thread(input_picture, self._workspace, row, place)
        except FileTargetError as error:
            raise web.HTTPServiceUnavailable(text=f"{reason(error)}\n") from error
        if found is None:
            raise web.HTTPNotFound
        headers = {"Content-Security-Policy": "default-src 'none'; sandbox"}
        return web.Response(body=found.data, content_type=found.media_type, headers=headers)


def serve_forever(workspace: Workspace, *, port: int, started: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; calls `started` with the address once it listens. Raises OSError."""

    async def serve() -> None:
        async with LivePage(workspace, port=port) as page:
            started(page.url)
            await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(serve())
