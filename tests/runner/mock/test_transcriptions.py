"""The mock's transcriptions are as strict as the service, and our endpoint reads its answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from jobs.result import Result
from runner.endpoints.endpoint import Rejected
from runner.endpoints.transcribe import ENDPOINT, Inputs
from runner.mock.faults import FaultPlan
from runner.mock.gateway import MockGateway
from runner.mock.settings import MockSettings
from runner.protocol.call import Call, Part, Reply
from runner.protocol.pictures import Attachment
from runner.secret import Secret
from runner.transport.client import GatewayClient, Target
from tests.support.world import ROOT

NOTE = (ROOT / "samples/files/note-a.wav").read_bytes()
FILE = Part(name="file", content=NOTE, filename="audio.wav", media_type="audio/wav")
MODEL = Part(name="model", content=b"opal-1")


@asynccontextmanager
async def serving(*faults: str) -> AsyncIterator[tuple[MockGateway, GatewayClient]]:
    plan = FaultPlan.scripted({"": faults})
    async with MockGateway(MockSettings(faults=plan)) as gateway:
        target = Target(base_url=gateway.base_url, key=Secret("sk-good"))
        async with GatewayClient(target, in_flight=4) as client:
            yield gateway, client


async def asked(client: GatewayClient, **given: Any) -> Any:
    inputs = Inputs(model="opal-1", file=(Attachment(data=NOTE),), **given)
    reply = await client.send(ENDPOINT.build(inputs))
    assert isinstance(reply, Reply)
    return ENDPOINT.read(inputs, reply)


@pytest.mark.parametrize(
    "parts",
    [
        (FILE,),
        (MODEL,),
        (MODEL, FILE, Part(name="voice", content=b"alloy")),
        (MODEL, FILE, Part(name="response_format", content=b"doc")),
        (MODEL, Part(name="file", content=b"words", filename="a.wav", media_type="audio/wav")),
        (MODEL, Part(name="file", content=NOTE, filename="a.exe", media_type="audio/wav")),
    ],
    ids=["no model", "no file", "a field of others", "a format of others", "no sound", "ending"],
)
async def test_a_wrong_form_is_refused_for_free(parts: tuple[Part, ...]) -> None:
    async with serving() as (gateway, client):
        reply = await client.send(Call(path="/v1/audio/transcriptions", parts=parts))
        assert isinstance(reply, Reply)
        assert reply.status == 400
        assert [one.billed for one in gateway.requests] == [False]


@pytest.mark.parametrize("wanted", [None, "text", "srt", "vtt", "verbose_json"])
async def test_words_come_in_every_format(wanted: str | None) -> None:
    async with serving() as (_, client):
        found = await asked(client, response_format=wanted)
    assert isinstance(found, Result)
    assert "A audio/wav of" in (found.text or "")


async def test_the_seconds_of_the_sound_are_counted() -> None:
    async with serving() as (_, client):
        found = await asked(client)
    assert found.data["audio_seconds"] == 0.5


async def test_a_translation_has_its_own_path_and_no_language() -> None:
    async with serving() as (gateway, client):
        found = await asked(client, task="translate", language="de")
        assert gateway.requests[0].endpoint == "/v1/audio/translations"
    assert "in English" in found.text


async def test_an_answer_without_words_is_billed() -> None:
    async with serving("empty_choices") as (gateway, client):
        found = await asked(client)
        assert gateway.requests[0].billed
    assert isinstance(found, Rejected)
    assert found.failure.cause == "empty_text"
