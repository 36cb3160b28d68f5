"""Answers the requests to one path: read, choose a fault, bill, send."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from aiohttp import web

from runner.mock import responses
from runner.mock.bill import Bill, BilledRequest, fault_name
from runner.mock.case import CUT_SHORT, Case, W, tier_of
from runner.mock.chance import chance, prompt_digest
from runner.mock.endpoints.chat_replies import PING_COMMENT
from runner.mock.error_replies import Canned, canned_fault
from runner.mock.faults import Fault, PromptRequest
from runner.mock.settings import MockSettings
from runner.mock.validation import InvalidRequest

_IN_BATCHES = frozenset(
    {
        Fault.LIMIT,
        Fault.UNAVAILABLE,
        Fault.SERVER,
        Fault.EMPTY_CHOICES,
        Fault.REFUSAL,
        Fault.MODERATION,
    }
)
"""Faults that a line of a provider batch may have."""
_A = TypeVar("_A")
_T = TypeVar("_T")


class EndpointMock(Protocol[W]):
    """The part that differs between kinds of request; RequestHandler does the rest."""

    path: str

    async def read(self, http: web.BaseRequest) -> W | InvalidRequest:
        """The request, or the first error in it."""
        ...

    def look(self, wanted: W) -> tuple[str, ...] | InvalidRequest:
        """A description of its pictures; only called if there are any."""
        ...

    def refusal(self, problem: InvalidRequest, call: str) -> Canned:
        """The error body for a wrong request."""
        ...

    def canned(self, fault: Fault, call: str, wanted: W) -> Canned | None:
        """The response of a fault that this kind of request words in its own way."""
        ...

    def is_slow(self, case: Case[W]) -> bool:
        """True if building this answer would block the event loop."""
        ...

    def body(self, case: Case[W]) -> bytes:
        """The answer as one JSON body."""
        ...

    def events(self, case: Case[W]) -> list[bytes]:
        """The answer as a stream, up to the point of the fault."""
        ...


class HandlerContext(Protocol):
    """The handler as the gateway sees it."""

    async def answer(self, http: web.BaseRequest, call: str) -> web.StreamResponse:
        """The response to one request, or what a broken connection leaves of it."""
        ...

    async def line(self, http: web.BaseRequest, call: str, *, batch: str, row: str) -> Canned:
        """The answer to a line of a provider batch."""
        ...


class RequestHandler(Generic[W]):
    """One path of one gateway. `drawer` runs work that would block the event loop.

    `media` is the media type of whole answers, where they are not JSON.
    """

    def __init__(
        self,
        side: EndpointMock[W],
        settings: MockSettings,
        *,
        books: Bill,
        drawer: Executor,
        media: str = "",
    ) -> None:
        self.side = side
        self.settings = settings
        self.books = books
        self.drawer = drawer
        self._kept: dict[str, Case[W]] = {}  # what was billed, by Idempotency-Key
        self._media = {"Content-Type": media} if media else {}

    async def answer(self, http: web.BaseRequest, call: str) -> web.StreamResponse:
        """The response to one request, or what a broken connection leaves of it."""
        self.books.enter()
        try:
            wanted = await self.side.read(http)
            if isinstance(wanted, InvalidRequest):
                return self._turn_down(http, call, wanted)
            seen = await self._aside(self.side.look, wanted) if wanted.images else ()
            if isinstance(seen, InvalidRequest):
                return self._turn_down(http, call, seen)
            key = http.headers.get("Idempotency-Key")
            if (done := self._kept.get(key or "")) is not None:
                return await self._replay(done, call, http)
            case = self._decide(call, wanted, seen)
            self._bill(case, key)
            if key and self.settings.honours_keys and not case.is_free:
                self._kept[key] = case
            return await self._carry_out(case, http)
        finally:
            self.books.leave()

    async def _replay(self, done: Case[W], call: str, http: web.BaseRequest) -> web.StreamResponse:
        """The answer that was billed before, whole this time, and for nothing."""
        key = http.headers.get("Idempotency-Key")
        line = BilledRequest(id=call, time=_now(), endpoint=self.side.path, key=key, status=200)
        self.books.write(line)
        case = replace(done, fault=Fault.OK, canned=None, is_replay=True)
        return await self._carry_out(case, http)

    async def line(self, http: web.BaseRequest, call: str, *, batch: str, row: str) -> Canned:
        """The answer to a line of a provider batch, billed at half the price.

        Faults of a connection do not happen there.
        """
        wanted = await self.side.read(http)
        if isinstance(wanted, InvalidRequest):
            canned = self.side.refusal(wanted, call)
            path, status = self.side.path, canned.status
            line = BilledRequest(id=call, time=_now(), endpoint=path, status=status)
            self.books.write(replace(line, batch=batch, row=row))
            return canned
        seen = await self._aside(self.side.look, wanted) if wanted.images else ()
        if isinstance(seen, InvalidRequest):
            return self.side.refusal(seen, call)
        case = self._decide(call, wanted, seen)
        if case.fault not in _IN_BATCHES:
            case = replace(case, fault=Fault.OK, canned=None)
        self.books.write(
            BilledRequest(
                id=call,
                time=_now(),
                endpoint=self.side.path,
                model=case.wanted.model,
                prompt_sha=case.ask.sha,
                billed=not case.is_free,
                price=round(case.price / 2, 6),
                fault=fault_name(case.fault),
                status=case.status,
                batch=batch,
                row=row,
            )
        )
        body = b"" if case.canned else await self._written(self.side.body, case)
        return case.canned or Canned(status=200, body=body)

    def _turn_down(self, http: web.BaseRequest, call: str, problem: InvalidRequest) -> web.Response:
        key = http.headers.get("Idempotency-Key")
        canned = self.side.refusal(problem, call)
        self.books.write(
            BilledRequest(
                id=call, time=_now(), endpoint=self.side.path, key=key, status=canned.status
            )
        )
        return responses.canned_response(canned, {"X-Oneapi-Request-Id": call})

    def _decide(self, call: str, wanted: W, seen: tuple[str, ...]) -> Case[W]:
        if tier_of(wanted) and not self.settings.keeps_tier:
            wanted = replace(wanted, tier="")  # type: ignore[type-var]  # requests are dataclasses
        seed, sha = self.settings.seed, prompt_digest(wanted.prompt)
        ask = PromptRequest(
            prompt=wanted.prompt,
            sha=sha,
            number=self.books.ask(sha),
            pictures=wanted.pictures,
            stream=wanted.stream,
        )
        fault = self.settings.faults.of_call(seed, ask)
        wait = 0.2 + 0.8 * chance(seed, sha, ask.number, "wait")
        canned = self.side.canned(fault, call, wanted)
        canned = canned or canned_fault(fault, call, wanted.model, wait)
        return Case(call=call, wanted=wanted, ask=ask, fault=fault, canned=canned, seen=seen)

    def _bill(self, case: Case[W], key: str | None) -> None:
        self.books.write(
            BilledRequest(
                id=case.call,
                time=_now(),
                endpoint=self.side.path,
                model=case.wanted.model,
                prompt_sha=case.ask.sha,
                key=key,
                billed=not case.is_free,
                price=case.price,
                fault=fault_name(case.fault),
                status=case.status,
            )
        )

    async def _carry_out(self, case: Case[W], http: web.BaseRequest) -> web.StreamResponse:
        if not case.is_free and (case.canned or case.status is None or not case.wanted.stream):
            await self._wait(case)  # refusals are immediate, streams wait after their first byte
        if case.status is None:
            responses.reset(http.transport)
            return web.Response()  # never sent: the connection is closed
        if case.canned:
            return responses.canned_response(case.canned, case.headers)
        if case.wanted.stream:
            return await self._stream(case, http)
        body = await self._written(self.side.body, case)
        headers = {**case.headers, **self._media}
        if case.fault in CUT_SHORT:
            return await responses.cut(http, body, headers)
        return responses.whole(body, headers)

    async def _stream(self, case: Case[W], http: web.BaseRequest) -> web.StreamResponse:
        """Stream the answer; New API sends pings before its upstream answers."""
        response = await responses.start_stream(http, case.headers)
        await response.write(PING_COMMENT)
        await self._wait(case)
        await responses.write_events(response, await self._written(self.side.events, case))
        if case.fault is Fault.CUT:
            return responses.hang_up(http, response)
        await response.write_eof()
        return response

    async def _wait(self, case: Case[W]) -> None:
        seconds = self.settings.latency_of(case.ask.sha, case.ask.number)
        if case.fault is Fault.SLOW:
            seconds += self.settings.slow
        if seconds:
            await asyncio.sleep(seconds)

    async def _written(self, write: Callable[[Case[W]], _T], case: Case[W]) -> _T:
        return await self._aside(write, case) if self.side.is_slow(case) else write(case)

    async def _aside(self, work: Callable[[_A], _T], subject: _A) -> _T:
        """Run the work in the drawer's thread."""
        return await asyncio.get_running_loop().run_in_executor(self.drawer, work, subject)


def _now() -> float:
    return round(time.time(), 3)
