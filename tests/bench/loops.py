"""The references: loops that only send and parse, without a sheet or a table."""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from .sheets import PROMPT

Post = Callable[[str, bytes], Awaitable[tuple[int, bytes]]]
HEADERS = {"content-type": "application/json", "authorization": "Bearer bench"}


@asynccontextmanager
async def bare_aiohttp(in_flight: int) -> AsyncIterator[Post]:
    """One aiohttp session."""
    import aiohttp  # noqa: PLC0415 - a reference loads its own client only

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=in_flight),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(60),
    ) as session:

        async def post(url: str, body: bytes) -> tuple[int, bytes]:
            async with session.post(url, data=body, headers=HEADERS) as answer:
                return answer.status, await answer.read()

        yield post


@asynccontextmanager
async def httpx_over_aiohttp(in_flight: int) -> AsyncIterator[Post]:
    """An httpx client over the httpx-aiohttp package."""
    import httpx  # noqa: PLC0415 - as above
    import httpx_aiohttp  # noqa: PLC0415 - as above

    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    client: Any = httpx_aiohttp.HttpxAiohttpClient(timeout=60, limits=limits)
    async with client:

        async def post(url: str, body: bytes) -> tuple[int, bytes]:
            answer = await client.post(url, content=body, headers=HEADERS)
            return answer.status_code, answer.content

        yield post


LOOPS = {"aiohttp": bare_aiohttp, "httpx-aiohttp": httpx_over_aiohttp}


async def drive(name: str, url: str, *, in_flight: int, rows: int) -> None:
    """Send every row, with that many in flight, and take the text out of each answer."""
    todo: Iterator[int] = iter(range(rows))

    async def work(post: Post) -> None:
        for row in todo:
            prompt = PROMPT.format(row=row)
            request = {"model": "mock-chat", "messages": [{"role": "user", "content": prompt}]}
            status, body = await post(url, json.dumps(request).encode())
            text = json.loads(body)["choices"][0]["message"]["content"]
            assert status == 200
            assert text

    async with LOOPS[name](in_flight) as post:
        await asyncio.gather(*(work(post) for _ in range(in_flight)))


def main() -> None:
    """`python -m tests.bench.loops aiohttp URL --rows N --in-flight N`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=LOOPS)
    parser.add_argument("url")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--in-flight", type=int, default=256)
    args = parser.parse_args()
    asyncio.run(drive(args.name, args.url, in_flight=args.in_flight, rows=args.rows))


if __name__ == "__main__":
    main()
