"""What a live page changes in the table: marks, retries, new generations."""

import asyncio
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict

from aiohttp import web

from jobs.place import Place
from jobs.store import BusyError
from runner.catalogue import say
from runner.report.live_feed import put_back
from runner.report.picking import mark, read_pick_request
from runner.report.redoing import MAX_ROWS, again, take_back
from runner.report.words import MAX_WORDS, change_words, words_of
from runner.workspace.workspace import Workspace

MAX_REQUEST_ROWS = 1_000_000


class PageWrites:
    """The writes of one page. Each has to repeat the token, which a foreign page cannot read."""

    def __init__(self, workspace: Workspace, token: str) -> None:
        self._workspace = workspace
        self._token = token

    def serve(self, router: web.UrlDispatcher, root: str, *, guests: bool) -> None:
        """Add the addresses below `root`; guests may mark, and change nothing that costs."""
        router.add_post(f"{root}/pick", self._pick)
        if guests:
            return
        router.add_post(f"{root}/retry", self._retry)
        router.add_post(f"{root}/again", self._again)
        router.add_post(f"{root}/take-back", self._take_back)
        router.add_get(f"{root}/words/{{row:[0-9]{{1,9}}}}", self._words)
        router.add_post(f"{root}/words/{{row:[0-9]{{1,9}}}}", self._change_words)

    def _refuse_without_token(self, request: web.Request) -> None:
        token = request.headers.get("X-Rowmill-Token", "")
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            raise web.HTTPForbidden(text="wrong token\n")

    async def _pick(self, request: web.Request) -> web.StreamResponse:
        """Mark results."""
        self._refuse_without_token(request)
        asked = read_pick_request(await request.text())
        if asked is None:
            return web.json_response({"error": say("serve.no_mark")}, status=400)
        try:
            found = await asyncio.to_thread(mark, self._workspace.place, asked)
        except BusyError as error:
            return web.json_response({"error": str(error.orig)}, status=503)
        marked = {one.row: str(one.pick) for one in found if one.pick is not None}
        if not marked:
            return web.json_response({"error": say("pick.none")}, status=409)
        return web.json_response({"marked": marked})

    async def _words(self, request: web.Request) -> web.StreamResponse:
        """The words that a row's request is made of."""
        row = int(request.match_info["row"])
        found = await asyncio.to_thread(words_of, self._workspace, row)
        if not found:
            raise web.HTTPNotFound
        return web.json_response({"cells": [asdict(cell) for cell in found]})

    async def _change_words(self, request: web.Request) -> web.StreamResponse:
        """Keep changed words beside the sheet."""
        self._refuse_without_token(request)
        cells = _texts(await request.text())
        if not cells:
            return web.json_response({"error": say("serve.no_words")}, status=400)
        row = int(request.match_info["row"])
        try:
            changed = await asyncio.to_thread(change_words, self._workspace, row, cells)
        except BusyError as error:
            return web.json_response({"error": str(error.orig)}, status=503)
        if not changed:
            return web.json_response({"error": say("serve.same_words")}, status=409)
        return web.json_response({"changed": True})

    async def _again(self, request: web.Request) -> web.StreamResponse:
        """Generate done rows again."""
        return await self._redo(request, again, nothing="serve.none_done")

    async def _take_back(self, request: web.Request) -> web.StreamResponse:
        """Take back new generations that were not sent."""
        return await self._redo(request, take_back, nothing="serve.sent_already")

    async def _redo(
        self,
        request: web.Request,
        act: Callable[[Place, Sequence[int]], Sequence[int]],
        *,
        nothing: str,
    ) -> web.StreamResponse:
        self._refuse_without_token(request)
        numbers = _numbers(await request.text())
        if not numbers or len(numbers) > MAX_ROWS:
            key = "serve.too_many" if numbers else "serve.no_rows"
            return web.json_response({"error": say(key, most=f"{MAX_ROWS:,}")}, status=400)
        try:
            rows = await asyncio.to_thread(act, self._workspace.place, numbers)
        except BusyError as error:
            return web.json_response({"error": str(error.orig)}, status=503)
        if not rows:
            return web.json_response({"error": say(nothing)}, status=409)
        note = None if self._workspace.is_running() else say("serve.not_running")
        return web.json_response({"rows": list(rows), "note": note})

    async def _retry(self, request: web.Request) -> web.StreamResponse:
        """Requeue ticked rows."""
        self._refuse_without_token(request)
        numbers = _numbers(await request.text())
        if not numbers:
            return web.json_response({"error": say("serve.no_rows")}, status=400)
        try:
            count = await asyncio.to_thread(put_back, self._workspace.place, numbers)
        except BusyError as error:
            return web.json_response({"error": str(error.orig)}, status=503)
        if not count:
            return web.json_response({"error": say("serve.none_fit")}, status=409)
        note = None if self._workspace.is_running() else say("serve.not_running")
        return web.json_response({"count": count, "note": note})


def _texts(text: str) -> dict[str, str]:
    """The texts of a request by header; empty if the body is none."""
    try:
        cells = json.loads(text)["cells"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}
    if not isinstance(cells, dict):
        return {}
    good = all(isinstance(one, str) and len(one) <= MAX_WORDS for one in cells.values())
    return cells if good else {}


def _numbers(text: str) -> list[int]:
    """The row numbers of a request; empty if the body is not a list of them."""
    try:
        rows = json.loads(text)["rows"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    if not isinstance(rows, list) or len(rows) > MAX_REQUEST_ROWS:
        return []
    good = all(type(row) is int and 0 < row < 1 << 31 for row in rows)
    return rows if good else []
