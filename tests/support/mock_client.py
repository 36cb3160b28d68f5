"""A plain client of a mock gateway."""

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

from runner.mock.faults import FaultPlan
from runner.mock.gateway import MockGateway
from runner.mock.picture_shapes import PictureShape
from runner.mock.settings import MockSettings

SAMPLES = Path(__file__).parents[2] / "samples"
HEADERS = {"Authorization": "Bearer sk-good"}
MARKDOWN = (PictureShape.MARKDOWN,)


class Client:
    """A plain HTTP client of one gateway."""

    def __init__(self, gateway: MockGateway, session: aiohttp.ClientSession) -> None:
        self.gateway = gateway
        self.session = session

    async def post(
        self, body: object, path: str = "/v1/chat/completions", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        url = self.gateway.base_url + path
        async with self.session.post(url, json=body, headers=HEADERS | headers) as reply:
            return reply.status, dict(reply.headers), await reply.read()

    async def ask(self, prompt: object, model: str = "mock-text", **more: object) -> Any:
        """The parsed answer to one prompt."""
        status, _, body = await self.post(chat_body(prompt, model, **more))
        assert status == 200, body
        return json.loads(body)

    async def get(self, url: str) -> tuple[int, str, bytes]:
        if url.startswith("/"):
            url = self.gateway.base_url + url
        async with self.session.get(url, headers=HEADERS) as reply:
            return reply.status, reply.headers.get("Content-Type", ""), await reply.read()

    async def link(self, prompt: str) -> str:
        """The first link in an answer of the Markdown shape."""
        answer = await self.ask(prompt, "mock-image")
        found = re.search(r"!\[图片]\((\S+)\)", answer["choices"][0]["message"]["content"])
        assert found
        return found[1]


def chat_body(prompt: object, model: str = "mock-text", **more: object) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": prompt}], **more}


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[Client]:
    async with (
        MockGateway(MockSettings(**settings)) as gateway,
        aiohttp.ClientSession() as session,
    ):
        yield Client(gateway, session)


def scripted(*faults: str) -> FaultPlan:
    return FaultPlan.scripted({"": faults})


def events(body: bytes) -> list[Any]:
    lines = [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


async def until(happened: Callable[[], bool]) -> None:
    """Check every hundredth of a second, for a minute."""
    for _ in range(6000):
        if happened():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within a minute")


def bill_lines(bill: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in bill.read_text("utf-8").splitlines()]


def opened(picture: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(picture))
    image.load()
    return image
