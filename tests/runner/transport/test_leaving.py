"""A call leaves in time after its claim, or not at all."""

import time
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from jobs import failpoints
from jobs.clock import through_sleep
from runner.protocol.call import TOO_LATE, NotSent, Reply
from tests.support.fault_server import FaultServer, answer, playing
from tests.support.wired import CALL, wired


async def test_a_call_whose_time_has_passed_sends_nothing_and_the_connection_is_used_again() -> (
    None
):
    async with FaultServer(playing(answer())) as server, wired(server.url) as wire:
        late = await wire.send(replace(CALL, leave_by=through_sleep() - 0.01))
        assert isinstance(late, NotSent)
        assert late.cause == TOO_LATE
        assert server.seen == []
        assert isinstance(await wire.send(replace(CALL, leave_by=through_sleep() + 5)), Reply)
        assert server.connections == 1


async def test_a_process_that_stands_still_with_its_connection_made_sends_nothing() -> None:
    failpoints.arm("call.connected=sleep:0.3")
    try:
        async with FaultServer(playing(answer())) as server, wired(server.url) as wire:
            late = await wire.send(replace(CALL, leave_by=through_sleep() + 0.1))
            assert isinstance(late, NotSent)
            assert server.seen == []
    finally:
        failpoints.arm("")


@pytest.mark.parametrize("size", [10, 2 << 20])
async def test_a_process_that_stands_still_before_the_first_byte_sends_nothing(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    send = aiohttp.ClientRequest.send

    async def after_a_while(request: aiohttp.ClientRequest, connection: Any) -> Any:
        time.sleep(0.3)  # noqa: ASYNC251 - the whole process stands still
        return await send(request, connection)

    call = replace(CALL, json={**(CALL.json or {}), "words": "x" * size})
    async with FaultServer(playing(answer())) as server, wired(server.url) as wire:
        monkeypatch.setattr(aiohttp.ClientRequest, "send", after_a_while)
        late = await wire.send(replace(call, leave_by=through_sleep() + 0.1))
        assert isinstance(late, NotSent)
        assert late.cause == TOO_LATE
        assert server.seen == []
        assert isinstance(await wire.send(replace(call, leave_by=through_sleep() + 5)), Reply)
