"""Work on big bodies never crowds the event loop out."""

import asyncio
import threading
import time

from runner.transport.off_loop import MAX_THREADS, off_loop


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
