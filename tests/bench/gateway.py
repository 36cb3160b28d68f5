"""A very cheap gateway: answers chat requests after a wait that the path names.

`/0ms/v1/chat/completions` answers at once, `/2000ms/v1/chat/completions` after two seconds. Run as
a process of its own, it prints its port, then the times of the first request and of the first paid
one; a run asks for prices and credit before that.
"""

import asyncio
import json
import sys
import time
from typing import ClassVar

TEXT = "A foldable stand of oiled bamboo. It lifts the screen to eye level and packs flat."
BODY = json.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": "mock-chat",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": TEXT},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 31, "completion_tokens": 19, "total_tokens": 50},
    }
).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: bench\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
) + BODY
LENGTH = b"content-length:"


class Talk(asyncio.Protocol):
    """One connection; requests come one after another, as HTTP/1.1 clients send them."""

    untold: ClassVar = [b"", b"post "]  # path prefixes whose first request is not printed yet

    def __init__(self) -> None:
        self._seen = b""
        self._needed = 0
        self._wait = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once the whole request has arrived."""
        self._seen += data
        if not self._needed and not self._begun():
            return
        if len(self._seen) < self._needed:
            return
        self._seen, self._needed = b"", 0
        if self._wait:
            asyncio.get_running_loop().call_later(self._wait, self._transport.write, ANSWER)
        else:
            self._transport.write(ANSWER)

    def _begun(self) -> bool:
        """Parse the head of a request: its length and the wait of its answer."""
        end = self._seen.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self._seen[:end].lower()
        while Talk.untold and head.startswith(Talk.untold[0]):
            del Talk.untold[0]
            print(time.time(), flush=True)
        at = head.find(LENGTH)
        length = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        self._needed = end + 4 + length
        self._wait = int(head.split(b"/", 2)[1].removesuffix(b"ms")) / 1000
        return True


async def serve() -> None:
    """Serve on a free port until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Talk, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
