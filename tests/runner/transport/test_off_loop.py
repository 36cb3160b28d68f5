"""Work on big bodies never crowds the event loop out."""

import asyncio
import json
import threading
import time

import pytest

from runner.protocol.call import Reply
from runner.transport.aiohttp_transport import MB
from runner.transport.client import GatewayClient
from runner.transport.off_loop import MAX_THREADS, off_loop
from tests.support.fault_server import FaultServer, answer, playing
from tests.support.wired import KEY, sent_to


def test_no_more_threads_than_allowed_work_on_bodies_at_once() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def work() -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return threading.get_ident()

    async def several() -> list[int]:
        return await asyncio.gather(*(off_loop(work) for _ in range(16)))

    threads = asyncio.run(several())
    assert most == MAX_THREADS
    assert threading.get_ident() not in threads


def test_a_big_answer_that_came_is_kept_though_its_call_is_cancelled_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    masking = threading.Event()
    without_key = GatewayClient._without_key
    threads = set()

    def slowly(self: GatewayClient, body: bytes) -> bytes:
        threads.add(threading.get_ident())
        masking.set()
        time.sleep(0.3)
        return without_key(self, body)

    async def cancelled() -> object:
        said = json.dumps({"text": "x" * 2 * MB, "echo": KEY}).encode()
        sent = asyncio.create_task(sent_to(FaultServer(playing(answer(said)))))
        assert await asyncio.to_thread(masking.wait, 30)
        sent.cancel()
        return await sent

    monkeypatch.setattr(GatewayClient, "_without_key", slowly)
    found = asyncio.run(cancelled())
    assert isinstance(found, Reply)
    assert json.loads(found.body)["echo"] == "…"
    assert threading.get_ident() not in threads
