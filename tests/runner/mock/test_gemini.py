"""The mock's Gemini form is as strict as the service, and our endpoint reads its answers."""

import base64
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from PIL import Image

from jobs.result import Result
from runner.endpoints.endpoint import Rejected
from runner.endpoints.gemini import ENDPOINT, Inputs
from runner.mock.faults import FaultPlan
from runner.mock.gateway import MockGateway
from runner.mock.settings import MockSettings
from runner.protocol.call import Call, Delivery, Lost, Reply
from runner.secret import Secret
from runner.transport.client import GatewayClient, Target

PATH = "/v1beta/models/opal-1:generateContent"
KEY = {"x-goog-api-key": "{key}"}
GOOD: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "Name a cold wind"}]}]}


class Client:
    """Our own client of one gateway: the key is in Gemini's header, and nowhere else."""

    def __init__(self, gateway: MockGateway, client: GatewayClient) -> None:
        self.gateway = gateway
        self.client = client

    async def post(self, body: Mapping[str, Any], headers: Mapping[str, str] = KEY) -> Reply:
        found = await self.client.send(Call(path=PATH, json=body, headers=headers))
        assert isinstance(found, Reply)
        return found

    async def deliver(self, inputs: Inputs) -> Delivery:
        return await self.client.send(ENDPOINT.build(inputs))

    async def ask(self, **given: Any) -> Any:
        """What our endpoint reads from the answer to its own request."""
        inputs = Inputs(model="opal-1", prompt="Name a cold wind", **given)
        reply = await self.deliver(inputs)
        assert isinstance(reply, Reply)
        assert reply.status == 200, reply.body
        return ENDPOINT.read(inputs, reply)


@asynccontextmanager
async def serving(*faults: str) -> AsyncIterator[Client]:
    plan = FaultPlan.scripted({"": faults})
    async with MockGateway(MockSettings(faults=plan)) as gateway:
        target = Target(base_url=gateway.base_url, key=Secret("sk-good"))
        async with GatewayClient(target, in_flight=4) as client:
            yield Client(gateway, client)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"contents": []}, "contents"),
        ({"model": "opal-1"}, "model"),
        ({"generationConfig": {"max_tokens": 5}}, "max_tokens"),
        ({"generationConfig": {"temperature": 3}}, "temperature"),
        ({"generationConfig": {"responseModalities": ["image"]}}, "TEXT"),
        ({"generationConfig": {"imageConfig": {"imageSize": "2k"}}}, "2k"),
        ({"generationConfig": {"responseJsonSchema": {}}}, "responseMimeType"),
        ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "role"),
        ({"contents": [{"role": "user", "parts": [{"type": "text", "text": "x"}]}]}, "data"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "any"}}}, "any"),
    ],
)
async def test_a_wrong_request_is_refused_for_free(change: dict[str, Any], said: str) -> None:
    async with serving() as client:
        reply = await client.post({**GOOD, **change})
        assert reply.status == 400
        assert said in json.loads(reply.body)["error"]["message"]
        assert [one.billed for one in client.gateway.requests] == [False]


async def test_a_key_in_authorization_is_refused_as_google_does() -> None:
    async with serving() as client:
        reply = await client.post(GOOD, headers={})
    assert reply.status == 401


async def test_a_stream_says_the_same_as_a_whole_answer() -> None:
    async with serving() as client:
        whole, streamed = await client.ask(), await client.ask(stream=True)
    assert isinstance(whole, Result)
    assert whole.text
    assert streamed.text == whole.text
    assert streamed.usage == whole.usage


async def test_a_function_is_called_with_what_its_schema_wants() -> None:
    tool = {"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}
    async with serving() as client:
        found = await client.ask(tools=[tool])
    assert found.data["tool_calls"][0]["name"] == "tide"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_picture_has_its_ratio(stream: bool) -> None:
    async with serving() as client:
        found = await client.ask(aspect_ratio="16:9", stream=stream)
        assert client.gateway.requests[0].price == 0.02
    (picture,) = found.pictures
    drawn = Image.open(io.BytesIO(base64.b64decode(picture.base64)))
    assert drawn.size == (512, 288)


@pytest.mark.parametrize("fault", ["cut", "stream_unfinished"])
async def test_an_unfinished_stream_is_in_doubt(fault: str) -> None:
    inputs = Inputs(model="opal-1", prompt="Name a cold wind", stream=True)
    async with serving(fault) as client:
        delivery = await client.deliver(inputs)
    if isinstance(delivery, Lost):
        return  # cut inside the chunked coding: the transport sees it
    assert isinstance(delivery, Reply)
    found = ENDPOINT.read(inputs, delivery)
    assert isinstance(found, Rejected)
    assert found.failure.cause == "cut_stream"


@pytest.mark.parametrize(
    ("fault", "kind"), [("refusal", "refused"), ("empty_choices", "no_result")]
)
async def test_an_unusable_answer_is_billed(fault: str, kind: str) -> None:
    async with serving(fault) as client:
        found = await client.ask()
        assert client.gateway.requests[0].price > 0
    assert isinstance(found, Rejected)
    assert found.failure.kind == kind
