"""The mock's /v1/responses is as strict as the service, and our endpoint reads its answers."""

import base64
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from PIL import Image

from jobs.result import Result
from runner.endpoints.endpoint import Rejected
from runner.endpoints.responses import ENDPOINT, Inputs
from runner.mock.faults import FaultPlan
from runner.mock.gateway import MockGateway
from runner.mock.settings import MockSettings
from runner.protocol.call import Reply
from runner.protocol.pictures import Attachment

KEY = {"Authorization": "Bearer sk-good"}
GOOD: dict[str, Any] = {"model": "opal-1", "input": "Name a cold wind"}
TOOL = {"type": "function", "name": "tide", "parameters": {"type": "object"}}


class Client:
    """A plain HTTP client of one gateway."""

    def __init__(self, gateway: MockGateway, session: aiohttp.ClientSession) -> None:
        self.gateway = gateway
        self.session = session

    async def post(self, body: object) -> Reply:
        url = f"{self.gateway.base_url}/v1/responses"
        data = io.BytesIO(json.dumps(body).encode())
        async with self.session.post(url, data=data, headers=KEY) as reply:
            return Reply(status=reply.status, headers={}, body=await reply.read())

    async def ask(self, **given: Any) -> Any:
        """What our endpoint reads from the answer to its own request."""
        inputs = Inputs(model="opal-1", prompt="Name a cold wind", **given)
        reply = await self.post(ENDPOINT.build(inputs).json)
        assert reply.status == 200, reply.body
        return ENDPOINT.read(inputs, reply)


@asynccontextmanager
async def serving(*faults: str) -> AsyncIterator[Client]:
    plan = FaultPlan.scripted({"": faults})
    async with (
        MockGateway(MockSettings(faults=plan)) as gateway,
        aiohttp.ClientSession() as session,
    ):
        yield Client(gateway, session)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"input": None}, "input"),
        ({"model": None}, "model"),
        ({"max_tokens": 5}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"response_format": {"type": "text"}}, "response_format"),
        ({"temperature": 3}, "temperature"),
        ({"service_tier": "slow"}, "service_tier"),
        ({"input": [{"role": "tool", "content": "x"}]}, "role"),
        ({"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}, "input_text"),
        ({"tools": [{"type": "function", "function": {"name": "tide"}}]}, "tools[0].name"),
        ({"tools": [{"type": "magic"}]}, "magic"),
        ({"tool_choice": {"type": "image_generation"}}, "tool_choice"),
        ({"text": {"format": {"type": "json_schema", "json_schema": {}}}}, "text.format.name"),
    ],
)
async def test_a_wrong_request_is_refused_for_free(change: dict[str, Any], said: str) -> None:
    async with serving() as client:
        reply = await client.post({**GOOD, **change})
        assert reply.status == 400
        assert said in json.loads(reply.body)["error"]["message"] + str(
            json.loads(reply.body)["error"]["param"]
        )
        assert [one.billed for one in client.gateway.requests] == [False]


async def test_a_stream_says_the_same_as_a_whole_answer() -> None:
    async with serving() as client:
        whole, streamed = await client.ask(), await client.ask(stream=True)
    assert isinstance(whole, Result)
    assert whole.text
    assert streamed.text == whole.text
    assert streamed.usage is not None


async def test_a_function_is_called_with_what_its_schema_wants() -> None:
    async with serving() as client:
        found = await client.ask(tools=[TOOL])
    assert found.data["tool_calls"][0]["name"] == "tide"


async def test_a_picture_is_drawn_by_the_services_own_tool() -> None:
    async with serving() as client:
        tools = [{"type": "image_generation", "size": "64x32"}]
        found = await client.ask(tools=tools, tool_choice="image_generation")
        assert client.gateway.requests[0].price == 0.02
    (picture,) = found.pictures
    drawn = Image.open(io.BytesIO(base64.b64decode(picture.base64)))
    assert drawn.size == (64, 32)


async def test_a_picture_in_the_request_is_looked_at() -> None:
    out = io.BytesIO()
    Image.new("RGB", (4, 3), "red").save(out, "PNG")
    async with serving() as client:
        found = await client.ask(
            image=(Attachment(data=out.getvalue(), media_type="image/png", name="a.png"),)
        )
    assert "PNG 4×3" in found.text


async def test_a_text_over_its_limit_is_cut() -> None:
    async with serving() as client:
        found = await client.ask(max_output_tokens=3)
    assert isinstance(found, Rejected)
    assert (found.failure.kind, found.failure.cause) == ("truncated", "length")
    assert found.result is not None
    assert found.result.text


@pytest.mark.parametrize("fault", ["cut", "stream_unfinished", "stream_false_done"])
async def test_an_unfinished_stream_is_in_doubt(fault: str) -> None:
    async with serving(fault) as client:
        inputs = Inputs(model="opal-1", prompt="Name a cold wind", stream=True)
        try:
            reply = await client.post(ENDPOINT.build(inputs).json)
        except aiohttp.ClientPayloadError:
            return  # cut inside the chunked coding: the transport sees it
        found = ENDPOINT.read(inputs, reply)
    assert isinstance(found, Rejected)
    assert found.failure.cause == "cut_stream"


@pytest.mark.parametrize(
    ("fault", "kind"), [("refusal", "refused"), ("empty_choices", "no_result")]
)
async def test_an_unusable_answer_is_billed(fault: str, kind: str) -> None:
    async with serving(fault) as client:
        found = await client.ask()
        assert client.gateway.requests[0].billed
    assert isinstance(found, Rejected)
    assert found.failure.kind == kind
