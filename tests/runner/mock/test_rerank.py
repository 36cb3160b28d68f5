"""The mock's /v1/rerank is as strict as the service, and our endpoint reads its answers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from jobs.result import Result
from runner.endpoints.endpoint import Rejected
from runner.endpoints.rerank import ENDPOINT, Inputs
from runner.mock.faults import FaultPlan
from runner.mock.gateway import MockGateway
from runner.mock.settings import MockSettings
from runner.protocol.call import Call, Reply
from runner.secret import Secret
from runner.transport.client import GatewayClient, Target

DOCUMENTS: list[Any] = ["Clamp lamp", "Floor lamp", "Desk mat"]
GOOD: dict[str, Any] = {"model": "opal-1", "query": "a lamp", "documents": DOCUMENTS}


@asynccontextmanager
async def serving(*faults: str) -> AsyncIterator[tuple[MockGateway, GatewayClient]]:
    plan = FaultPlan.scripted({"": faults})
    async with MockGateway(MockSettings(faults=plan)) as gateway:
        target = Target(base_url=gateway.base_url, key=Secret("sk-good"))
        async with GatewayClient(target, in_flight=4) as client:
            yield gateway, client


async def asked(client: GatewayClient, **given: Any) -> Any:
    inputs = Inputs(model="opal-1", prompt="a lamp", documents=DOCUMENTS, **given)
    reply = await client.send(ENDPOINT.build(inputs))
    assert isinstance(reply, Reply)
    return ENDPOINT.read(inputs, reply)


@pytest.mark.parametrize(
    "change",
    [
        {"query": ""},
        {"documents": []},
        {"documents": [1]},
        {"documents": "a"},
        {"top_n": 0},
        {"input": "a lamp"},
    ],
)
async def test_a_wrong_request_is_refused_for_free(change: Mapping[str, Any]) -> None:
    async with serving() as (gateway, client):
        reply = await client.send(Call(path="/v1/rerank", json={**GOOD, **change}))
        assert isinstance(reply, Reply)
        assert reply.status == 400
        assert [one.billed for one in gateway.requests] == [False]


async def test_the_best_come_first_with_their_documents() -> None:
    async with serving() as (_, client):
        found = await asked(client, top_n=2)
    assert isinstance(found, Result)
    results: Any = found.data["results"]
    assert len(results) == 2
    assert results[0]["score"] >= results[1]["score"]
    assert results[0]["document"] == DOCUMENTS[results[0]["index"]]


async def test_an_answer_without_scores_is_billed() -> None:
    async with serving("empty_choices") as (gateway, client):
        found = await asked(client)
        assert gateway.requests[0].billed
    assert isinstance(found, Rejected)
    assert found.failure.cause == "no_scores"
