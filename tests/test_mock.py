"""The mock gateway over real HTTP: every form, every fault, the bill, the pictures."""

import asyncio
import base64
import csv
import io
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import openpyxl
import pytest
from PIL import Image, ImageFont

from runner.mock.chance import prompt_digest
from runner.mock.drawing import FONT, draw
from runner.mock.faults import Ask, Fault, FaultPlan
from runner.mock.forms import Form
from runner.mock.gateway import MockGateway
from runner.mock.picture import Picture, drawable, picture_of
from runner.mock.settings import MockSettings
from runner.mock.thread import MockThread

SAMPLES = Path(__file__).parent.parent / "samples"
HEADERS = {"Authorization": "Bearer sk-good"}
MARKDOWN = (Form.MARKDOWN,)


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
        """The first link in an answer of the Markdown form."""
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
    """Looks every hundredth of a second, for a minute."""
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


async def test_models_are_listed_for_a_good_key_only() -> None:
    async with serving() as client:
        status, _, body = await client.get("/v1/models")
        assert status == 200
        listed = json.loads(body)
        assert listed["object"] == "list"
        assert {model["id"] for model in listed["data"]} == {"mock-text", "mock-image"}


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


def pictures_in(answer: Any) -> list[str]:
    """Every result picture in an answer of a known form, written down form by form."""
    if "data" in answer:
        return [item["url"] for item in answer["data"]]
    message = answer["choices"][0]["message"]
    if "images" in message:
        return [item["image_url"]["url"] for item in message["images"]]
    if isinstance(message["content"], list):
        return [
            part["image_url"]["url"] for part in message["content"] if part["type"] == "image_url"
        ]
    return re.findall(r"!\[[^]]*]\((\S+?)\)", message["content"])


@pytest.mark.parametrize("form", list(Form))
async def test_every_form_holds_as_many_pictures_as_asked(form: Form) -> None:
    async with serving(forms=(form,)) as client:
        answer = await client.ask("一只橘猫", "mock-image", n=2, size="96x64")
        found = pictures_in(answer)
        assert len(found) == len(set(found)) == 2
        for address in found:
            if address.startswith("data:image/png;base64,"):
                picture = base64.b64decode(address.partition(",")[2])
            else:
                status, media, picture = await client.get(address)
                assert (status, media) == (200, "image/png")
            assert opened(picture).format == "PNG"
            assert opened(picture).size == (96, 64)
        shape = json.dumps(answer, ensure_ascii=False)
        assert ("[点击下载]" in shape) == (form in (Form.DOWNLOADS, Form.PROGRESS))
        assert ("[100]" in shape) == (form is Form.PROGRESS)
        assert ("base64," in shape) == (form in (Form.INLINE, Form.IMAGES))


async def test_previews_and_download_links_work_too() -> None:
    async with serving(forms=(Form.PROGRESS,)) as client:
        answer = await client.ask("fox", "mock-image")
        content = answer["choices"][0]["message"]["content"]
        preview, download = (
            re.search(rf"\[{name}]\((\S+)\)", content) for name in ("100", "点击下载")
        )
        assert preview
        assert download
        assert opened((await client.get(preview[1]))[2]).format == "WEBP"
        assert "/files/download/" in download[1]
        assert (await client.get(download[1]))[2] == (await client.get(pictures_in(answer)[0]))[2]


async def test_the_seed_chooses_among_all_forms() -> None:
    async with serving(seed=4) as client, serving(seed=4) as twin, serving(seed=5) as other:
        prompts = [f"animal {number}" for number in range(30)]
        shapes = [await shapes_of(one, prompts) for one in (client, twin, other)]
        assert shapes[0] == shapes[1] != shapes[2]
        assert len(set(shapes[0])) == len(Form)


async def shapes_of(client: Client, prompts: list[str]) -> list[str]:
    """For each prompt, a word that is the same for answers of the same form."""
    shapes = []
    for prompt in prompts:
        answer = await client.ask(prompt, "mock-image", size="16x16")
        if "data" in answer:
            shapes.append("data")
            continue
        message = answer["choices"][0]["message"]
        marks = ("排队中", "点击下载", "base64", "'images'", "'type'")
        shapes.append(" ".join(mark for mark in marks if mark in str(message)))
    return shapes


async def test_a_streamed_picture_comes_as_text_or_images() -> None:
    async with serving(forms=(Form.DATA, Form.MARKDOWN, Form.IMAGES)) as client:
        for number in range(6):
            body = chat_body(f"cat {number}", "mock-image", stream=True, size="16x16")
            _, headers, stream = await client.post(body)
            assert headers["Content-Type"] == "text/event-stream"
            assert b"/files/" in stream or b'"images":[' in stream


def shape(prompt: str) -> bytes:
    """Where the ink is, whatever its colour: 1 for each pixel nearer to the ink than the paper."""
    drawn = opened(draw(Picture(prompt=prompt, ask=0, number=1), "PNG")).convert("L")
    darkest, paper = drawn.getextrema()
    assert isinstance(darkest, int)
    assert isinstance(paper, int)
    middle = (darkest + paper) // 2
    return bytes(tone < middle for tone in drawn.tobytes())


def differing(one: str, other: str) -> int:
    """In how many pixels two shapes differ; edges round differently for each colour."""
    return sum(here != there for here, there in zip(shape(one), shape(other), strict=True))


def test_chinese_is_drawn_and_not_boxes() -> None:
    box = "\ue000"  # any character the font does not have
    assert differing(box, "\ue001") < 60
    for one, other in combinations(("猫", "狗", "莓", box), 2):
        assert differing(one, other) > 200, (one, other)


def test_the_chinese_sample_has_no_character_the_font_lacks() -> None:
    sheet = openpyxl.load_workbook(SAMPLES / "主图.xlsx").worksheets[0]
    headers, *rows = sheet.iter_rows(values_only=True)
    assert headers == ("编号", "提示词", "尺寸", "备注")
    assert len(rows) == 10
    font = ImageFont.truetype(FONT, 40, layout_engine=ImageFont.Layout.BASIC)
    box = bytes(font.getmask("\ue000"))
    characters = set("".join(str(row[1]) for row in rows))
    assert [one for one in characters if bytes(font.getmask(one)) == box] == []


def test_the_pictures_of_the_edit_sample_are_there() -> None:
    with (SAMPLES / "edit.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    paths = {path for row in rows for path in row["image"].split(";")}
    assert len(paths) == 2
    assert {opened((SAMPLES / path).read_bytes()).format for path in paths} == {"PNG"}


def test_two_prompts_have_two_colours() -> None:
    pictures = [draw(Picture(prompt=text, ask=0, number=1), "PNG") for text in ("fox", "owl")]
    assert len({opened(picture).getpixel((1, 1)) for picture in pictures}) == 2


@pytest.mark.parametrize("text", ["漢字🦊" * 500, "\ud800 lone", "", "a" * 5000, "x\x00y\n\n z"])
def test_any_prompt_fits_into_its_link_and_can_be_drawn(text: str) -> None:
    picture = Picture(prompt=drawable(text), ask=3, number=2, width=64, height=48)
    assert len(picture.token()) < 1900
    assert picture_of(picture.token()) == picture
    assert opened(draw(picture, "JPEG")).size == (64, 48)


async def test_links_outlive_a_restart_and_nonsense_is_404() -> None:
    async with serving(forms=MARKDOWN) as client:
        path = (await client.link("fox")).removeprefix(client.gateway.base_url)
    async with serving() as other:
        assert opened((await other.get(path))[2]).format == "PNG"
        for wrong in ("/files/x.png", "/files/AAAA.png", "/files/", path.replace(".png", ".exe")):
            assert (await other.get(wrong))[0] == 404
        assert other.gateway.file_requests == 5


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
        Ask(prompt=prompt, sha=prompt_digest(prompt), number=n, pictures=True, stream=stream)
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
