"""The mock's speech is as strict as the service, and our endpoint reads its sounds."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from jobs.result import Result
from runner.endpoints.endpoint import Rejected
from runner.endpoints.speech import ENDPOINT, Inputs
from runner.mock.faults import FaultPlan
from runner.mock.gateway import MockGateway
from runner.mock.settings import MockSettings
from runner.protocol.call import Call, Delivery, Lost, Reply
from runner.protocol.media import media_kind
from runner.protocol.pictures import decode_base64
from runner.secret import Secret
from runner.transport.client import GatewayClient, Target

GOOD: dict[str, Any] = {"model": "opal-1", "input": "Good morning.", "voice": "alloy"}


@asynccontextmanager
async def serving(*faults: str) -> AsyncIterator[tuple[MockGateway, GatewayClient]]:
    plan = FaultPlan.scripted({"": faults})
    async with MockGateway(MockSettings(faults=plan)) as gateway:
        target = Target(base_url=gateway.base_url, key=Secret("sk-good"))
        async with GatewayClient(target, in_flight=4) as client:
            yield gateway, client


def wanted(kind: str | None = None) -> Inputs:
    return Inputs(model="opal-1", prompt="Good morning.", voice="alloy", response_format=kind)


async def spoken(kind: str | None, *faults: str) -> Delivery:
    async with serving(*faults) as (_, client):
        return await client.send(ENDPOINT.build(wanted(kind)))


@pytest.mark.parametrize(
    "change",
    [
        {"input": ""},
        {"input": "x" * 4097},
        {"voice": None},
        {"speed": 9},
        {"response_format": "midi"},
        {"prompt": "x"},
        {"model": "tts-1", "instructions": "calm"},
    ],
)
async def test_a_wrong_request_is_refused_for_free(change: Mapping[str, Any]) -> None:
    async with serving() as (gateway, client):
        reply = await client.send(Call(path="/v1/audio/speech", json={**GOOD, **change}))
        assert isinstance(reply, Reply)
        assert reply.status == 400
        assert [one.billed for one in gateway.requests] == [False]


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (None, "audio/mpeg"),
        ("opus", "audio/ogg"),
        ("wav", "audio/wav"),
        ("pcm", "audio/wav"),
    ],
)
async def test_a_sound_is_kept_by_what_its_bytes_are(asked: str | None, kept: str) -> None:
    reply = await spoken(asked)
    assert isinstance(reply, Reply)
    found = ENDPOINT.read(wanted(asked), reply)
    assert isinstance(found, Result)
    (sound,) = found.pictures
    assert sound.base64 is not None
    assert media_kind(decode_base64(sound.base64)) == kept
    assert found.data["characters"] == 13


async def test_half_a_sound_is_in_doubt_by_its_transport() -> None:
    assert isinstance(await spoken("wav", "cut"), Lost)


async def test_half_a_sound_is_in_doubt_by_its_own_end() -> None:
    reply = await spoken("opus")
    assert isinstance(reply, Reply)
    half = Reply(status=200, headers={}, body=reply.body[: len(reply.body) // 2])
    found = ENDPOINT.read(wanted("opus"), half)
    assert isinstance(found, Rejected)
    assert found.failure.cause == "cut_stream"
