"""The mock's /v1/messages is as strict as the service, and our endpoint reads its answers."""

import base64
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from PIL import Image

from jobs.result import Result
from runner.endpoints.endpoint import Rejected
from runner.endpoints.messages import ENDPOINT, Inputs
from runner.mock.faults import FaultPlan
from runner.mock.gateway import MockGateway
from runner.mock.settings import MockSettings
from runner.protocol.call import Reply
from runner.protocol.pictures import Attachment

KEY = {"Authorization": "Bearer sk-good"}
VERSION = {"anthropic-version": "2023-06-01"}
GOOD: dict[str, Any] = {
    "model": "opal-1",
    "max_tokens": 900,
    "messages": [{"role": "user", "content": "Name a cold wind"}],
}


class Client:
    """A plain HTTP client of one gateway."""

    def __init__(self, gateway: MockGateway, session: aiohttp.ClientSession) -> None:
        self.gateway = gateway
        self.session = session

    async def post(self, body: object, headers: Mapping[str, str] = VERSION) -> Reply:
        url = f"{self.gateway.base_url}/v1/messages"
        data = io.BytesIO(json.dumps(body).encode())
        async with self.session.post(url, data=data, headers={**KEY, **headers}) as reply:
            return Reply(status=reply.status, headers={}, body=await reply.read())

    async def ask(self, **given: Any) -> Any:
        """What our endpoint reads from the answer to its own request."""
        inputs = Inputs(model="opal-1", prompt="Name a cold wind", **given)
        call = ENDPOINT.build(inputs)
        reply = await self.post(call.json, call.headers)
        assert reply.status == 200, reply.body
        return ENDPOINT.read(inputs, reply)


@asynccontextmanager
async def serving(*faults: str, **settings: Any) -> AsyncIterator[Client]:
    plan = FaultPlan.scripted({"": faults})
    async with (
        MockGateway(MockSettings(faults=plan, **settings)) as gateway,
        aiohttp.ClientSession() as session,
    ):
        yield Client(gateway, session)


def drawn(kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 3), "red").save(out, kind)
    return out.getvalue()


def with_picture(data: bytes, media_type: str) -> dict[str, Any]:
    coded = base64.b64encode(data).decode()
    source = {"type": "base64", "media_type": media_type, "data": coded}
    return GOOD | {"messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({name: value for name, value in GOOD.items() if name != "max_tokens"}, "max_tokens"),
        ({name: value for name, value in GOOD.items() if name != "model"}, "model"),
        (GOOD | {"max_tokens": 0}, "max_tokens"),
        (GOOD | {"messages": []}, "messages"),
        (GOOD | {"messages": [{"role": "system", "content": "x"}]}, "role"),
        (GOOD | {"messages": [{"role": "user", "content": []}]}, "content"),
        (GOOD | {"temperature": 1.5}, "temperature"),
        (GOOD | {"stream_options": {"include_usage": True}}, "Extra inputs"),
        (GOOD | {"stop": ["x"]}, "Extra inputs"),
        (GOOD | {"tools": [{"type": "function", "function": {"name": "f"}}]}, "input_schema"),
        (GOOD | {"tool_choice": {"type": "function"}}, "tool_choice"),
        (with_picture(drawn("JPEG"), "image/png"), "appears to be image/jpeg"),
        (with_picture(b"no picture", "image/png"), "process image"),
        (with_picture(b"\0" * 3_932_163, "image/png"), "image exceeds 5 MB maximum"),
        ([], "object"),
    ],
)
async def test_a_wrong_message_is_refused_for_free_in_anthropics_shape(
    body: object, said: str
) -> None:
    async with serving() as client:
        reply = await client.post(body)
        content = json.loads(reply.body)
        assert reply.status == 400
        assert content["type"] == "error"
        assert content["error"]["type"] == "invalid_request_error"
        assert said in content["error"]["message"]
        assert [request.billed for request in client.gateway.requests] == [False]


async def test_a_message_without_a_version_is_refused() -> None:
    async with serving() as client:
        assert (await client.post(GOOD, {})).status == 400
        assert (await client.post(GOOD)).status == 200


async def test_a_stream_says_the_same_as_a_whole_message() -> None:
    async with serving() as client:
        whole = await client.ask(system="Be brief.", max_tokens=900)
        streamed = await client.ask(system="Be brief.", max_tokens=900, stream=True)
        assert isinstance(whole, Result)
        assert whole.text
        assert "cold wind" in whole.text
        assert (whole.text, whole.finish) == (streamed.text, streamed.finish)
        assert whole.usage is not None
        assert streamed.usage is not None
        assert whole.usage.total_tokens == streamed.usage.total_tokens
        assert [request.price > 0 for request in client.gateway.requests] == [True, True]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_is_called_with_what_its_schema_wants(stream: bool) -> None:
    schema = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
    tool = {"type": "function", "function": {"name": "tide", "parameters": schema}}
    async with serving() as client:
        result = await client.ask(tools=[tool], tool_choice="tide", stream=stream)
        assert result.finish == "tool_use"
        (call,) = result.data["tool_calls"]
        assert call["name"] == "tide"
        assert isinstance(call["arguments"]["town"], str)


async def test_a_picture_is_looked_at() -> None:
    async with serving() as client:
        image = (
            Attachment(data=drawn("WEBP"), media_type="image/webp"),
            Attachment(url="https://pics.example.com/heron.jpg"),
        )
        result = await client.ask(image=image)
        assert "WEBP 4×3" in result.text


async def test_a_text_over_max_tokens_is_cut() -> None:
    async with serving() as client:
        rejected = await client.ask(max_tokens=3)
        assert isinstance(rejected, Rejected)
        assert rejected.failure.kind == "truncated"
        assert rejected.result is not None
        assert rejected.result.text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "kind"), [("refusal", "refused"), ("empty_choices", "no_result")]
)
async def test_an_unusable_message_is_billed(fault: str, kind: str, stream: bool) -> None:
    async with serving(fault) as client:
        rejected = await client.ask(stream=stream)
        assert isinstance(rejected, Rejected)
        assert rejected.failure.kind == kind
        assert client.gateway.requests[0].billed


@pytest.mark.parametrize("fault", ["stream_unfinished", "stream_false_done"])
async def test_an_unfinished_stream_is_in_doubt(fault: str) -> None:
    async with serving(fault) as client:
        rejected = await client.ask(stream=True)
        assert isinstance(rejected, Rejected)
        assert rejected.failure.cause == "cut_stream"


@pytest.mark.parametrize(("fault", "status"), [("429", 429), ("500_lost", 500), ("524", 524)])
async def test_the_gateways_own_faults_are_those_of_chat(fault: str, status: int) -> None:
    async with serving(fault) as client:
        assert (await client.post(GOOD)).status == status
        assert client.gateway.requests[0].billed == (fault != "429")
        assert (await client.post(GOOD)).status == 200
