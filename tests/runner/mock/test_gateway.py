"""The mock gateway over real HTTP: answer forms, faults, the bill and pictures."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest

from runner.mock.chance import prompt_digest
from runner.mock.faults import FaultPlan
from runner.mock.gateway import MODEL_NAMES, MockGateway
from runner.mock.server_thread import MockThread
from runner.mock.settings import MockSettings
from tests.support.mock_client import (
    SAMPLES,
    Client,
    bill_lines,
    chat_body,
    events,
    scripted,
    serving,
    until,
)


async def test_models_are_listed_for_a_good_key_only() -> None:
    async with serving() as client:
        status, _, body = await client.get("/v1/models")
        assert status == 200
        listed = json.loads(body)
        assert listed["object"] == "list"
        assert {model["id"] for model in listed["data"]} == set(MODEL_NAMES)


@pytest.mark.parametrize("header", ["Bearer sk-bad", "Bearer ", "sk-good", ""])
async def test_a_bad_key_is_refused_as_new_api_does(header: str) -> None:
    async with serving() as client:
        status, headers, body = await client.post(chat_body("hi"), Authorization=header)
        error = json.loads(body)["error"]
        assert status == 401
        assert error["type"] == "new_api_error"
        assert f"(request id: {headers['X-Oneapi-Request-Id']})" in error["message"]
        assert [request.billed for request in client.gateway.requests] == [False]


async def test_only_the_key_of_the_settings_is_let_in() -> None:
    async with serving(key="sk-mine") as client:
        assert (await client.post(chat_body("hi")))[0] == 401
        assert (await client.post(chat_body("hi"), Authorization="Bearer sk-mine"))[0] == 200


async def test_unknown_paths_answer_as_new_api_does() -> None:
    async with serving() as client:
        status, _, body = await client.post({}, "/v1/chat/completion")
        assert status == 404
        error = json.loads(body)["error"]
        assert error["message"] == "Invalid URL (POST /v1/chat/completion)"
        assert error["type"] == "invalid_request_error"
        assert (await client.get("/v1/chat/completions"))[0] == 404
        status, media, page = await client.get("/chat/completions")
        assert (status, media) == (200, "text/html; charset=utf-8")
        assert b"<html" in page


GOOD = chat_body("hi")


@pytest.mark.parametrize(
    "body",
    [
        {"messages": GOOD["messages"]},
        {"model": "m"},
        {"model": 5, "messages": GOOD["messages"]},
        {"model": "m", "messages": []},
        {"model": "m", "messages": "hi"},
        {"model": "m", "messages": [{"role": "robot", "content": "hi"}]},
        {"model": "m", "messages": [{"role": ["user"], "content": "hi"}]},
        {"model": "m", "messages": [{"role": "user", "content": 7}]},
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "text"}]}]},
        GOOD | {"stream": "true"},
        GOOD | {"n": True},
        GOOD | {"n": 0},
        GOOD | {"temperature": 3},
        GOOD | {"stream_options": {"include_usage": True}},
        GOOD | {"response_format": {"type": "yaml"}},
        GOOD | {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
        GOOD | {"tools": [{"type": "function"}]},
        GOOD | {"tools": [{"function": {"name": "f", "parameters": {"properties": 3}}}]},
        GOOD | {"tool_choice": {"function": "f"}},
        [],
        "hi",
    ],
)
async def test_a_wrong_request_is_refused_for_free(body: object) -> None:
    async with serving() as client:
        status, _, answer = await client.post(body)
        assert status == 400
        assert json.loads(answer)["error"]["type"] == "invalid_request_error"
        assert [request.billed for request in client.gateway.requests] == [False]


async def test_text_depends_on_the_prompt_only() -> None:
    async with serving() as client, serving() as other:
        first = await client.ask("Three uses for beeswax")
        again = await other.ask("Three uses for beeswax")
        assert first["choices"] == again["choices"]
        assert "beeswax" in first["choices"][0]["message"]["content"]
        assert first["usage"]["prompt_tokens"] > 5
        several = await client.ask("Three uses for beeswax", n=3)
        assert [choice["index"] for choice in several["choices"]] == [0, 1, 2]


async def test_text_over_max_tokens_is_cut_with_finish_length() -> None:
    async with serving() as client:
        answer = await client.ask("A long story", max_tokens=5)
        assert answer["choices"][0]["finish_reason"] == "length"
        assert len(answer["choices"][0]["message"]["content"]) == 10


async def test_a_stream_says_the_same_as_a_whole_answer() -> None:
    async with serving() as client:
        whole = await client.ask("猫和狗 in one sentence")
        body = chat_body("猫和狗 in one sentence", stream=True)
        _, headers, stream = await client.post(body | {"stream_options": {"include_usage": True}})
        assert headers["Content-Type"] == "text/event-stream"
        assert stream.startswith(b": PING\n\n")
        *chunks, usage, done = events(stream)
        assert done == "[DONE]"
        assert usage["choices"] == []
        assert usage["usage"] == whole["usage"]
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
        assert deltas[0]["role"] == "assistant"
        text = "".join(delta.get("content", "") for delta in deltas)
        assert text == whole["choices"][0]["message"]["content"]
        assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-2:]] == [None, "stop"]
        _, _, plain = await client.post(body)
        assert all(event == "[DONE]" or event["choices"] for event in events(plain))


async def test_the_sample_questions_get_what_they_ask_for() -> None:
    lines = (SAMPLES / "questions.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    with_schema = [row for row in rows if "schema" in row]
    with_tools = [row for row in rows if "tools" in row]
    assert with_schema
    assert with_tools
    async with serving() as client:
        for row in with_schema:
            wanted = {"name": "answer", "strict": True, "schema": row["schema"]}
            kind = {"type": "json_schema", "json_schema": wanted}
            answer = await client.ask(row["prompt"], response_format=kind)
            value = json.loads(answer["choices"][0]["message"]["content"])
            jsonschema.validate(value, row["schema"])
        for row in with_tools:
            choice = (await client.ask(row["prompt"], tools=row["tools"]))["choices"][0]
            assert choice["finish_reason"] == "tool_calls"
            called = choice["message"]["tool_calls"][0]["function"]
            assert called["name"] == row["tools"][0]["function"]["name"]
            parameters = row["tools"][0]["function"]["parameters"]
            jsonschema.validate(json.loads(called["arguments"]), parameters)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": ["string", "null"], "minLength": 40},
        {"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "integer"}}},
        {"anyOf": [{"const": 4}, {"type": "string"}]},
        {"type": "object", "required": ["x"], "properties": {"y": {"enum": ["a"]}}},
        {"type": "integer", "minimum": 3, "maximum": 4},
        {"type": "number", "maximum": -7},
        {"type": "array", "minItems": 5, "items": {"type": "boolean"}},
    ],
)
async def test_structured_answers_match_their_schema(schema: dict[str, Any]) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    async with serving() as client:
        for prompt in ("one", "two words", "和 三"):
            answer = await client.ask(prompt, response_format=wanted)
            value = json.loads(answer["choices"][0]["message"]["content"])
            jsonschema.validate(value, schema)


async def test_a_streamed_tool_call_comes_in_pieces_of_its_arguments() -> None:
    parameters = {"type": "object", "properties": {"town": {"type": "string", "minLength": 60}}}
    tool = {"type": "function", "function": {"name": "look", "parameters": parameters}}
    async with serving() as client:
        _, _, body = await client.post(chat_body("Oslo", tools=[tool], stream=True))
        pieces = [
            call
            for event in events(body)[:-1]
            for choice in event["choices"]
            for call in choice["delta"].get("tool_calls", [])
        ]
        assert pieces[0]["function"] == {"name": "look", "arguments": ""}
        assert len(pieces) > 3
        assert all(piece["index"] == 0 for piece in pieces)
        arguments = "".join(piece["function"]["arguments"] for piece in pieces)
        jsonschema.validate(json.loads(arguments), parameters)


def image_part(content: bytes) -> dict[str, object]:
    uri = "data:image/png;base64," + base64.b64encode(content).decode()
    return {"type": "image_url", "image_url": {"url": uri}}


async def test_a_picture_in_the_request_is_really_looked_at() -> None:
    picture = (SAMPLES / "pictures" / "lamp.png").read_bytes()
    async with serving() as client:
        seen = await client.ask([{"type": "text", "text": "What is it?"}, image_part(picture)])
        assert "PNG 96×128" in seen["choices"][0]["message"]["content"]
        for broken in (b"<html>", b"", picture[:60], b"\x89PNG\r\n\x1a\nrest"):
            status, _, body = await client.post(chat_body([image_part(broken)]))
            assert status == 400
            assert json.loads(body)["error"]["code"] == "invalid_image"
        assert [request.billed for request in client.gateway.requests] == [True] + [False] * 4


async def test_the_bill_equals_the_requests(tmp_path: Path) -> None:
    bill = tmp_path / "bill.jsonl"
    async with serving(faults=FaultPlan.named("storm"), bill=bill, slow=0.01) as client:
        answers = 0
        for number in range(60):
            try:
                await client.post(
                    chat_body(f"text {number % 20}", stream=number % 2 == 0),
                    **{"Idempotency-Key": f"key-{number}"},
                )
                answers += 1
            except aiohttp.ClientError:
                continue
        await client.post({})
        await client.get("/nowhere")
        lines = bill_lines(bill)
        assert lines == [
            {name: getattr(request, name) for name in lines[0]}
            for request in client.gateway.requests
        ]
        assert len(lines) >= answers
        assert {line["key"] for line in lines} > {"key-0", "key-19", None}
        assert len({line["id"] for line in lines}) == len(lines)
        assert lines[0]["prompt_sha"] == prompt_digest("text 0")
        assert [line["status"] for line in lines[-2:]] == [400, 200]
        assert all((line["price"] > 0) == line["billed"] for line in lines)


async def test_a_call_is_in_the_bill_before_its_answer(tmp_path: Path) -> None:
    bill = tmp_path / "bill.jsonl"
    async with serving(bill=bill, latency=0.3) as client:
        asking = asyncio.create_task(client.ask("fox"))
        await until(lambda: bool(bill.read_bytes()))
        assert not asking.done()
        assert bill_lines(bill)[0]["billed"]
        await asking


async def test_a_restarted_mock_counts_asks_on_from_its_bill(tmp_path: Path) -> None:
    settings = MockSettings(bill=tmp_path / "bill.jsonl", faults=scripted("429", "500", "ok"))
    seen = []
    for _ in range(3):
        async with MockGateway(settings) as gateway, aiohttp.ClientSession() as session:
            status, _, _ = await Client(gateway, session).post(chat_body("fox"))
            seen.append(status)
    assert seen == [429, 500, 200]


async def test_in_flight_and_connections_are_counted() -> None:
    async with serving(latency=0.1) as client:
        await asyncio.gather(*(client.ask(f"fox {number}") for number in range(5)))
        assert client.gateway.max_in_flight == 5
        assert client.gateway.connections == 5


async def test_a_gateway_in_a_thread_serves_and_ends() -> None:
    with MockThread(MockSettings(port=0)) as mock:
        async with aiohttp.ClientSession() as session:
            assert (await Client(mock.gateway, session).ask("fox"))["choices"]
        port = int(mock.base_url.rpartition(":")[2])
    assert len(mock.gateway.requests) == 1
    async with MockGateway(MockSettings(port=port)):  # the port is free again
        with pytest.raises(OSError, match="in use"), MockThread(MockSettings(port=port)):
            pass


async def test_stopping_breaks_off_what_is_still_being_answered() -> None:
    async with aiohttp.ClientSession() as session:
        async with MockGateway(MockSettings(latency=30)) as gateway:
            asking = asyncio.create_task(Client(gateway, session).ask("fox"))
            await until(lambda: bool(gateway.requests))
        with pytest.raises(aiohttp.ClientError):
            await asking
