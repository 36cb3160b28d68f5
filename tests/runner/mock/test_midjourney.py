"""The mock gateway's Midjourney paths over real HTTP: submits, tasks, pictures and the bill."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

from runner.mock.endpoints.midjourney import BLEND, IMAGINE, LIST_PATH
from runner.mock.faults import FaultPlan, PromptRequest, TaskFault
from runner.mock.gateway import MockGateway
from runner.mock.settings import MockSettings

HEADERS = {"Authorization": "Bearer sk-good"}
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mPQqzUCAAG6"
    "AN76d2wkAAAAAElFTkSuQmCC"
)


class Client:
    """A plain HTTP client of one gateway."""

    def __init__(self, gateway: MockGateway, session: aiohttp.ClientSession) -> None:
        self.gateway = gateway
        self.session = session

    async def post(self, path: str, body: object) -> tuple[int, Any]:
        url = self.gateway.base_url + path
        async with self.session.post(url, json=body, headers=HEADERS) as reply:
            return reply.status, json.loads(await reply.read())

    async def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        url = path if "://" in path else self.gateway.base_url + path
        async with self.session.get(url, headers=headers) as reply:
            return reply.status, await reply.read()

    async def ticket(self, prompt: str = "a heron") -> str:
        """The id of a new task."""
        status, body = await self.post(IMAGINE, {"prompt": prompt})
        assert status == 200
        assert body["code"] in (1, 21, 22)
        return str(body["result"])

    async def task(self, number: str) -> tuple[int, Any]:
        """The record of a task."""
        status, body = await self.get(f"/mj/task/{number}/fetch", **HEADERS)
        return status, json.loads(body)


@asynccontextmanager
async def serving(*faults: str, **settings: Any) -> AsyncIterator[Client]:
    given = {"faults": FaultPlan.scripted({"": faults}), "task_seconds": 0.2, **settings}
    async with (
        MockGateway(MockSettings(**given)) as gateway,
        aiohttp.ClientSession() as session,
    ):
        yield Client(gateway, session)


async def test_a_task_goes_its_way_and_shows_only_a_preview_before_its_end() -> None:
    async with serving(task_seconds=1.2) as client:
        number = await client.ticket()
        seen, preview = [], b""
        for _ in range(400):
            _, record = await client.task(number)
            seen.append(record["status"])
            if record["status"] == "IN_PROGRESS":
                assert "/mj/image/" in record["imageUrl"]
                preview = preview or (await client.get(record["imageUrl"]))[1]
            if record["status"] == "SUCCESS":
                break
            await asyncio.sleep(0.03)
        assert list(dict.fromkeys(seen)) == ["", "NOT_START", "SUBMITTED", "IN_PROGRESS", "SUCCESS"]
        assert record["progress"] == "100%"
        picture = (await client.get(record["imageUrl"]))[1]
        assert Image.open(io.BytesIO(picture)).size == (512, 512)
        assert Image.open(io.BytesIO(preview)).size == (64, 64)
        passed_on = (await client.get(f"/mj/image/{number}"))[1]
        assert passed_on == picture


async def test_ids_come_as_text_and_as_numbers_and_all_three_codes_come() -> None:
    async with serving() as client:
        bodies = [(await client.post(IMAGINE, {"prompt": f"no. {k}"}))[1] for k in range(60)]
        assert {type(body["result"]) for body in bodies} == {int, str}
        assert {body["code"] for body in bodies} == {1, 21, 22}
        assert len({str(body["result"]) for body in bodies}) == 60


async def test_bad_submits_are_turned_down_for_nothing() -> None:
    async with serving() as client:
        cases: list[tuple[str, object, int]] = [
            (IMAGINE, {}, 400),
            (IMAGINE, [], 400),
            (IMAGINE, {"prompt": "a", "base64Array": ["iVBORw0KGgo"]}, 200),
            (IMAGINE, {"prompt": "a", "base64Array": ["https://e.x/a.png"]}, 200),
            (BLEND, {"base64Array": [PNG]}, 200),
            (BLEND, {"base64Array": [PNG] * 6}, 200),
            (BLEND, {"base64Array": [PNG, PNG], "dimensions": "WIDE"}, 200),
        ]
        for path, body, expected in cases:
            status, content = await client.post(path, body)
            assert (status, content["code"]) == (expected, 4), body
        assert not any(request.billed for request in client.gateway.requests)
        assert (await client.post(BLEND, {"base64Array": [PNG, PNG]}))[1]["code"] in (1, 21, 22)


async def test_several_tasks_come_in_any_order_without_the_unknown() -> None:
    async with serving() as client:
        numbers = [await client.ticket(str(k)) for k in range(3)]
        status, found = await client.post(LIST_PATH, {"ids": [*numbers, "1"]})
        assert status == 200
        assert sorted(task["id"] for task in found) == sorted(numbers)
        assert (await client.post(LIST_PATH, {"ids": []}))[1] == []


async def test_an_unknown_task_and_a_missing_key_are_told_as_new_api_does() -> None:
    async with serving() as client:
        status, content = await client.task("1")
        assert (status, content["code"], content["description"]) == (400, 4, "task_no_found ")
        status, _ = await client.get("/mj/task/1/fetch")
        assert status == 401
        status, body = await client.get("/mj/image/1")
        assert (status, json.loads(body)) == (400, {"error": "midjourney_task_not_found"})


async def test_a_task_is_billed_at_its_submit_and_refunded_once(tmp_path: Path) -> None:
    bill = tmp_path / "bill.jsonl"
    async with serving("task:failure", bill=bill) as client:
        number = await client.ticket()
        await asyncio.sleep(0.25)
        for _ in range(3):
            _, record = await client.task(number)
            assert (record["status"], record["progress"]) == ("FAILURE", "100%")
        assert client.gateway.questions == 3
    lines = [json.loads(line) for line in bill.read_text(encoding="utf-8").splitlines()]
    assert [(one["endpoint"], one["billed"], one["price"]) for one in lines] == [
        (IMAGINE, True, 0.02),
        ("refund", False, -0.02),
    ]


async def test_a_task_outlives_a_restart_of_the_gateway() -> None:
    async with serving() as client:
        number = await client.ticket()
    async with serving() as client:
        await asyncio.sleep(0.25)
        assert (await client.task(number))[1]["status"] == "SUCCESS"


async def test_a_full_queue_and_a_banned_word_have_the_codes_of_their_family() -> None:
    async with serving("429_bare", "429", "moderation", "500_lost") as client:
        content = [await client.post(IMAGINE, {"prompt": "a heron"}) for _ in range(4)]
        assert [(status, body["code"]) for status, body in content] == [
            (200, 23),
            (429, 30),
            (200, 24),
            (400, 5),
        ]
        assert [request.billed for request in client.gateway.requests] == [
            False,
            False,
            False,
            True,
        ]


def test_a_storm_brings_troubled_tasks_and_no_row_is_ever_left_hanging() -> None:
    plan = FaultPlan.named("storm")
    asks = [PromptRequest(prompt=str(k), sha=str(k), number=0, pictures=True) for k in range(400)]
    found = {plan.of_task(1, ask) for ask in asks}
    assert {TaskFault.OK, TaskFault.UNKNOWN, TaskFault.FAILURE, TaskFault.BANNED} <= found
    assert not found & {TaskFault.HANG, TaskFault.MODAL, TaskFault.LOST}
