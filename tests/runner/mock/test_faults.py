"""The mock gateway produces every fault that a script or a plan asks for."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from runner.mock.chance import prompt_digest
from runner.mock.faults import Fault, FaultPlan, PromptRequest
from tests.support.mock_client import (
    MARKDOWN,
    bill_lines,
    chat_body,
    events,
    opened,
    scripted,
    serving,
)

COMPLETE = {
    "401": (401, "无效的令牌", False),
    "403_credit": (403, "insufficient_user_quota", False),
    "429": (429, "上游负载", False),
    "429_bare": (429, "上游负载", False),
    "429_empty": (429, "", False),
    "503_channel": (503, "无可用渠道", False),
    "503": (503, "<center>nginx</center>", False),
    "500": (500, "数据库错误", False),
    "500_lost": (500, "do_request_failed", True),
    "502": (502, "<title>502 Bad Gateway</title>", True),
    "504": (504, "<title>504 Gateway Time-out</title>", True),
    "524": (524, "cf-error-details", True),
    "html": (200, "<html", True),
    "empty_object": (200, "{}", True),
    "error_200": (200, '{"error"', True),
    "empty_choices": (200, '"choices":[]', True),
    "refusal": (200, "content policy", True),
    "moderation": (200, "失败原因：input_moderation", True),
    "slow": (200, "![图片]", True),
}


@pytest.mark.parametrize("fault", COMPLETE)
async def test_a_fault_with_a_complete_answer(fault: str) -> None:
    status, text, billed = COMPLETE[fault]
    async with serving(faults=scripted(fault), forms=MARKDOWN, slow=0.05) as client:
        reply = await client.post(chat_body("fox", "mock-image"))
        assert reply[0] == status
        assert text in reply[2].decode()
        if fault.startswith("429"):
            assert ("Retry-After" in reply[1]) == (fault == "429")
            assert 0.2 <= float(reply[1].get("Retry-After", 1)) <= 1
        request = client.gateway.requests[0]
        assert (request.fault, request.status, request.billed) == (fault, status, billed)
        assert (request.price > 0) == billed
        assert (await client.post(chat_body("fox", "mock-image")))[0] == 200
        assert client.gateway.requests[1].fault is None


async def test_a_slow_answer_is_slow() -> None:
    clock = asyncio.get_running_loop().time
    async with serving(faults=scripted("slow"), slow=0.2, latency=(0.05, 0.1)) as client:
        start = clock()
        await client.ask("fox")
        assert 0.25 <= clock() - start < 2
        start = clock()
        await client.ask("fox")
        assert clock() - start >= 0.05


async def test_a_reset_after_the_request_is_billed_first(tmp_path: Path) -> None:
    bill = tmp_path / "bill.jsonl"
    async with serving(faults=scripted("reset_after"), bill=bill) as client:
        with pytest.raises(aiohttp.ClientOSError):
            await client.ask("fox")
        (line,) = bill_lines(bill)
        assert (line["fault"], line["billed"], line["status"]) == ("reset_after", True, None)


async def test_a_reset_before_the_request_leaves_no_line() -> None:
    plan = FaultPlan.scripted({}, connections=["reset_before", "ok"])
    async with serving(faults=plan) as client:
        with pytest.raises(aiohttp.ClientError):
            await client.ask("fox")
        assert client.gateway.requests == []
        assert client.gateway.connections == 1
        await client.ask("fox")
        assert client.gateway.connections == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cut_body_ends_the_connection_early(stream: bool) -> None:
    async with serving(faults=scripted("cut")) as client:
        with pytest.raises(aiohttp.ClientPayloadError):
            await client.post(chat_body("fox", stream=stream))
        request = client.gateway.requests[0]
        assert (request.billed, request.status, request.fault) == (True, 200, "cut")


@pytest.mark.parametrize(("fault", "done"), [("unfinished", False), ("false_done", True)])
async def test_a_stream_can_end_in_order_without_an_end(fault: str, done: bool) -> None:
    async with serving(faults=scripted(f"stream_{fault}")) as client:
        status, _, body = await client.post(chat_body("fox", stream=True))
        got = events(body)
        assert status == 200
        assert ("[DONE]" in got) == done
        chunks = [event for event in got if event != "[DONE]"]
        assert chunks
        assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks)
        assert client.gateway.requests[0].billed


async def test_files_go_wrong_as_the_script_says() -> None:
    faults = ["file:404", "file:html", "file:cut", "file:reset", "file:ok"]
    async with serving(faults=FaultPlan.scripted({"fox": faults}), forms=MARKDOWN) as client:
        link = await client.link("a fox")
        assert (await client.get(link))[0] == 404
        assert b"<html" in (await client.get(link))[2]
        short = (await client.get(link))[2]
        with pytest.raises(aiohttp.ClientPayloadError):
            await client.get(link)
        whole = (await client.get(link))[2]
        assert opened(whole).format == "PNG"
        assert short == whole[: len(whole) // 2]
        assert [one.fault for one in client.gateway.downloads] == [
            "404",
            "html",
            "cut",
            "reset",
            None,
        ]
        assert (await client.get(await client.link("an owl")))[0] == 200


async def test_an_expired_link_stays_expired() -> None:
    plan = FaultPlan.scripted({"fox": ["file:ok", "file:expired"]})
    async with serving(faults=plan, forms=MARKDOWN) as client:
        link = await client.link("fox")
        assert [(await client.get(link))[0] for _ in range(4)] == [200, 403, 403, 403]


async def test_a_wrong_ending_is_wrong_every_time() -> None:
    plan = FaultPlan.scripted({"fox": ["file:wrong"]})
    async with serving(faults=plan, forms=MARKDOWN) as client:
        link = await client.link("fox")
        assert link.endswith(".png")
        for _ in range(2):
            _, media, body = await client.get(link)
            assert (media, opened(body).format) == ("image/png", "WEBP")


def test_a_script_with_an_unknown_fault_is_an_error() -> None:
    with pytest.raises(ValueError, match="4299"):
        FaultPlan.scripted({"fox": ["4299"]})


async def test_faults_depend_on_seed_prompt_and_ask_only() -> None:
    async def run(seed: int, prompts: list[str]) -> dict[str, list[str | None]]:
        plan = replace(FaultPlan.named("storm"), connections=0.0)
        async with serving(faults=plan, seed=seed, slow=0.0) as client:
            for prompt in prompts * 3:
                try:
                    await client.post(chat_body(prompt))
                except aiohttp.ClientError:
                    continue
            found: dict[str, list[str | None]] = {}
            for request in client.gateway.requests:
                found.setdefault(str(request.prompt_sha), []).append(request.fault)
            return found

    prompts = [f"animal {number}" for number in range(15)]
    first = await run(1, prompts)
    assert first == await run(1, prompts[::-1])
    assert first != await run(2, prompts)


def faults_of(plan: FaultPlan, prompt: str, *, stream: bool = False) -> list[Fault]:
    asks = [
        PromptRequest(
            prompt=prompt, sha=prompt_digest(prompt), number=n, pictures=True, stream=stream
        )
        for n in range(4)
    ]
    return [plan.of_call(1, ask) for ask in asks]


@pytest.mark.parametrize(("name", "share"), [("none", 0.0), ("some", 0.08), ("storm", 0.4)])
def test_plans_hit_their_share_and_let_every_prompt_through(name: Any, share: float) -> None:
    plan = FaultPlan.named(name)
    lasting = {Fault.REFUSAL, Fault.MODERATION}
    rows = [faults_of(plan, f"prompt {number}", stream=number % 2 == 0) for number in range(3000)]
    passing = [row for row in rows if not lasting & set(row)]
    first = sum(row[0] is not Fault.OK for row in passing) / len(passing)
    assert first == pytest.approx(share, abs=0.03)
    assert all(row[3] is Fault.OK for row in passing)
    in_doubt = {"500_lost", "502", "504", "524", "reset_after", "cut"} | {
        "stream_unfinished",
        "stream_false_done",
    }
    assert all(sum(fault in in_doubt for fault in row) <= 1 for row in passing)
    assert len(rows) - len(passing) <= 0.05 * len(rows)
    if name == "storm":
        met = {fault for row in rows for fault in row}
        unscripted = {Fault.KEY, Fault.CREDIT, Fault.NO_CHANNEL, Fault.RESET_BEFORE}
        assert met == set(Fault) - unscripted
        files = [plan.of_files(1, "", str(number)) for number in range(500)]
        assert sum(map(bool, files)) / 500 == pytest.approx(0.42, abs=0.08)


def test_no_two_connections_in_a_row_are_reset() -> None:
    plan = FaultPlan.named("storm")
    hits = [plan.of_connection(1, number) is Fault.RESET_BEFORE for number in range(2000)]
    assert sum(hits) / 2000 == pytest.approx(0.05, abs=0.02)
    assert not any(one and other for one, other in pairwise(hits))
