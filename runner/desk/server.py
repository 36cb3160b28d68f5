"""Serves the desk on 127.0.0.1 to a browser that knows the token of this start."""

import asyncio
import json
import logging
import os
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from jobs.errors import ExpectedError
from jobs.thumbnails import thumb_path
from runner.catalogue import say
from runner.desk.actions import ACTIONS, HAND_BACK, Desk, sentence_of
from runner.desk.choices import UnusableChoiceError
from runner.desk.doors import Doors
from runner.desk.guests import GuestServer
from runner.desk.page import desk_page
from runner.desk.pictures import picture_name, store_picture
from runner.desk.sheets import (
    NewFile,
    NoSuchSheetError,
    SameName,
    safe_name,
    sheet_named,
    store,
    workspace_of,
)
from runner.exits import Refusal
from runner.report.file_answers import given, inside
from runner.report.own_names import LOOPBACK
from runner.report.server import LivePage
from runner.secret import redacted
from runner.settings.values import InvalidValueError

MAX_SHEET_BYTES = 1 << 30
MAX_ACTION_BYTES = 4 << 20
PIECE_BYTES = 1 << 18
PICTURE = "picture"  # how a picture is dropped
UNPROCESSABLE = 422


class DeskServer:
    """The server, inside `async with`; `url` is known from then on.

    OSError on entering: the port cannot be used.
    """

    def __init__(self, desk: Desk, *, port: int, guest_host: str | None = None) -> None:
        self.url = self.guest_url = ""
        self._guest_host = guest_host
        self._desk = desk
        self._port = port
        self._doors = Doors()
        self._pages: dict[str, LivePage] = {}
        self._life = AsyncExitStack()

    async def __aenter__(self) -> "DeskServer":
        app = web.Application(middlewares=[self._doors.guard], client_max_size=MAX_ACTION_BYTES)
        root = f"/{self._doors.token}"
        app.router.add_get(f"{root}/", self._page)
        app.router.add_post(f"{root}/do/{{action}}", self._act)
        app.router.add_post(f"{root}/drop", self._drop)
        app.router.add_post(f"{root}/look", self._look)
        app.router.add_get(
            f"{root}/{{kind:files|thumbs|back}}/{{sheet:[^/]+}}/{{name:.+}}", self._file
        )
        self._life.callback(self._desk.close)
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5
        )
        await runner.setup()
        self._life.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, LOOPBACK, self._port).start()
        except OSError:
            await self._life.aclose()
            raise
        port = runner.addresses[0][1]
        self._doors.listen_at(LOOPBACK, port)
        if self._guest_host is not None:
            guests = GuestServer(self._desk, host=self._guest_host)
            try:
                self.guest_url = (await self._life.enter_async_context(guests)).url
            except OSError as error:
                await self._life.aclose()
                words = {"host": self._guest_host, "reason": os.strerror(error.errno or 0)}
                raise Refusal(say("desk.host_unusable", **words)) from error
        self.url = f"http://{LOOPBACK}:{port}{root}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._life.aclose()

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        text, policy = await asyncio.to_thread(desk_page, self._doors.token)
        return web.Response(
            text=text, content_type="text/html", headers={"Content-Security-Policy": policy}
        )

    async def _act(self, request: web.Request) -> web.StreamResponse:
        """Do what a button asks for."""
        action = ACTIONS.get(request.match_info["action"])
        if action is None:
            raise web.HTTPNotFound
        body = await _body(request)
        return await _told(lambda: action(self._desk, body))

    async def _look(self, request: web.Request) -> web.StreamResponse:
        """Serve the gallery of a sheet and tell its address."""
        body = await _body(request)
        try:
            sheet = self._desk.sheet(body)
            page = self._pages.get(sheet.name)
            if page is None:
                page = LivePage(workspace_of(sheet), port=0)
                await self._life.enter_async_context(page)
                self._pages[sheet.name] = page
        except (Refusal, ExpectedError) as error:
            return _problem(error)
        except NoSuchSheetError:
            raise web.HTTPNotFound from None
        return web.json_response({"url": page.url})

    async def _drop(self, request: web.Request) -> web.StreamResponse:
        """Store a dropped sheet or picture in the folder."""
        given_name = unquote(request.headers.get("X-Rowmill-Name", ""))
        how = request.headers.get("X-Rowmill-How", SameName.ASK)
        if how == PICTURE:
            return await self._drop_picture(request, given_name)
        name = safe_name(given_name)
        if name is None or how not in set(SameName):
            return web.json_response({"error": say("desk.not_a_sheet")}, status=UNPROCESSABLE)
        try:
            part = await self._received(request)
            stored = await asyncio.to_thread(store, self._desk.folder, name, part, SameName(how))
        except OSError as error:
            words = say("desk.not_stored", name=name, reason=sentence_of(error))
            return web.json_response({"error": words}, status=UNPROCESSABLE)
        except Refusal as error:
            return _problem(error)
        return web.json_response({"name": stored.name, "taken": stored.is_taken})

    async def _drop_picture(self, request: web.Request, given_name: str) -> web.StreamResponse:
        """Store a picture where a sheet looks for it; no file is replaced."""
        name = picture_name(given_name)
        try:
            part = await self._received(request) if name is not None else None
            stored = part is not None and await asyncio.to_thread(
                store_picture, self._desk.folder, str(name), part
            )
        except OSError as error:
            words = say("desk.not_stored", name=given_name, reason=sentence_of(error))
            return web.json_response({"error": words}, status=UNPROCESSABLE)
        if not stored:
            words = say("desk.not_a_picture", name=given_name)
            return web.json_response({"error": words}, status=UNPROCESSABLE)
        return web.json_response({"name": name})

    async def _received(self, request: web.Request) -> Path:
        """The dropped bytes in a file of the folder. Raises OSError."""
        part = NewFile.in_folder(self._desk.folder)
        try:
            await _fill(part, request)
        except BaseException:
            part.discard()
            raise
        return part.path

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """A picture of a result, or a file that was handed back."""
        place, name = request.match_info, request.match_info["name"]
        try:
            workspace = workspace_of(sheet_named(self._desk.folder, place["sheet"]))
        except (NoSuchSheetError, Refusal):
            raise web.HTTPNotFound from None
        if place["kind"] == "back":
            answer = given(inside(workspace.folder / HAND_BACK, name))
            answer.headers["Content-Disposition"] = "attachment"
            return answer
        if place["kind"] == "thumbs":
            thumb = thumb_path(workspace.folder, name)
            small = inside(thumb.parent, thumb.name) if "/" not in name else thumb
            if small.is_file():
                return given(small)
        return given(inside(workspace.files, name))


async def _fill(part: NewFile, request: web.Request) -> None:
    size = 0
    async for piece in request.content.iter_chunked(PIECE_BYTES):
        size += len(piece)
        if size > MAX_SHEET_BYTES:
            raise web.HTTPRequestEntityTooLarge(MAX_SHEET_BYTES, size)
        await asyncio.to_thread(part.out.write, piece)
    part.out.close()


async def _body(request: web.Request) -> dict[str, Any]:
    """The JSON object that the page sent."""
    try:
        found = json.loads(await request.text())
    except (ValueError, RecursionError):
        found = None
    if request.content_type != "application/json" or not isinstance(found, dict):
        raise web.HTTPBadRequest(text="not what the page sends\n")
    return found


async def _told(action: Callable[[], object]) -> web.StreamResponse:
    """What an action came to, or why not, as JSON."""
    try:
        return web.json_response(await asyncio.to_thread(action), dumps=_json)
    except NoSuchSheetError:
        return web.json_response({"error": say("desk.no_sheet")}, status=404)
    except UnusableChoiceError:
        raise web.HTTPBadRequest(text="not what the page sends\n") from None
    except (Refusal, ExpectedError, InvalidValueError) as error:
        return _problem(error)
    except Exception:
        logging.getLogger("rowmill").exception("desk")
        return web.json_response({"error": say("desk.fault")}, status=500)


def _problem(error: Exception) -> web.StreamResponse:
    return web.json_response({"error": redacted(sentence_of(error))}, status=UNPROCESSABLE)


def _json(value: object) -> str:
    """Lone surrogates in names and cells become escapes."""
    return json.dumps(value)


def serve_desk(
    desk: Desk, *, port: int, guest_host: str | None, started: Callable[[str, str], None]
) -> None:
    """Serve until Ctrl-C; calls `started` with both addresses once it listens. Raises OSError."""

    async def serve() -> None:
        async with DeskServer(desk, port=port, guest_host=guest_host) as server:
            started(server.url, server.guest_url)
            await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(serve())
