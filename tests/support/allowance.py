"""A gateway in front of the mock with a rate limit, outages and revoked keys."""

import asyncio
import json
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import ClientSession, web

MODELS = "/v1/models"


class Allowance:
    """Forwards admitted requests to a gateway. May be read and set from any thread.

    `limit` calls in any `window` seconds; None for no limit. `away`: refuse is 502 for everything,
    portal a login page with 200, redirect a redirect to one, closed hangs up. Keys in `revoked` get
    a 401.
    """

    def __init__(
        self, behind: str, bill: Path, *, limit: int | None = None, window: float = 60.0
    ) -> None:
        self.behind = behind
        self.bill = bill  # of the portal: a client cannot know that its pages are free
        self.limit, self.window = limit, window
        self.away = ""
        self.delay = 0.0
        self.revoked: set[str] = set()
        self.waits: list[float | None] = []  # of the next refusals; None sends no header
        self.let_in: list[tuple[float, str]] = []  # time, key
        self.refused: list[float] = []
        self.turned_away = 0  # calls during outages
        self.looks = 0  # requests for the list of models
        self.in_flight = self.most_in_flight = 0
        self.base_url = ""
        self._taken: deque[float] = deque()
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with ClientSession(auto_decompress=False) as session:
            server = web.Server(lambda http: self._answer(http, session))
            runner = web.ServerRunner(server)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            assert runner.addresses
            self.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _answer(self, http: web.BaseRequest, session: ClientSession) -> web.StreamResponse:
        self.looks += http.path == MODELS
        if self.away:
            self.turned_away += http.path != MODELS
            return self._gone(http)
        key = http.headers.get("Authorization", "").removeprefix("Bearer ")
        if key in self.revoked:
            return _error(401, "无效的令牌")
        if http.method == "POST" and self.waits:
            self.refused.append(time.monotonic())
            return _slow_down(self.waits.pop(0))
        if http.method == "POST" and not self._lets_in(key):
            return _slow_down(None)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.delay and http.method == "POST":
                await asyncio.sleep(self.delay)
            return await self._pass_on(http, session)
        finally:
            self.in_flight -= 1

    def _lets_in(self, key: str) -> bool:
        now = time.monotonic()
        while self._taken and self._taken[0] <= now - self.window:
            self._taken.popleft()
        if self.limit is not None and len(self._taken) >= self.limit:
            self.refused.append(now)
            return False
        self._taken.append(now)
        self.let_in.append((now, key))
        return True

    async def _pass_on(self, http: web.BaseRequest, session: ClientSession) -> web.Response:
        headers = {key: value for key, value in http.headers.items() if key.lower() != "host"}
        url = self.behind + http.path_qs
        async with session.request(
            http.method, url, data=await http.read(), headers=headers
        ) as answer:
            body = await answer.read()
            kept = {
                key: value
                for key, value in answer.headers.items()
                if key.lower() not in ("content-length", "transfer-encoding", "connection")
            }
            return web.Response(status=answer.status, body=body, headers=kept)

    def _gone(self, http: web.BaseRequest) -> web.Response:
        if self.away == "portal":
            self._bill(http)
            page = "<!DOCTYPE html><html><body>Log in to this network</body></html>"
            return web.Response(text=page, content_type="text/html")
        if self.away == "redirect":
            return web.Response(status=302, headers={"Location": "http://192.0.2.1/login"})
        if self.away == "closed":
            assert http.transport is not None
            http.transport.abort()
        return web.Response(status=502, text="<html>bad gateway</html>", content_type="text/html")

    def _bill(self, http: web.BaseRequest) -> None:
        if http.method != "POST":
            return
        key = http.headers.get("Idempotency-Key")
        line = {"endpoint": http.path, "key": key, "billed": True, "model": None}
        with self.bill.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")


def _slow_down(wait: float | None) -> web.Response:
    answer = _error(429, "您已达到请求数限制", code="rate_limit_exceeded")
    if wait is not None:
        answer.headers["Retry-After"] = str(wait)
    return answer


def _error(status: int, message: str, code: str = "") -> web.Response:
    body = {"error": {"message": message, "type": "new_api_error", "code": code}}
    return web.Response(
        status=status, text=json.dumps(body, ensure_ascii=False), content_type="application/json"
    )
