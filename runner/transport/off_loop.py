"""Does work on big bodies in one thread, so that the event loop is never late."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
MAX_THREADS = 1
"""A regular expression or a JSON parser holds the interpreter's lock for its whole text, and the
loop waits for every thread that asked before it: of 5 MB of base64 sixteen made 0.8 s."""

_threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="bodies")


async def off_loop(work: Callable[[], T]) -> T:
    """The result of work that takes the processor for more than a moment."""
    return await asyncio.get_running_loop().run_in_executor(_threads, work)


async def uninterrupted(work: Coroutine[None, None, T]) -> T:
    """The result of this work. Cancellation does not end it: an answer that came is kept."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    return task.result()
