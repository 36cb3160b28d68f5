"""Answers POST /v1/chat/completions: reads, decides what goes wrong, bills, sends."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from aiohttp import web

from runner.mock import sending
from runner.mock.books import Books, Request, fault_name
from runner.mock.canned import canned_fault, openai_error
from runner.mock.case import UNFINISHED, Case
from runner.mock.chance import chance, prompt_digest
from runner.mock.faults import Ask, Fault
from runner.mock.replies import PING
from runner.mock.request import ChatRequest, Problem, read_chat
from runner.mock.seen import look
from runner.mock.settings import MockSettings
from runner.mock.writing import Writer

PATH = "/v1/chat/completions"
_A = TypeVar("_A")
_T = TypeVar("_T")


class Chat:
    """The chat endpoint of one gateway. `drawer` runs what would hold up the event loop."""

    def __init__(
        self, settings: MockSettings, *, books: Books, writer: Writer, drawer: Executor
    ) -> None:
        self.settings = settings
        self.books = books
        self.writer = writer
        self.drawer = drawer

    async def answer(self, http: web.BaseRequest, call: str) -> web.StreamResponse:
        """The response to one request; where the fault is a broken connection, its remains."""
        self.books.enter()
        try:
            chat = read_chat(await http.content.read())
            seen = await self._look(chat.images) if isinstance(chat, ChatRequest) else ()
            if isinstance(chat, Problem):
                return self._turn_down(http, call, chat)
            if isinstance(seen, Problem):
                return self._turn_down(http, call, seen)
            case = self._decide(call, chat, seen)
            self._bill(case, http.headers.get("Idempotency-Key"))
            return await self._carry_out(case, http)
        finally:
            self.books.leave()

    def _turn_down(self, http: web.BaseRequest, call: str, problem: Problem) -> web.Response:
        key = http.headers.get("Idempotency-Key")
        self.books.write(Request(id=call, time=_now(), endpoint=PATH, key=key, status=400))
        return sending.canned_response(openai_error(400, problem), {"X-Oneapi-Request-Id": call})

    async def _look(self, images: tuple[str, ...]) -> tuple[str, ...] | Problem:
        found = list[str]()
        for url in images:
            one = await self._aside(look, url)
            if isinstance(one, Problem):
                return one
            found.append(one)
        return tuple(found)

    def _decide(self, call: str, chat: ChatRequest, seen: tuple[str, ...]) -> Case:
        seed, sha = self.settings.seed, prompt_digest(chat.prompt)
        ask = Ask(
            prompt=chat.prompt,
            sha=sha,
            number=self.books.ask(sha),
            pictures=chat.pictures,
            stream=chat.stream,
        )
        fault = self.settings.faults.of_call(seed, ask)
        wait = 0.2 + 0.8 * chance(seed, sha, ask.number, "wait")
        canned = canned_fault(fault, call, chat.model, wait)
        return Case(call=call, chat=chat, ask=ask, fault=fault, canned=canned, seen=seen)

    def _bill(self, case: Case, key: str | None) -> None:
        self.books.write(
            Request(
                id=case.call,
                time=_now(),
                endpoint=PATH,
                model=case.chat.model,
                prompt_sha=case.ask.sha,
                key=key,
                billed=not case.is_free,
                price=case.price,
                fault=fault_name(case.fault),
                status=case.status,
            )
        )

    async def _carry_out(self, case: Case, http: web.BaseRequest) -> web.StreamResponse:
        if not case.is_free and (case.canned or case.status is None or not case.chat.stream):
            await self._wait(case)  # refusals come at once, streams wait after their first byte
        if case.status is None:
            sending.reset(http.transport)
            return web.Response()  # goes nowhere: the connection is gone
        if case.canned:
            return sending.canned_response(case.canned, case.headers)
        if case.chat.stream:
            return await self._stream(case, http)
        body = await self._written(self.writer.body, case)
        if case.fault in UNFINISHED:
            return await sending.cut(http, body, case.headers)
        return sending.whole(body, case.headers)

    async def _stream(self, case: Case, http: web.BaseRequest) -> web.StreamResponse:
        """New API pings before its upstream has answered."""
        response = await sending.start_stream(http, case.headers)
        await response.write(PING)
        await self._wait(case)
        await sending.write_events(response, await self._written(self.writer.events, case))
        if case.fault is Fault.CUT:
            return sending.hang_up(http, response)
        await response.write_eof()
        return response

    async def _wait(self, case: Case) -> None:
        seconds = self.settings.latency_of(case.ask.sha, case.ask.number)
        if case.fault is Fault.SLOW:
            seconds += self.settings.slow
        if seconds:
            await asyncio.sleep(seconds)

    async def _written(self, write: Callable[[Case], _T], case: Case) -> _T:
        return await self._aside(write, case) if self.writer.is_slow(case) else write(case)

    async def _aside(self, work: Callable[[_A], _T], subject: _A) -> _T:
        """The work's result; done in the drawer's thread."""
        return await asyncio.get_running_loop().run_in_executor(self.drawer, work, subject)


def _now() -> float:
    return round(time.time(), 3)
