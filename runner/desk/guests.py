"""Shows the desk to others who look and mark: a list of sheets, and each one's gallery."""

import asyncio
import socket
from contextlib import AsyncExitStack
from urllib.parse import quote, urlsplit

from aiohttp import web

from jobs.errors import ExpectedError
from runner.catalogue import language, say
from runner.desk.actions import Desk
from runner.desk.doors import Doors
from runner.desk.page import asset, guest_policy
from runner.desk.sheets import NoSuchSheetError, listed, sheet_named, workspace_of
from runner.exits import Refusal
from runner.report.html import Html, el
from runner.report.own_names import EVERYWHERE
from runner.report.server import LivePage

REFRESH_SECONDS = 10
ANY_ADDRESS_OUTSIDE = ("10.255.255.255", 9)  # nothing is sent to it


class GuestServer:
    """The server, inside `async with`; `url` is known from then on.

    It has no key, no run and no retry. OSError on entering: the address cannot be used.
    """

    def __init__(self, desk: Desk, *, host: str) -> None:
        self.url = ""
        self._desk, self._host = desk, host
        self._doors = Doors()
        self._pages: dict[str, LivePage] = {}
        self._life = AsyncExitStack()

    async def __aenter__(self) -> "GuestServer":
        app = web.Application(middlewares=[self._doors.guard])
        root = f"/{self._doors.token}"
        app.router.add_get(f"{root}/", self._list)
        app.router.add_get(f"{root}/look/{{sheet:.+}}", self._look)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        self._life.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, self._host, 0).start()
        except OSError:
            await self._life.aclose()
            raise
        port = runner.addresses[0][1]
        self._doors.listen_at(self._host, port)
        self.url = f"http://{shown_host(self._host)}:{port}{root}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._life.aclose()

    async def _list(self, _request: web.Request) -> web.StreamResponse:
        style = asset("runner.report", "page.css") + asset("runner.desk", "desk.css")
        text = await asyncio.to_thread(self._listed, style)
        headers = {"Content-Security-Policy": guest_policy(style)}
        return web.Response(text=text, content_type="text/html", headers=headers)

    def _listed(self, style: str) -> str:
        """The sheets that have run, with how they stand."""
        lines = []
        for one in listed(self._desk.folder):
            rows = one["rows"]
            if isinstance(rows, dict):
                words = say("desk.done_of", done=f"{rows['done']:,}", total=f"{rows['total']:,}")
                link = el("a", str(one["name"]), href=f"look/{quote(str(one['name']))}")
                lines.append(el("li", link, el("p", words, class_="note")))
        found = el("ul", *lines) if lines else el("p", say("desk.guests_nothing"), class_="note")
        head = el("h1", self._desk.folder.name)
        return "<!doctype html>" + el(
            "html",
            el(
                "head",
                el("meta", charset="utf-8"),
                el("meta", name_="viewport", content="width=device-width, initial-scale=1"),
                el("meta", http_equiv="refresh", content=str(REFRESH_SECONDS)),
                el("title", say("desk.title")),
                el("style", Html(style)),
            ),
            el("body", el("main", head, found, class_="guest-list"), class_="desk"),
            lang="zh-CN" if language() == "zh" else "en",
        )

    async def _look(self, request: web.Request) -> web.StreamResponse:
        """Serve the gallery of a sheet, and lead there under the name that the guest came by."""
        try:
            sheet = sheet_named(self._desk.folder, request.match_info["sheet"])
            page = self._pages.get(sheet.name)
            if page is None:
                page = LivePage(workspace_of(sheet), port=0, host=self._host, guests=True)
                await self._life.enter_async_context(page)
                self._pages[sheet.name] = page
        except (NoSuchSheetError, Refusal, ExpectedError):
            raise web.HTTPNotFound from None
        host = urlsplit(f"//{request.headers['Host']}").hostname or self._host
        raise web.HTTPFound(page.url_at(f"[{host}]" if ":" in host else host))


def shown_host(host: str) -> str:
    """The address that others type: that of this machine where all of its addresses answer."""
    if host not in EVERYWHERE:
        return f"[{host}]" if ":" in host else host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ANY_ADDRESS_OUTSIDE)
            return str(probe.getsockname()[0])
        except OSError:  # no network
            return socket.gethostname()
