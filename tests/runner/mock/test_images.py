"""The mock's image endpoints are as strict as OpenAI's, and our endpoints read their answers."""

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
from runner.endpoints import image, image_edit
from runner.endpoints.endpoint import AnyEndpoint, Rejected
from runner.mock.faults import FaultPlan
from runner.mock.gateway import MockGateway
from runner.mock.settings import MockSettings
from runner.protocol.call import Call, Part, Reply
from runner.protocol.pictures import Attachment
from runner.protocol.verdict import classify
from runner.transport.bodies import encoded

KEY = {"Authorization": "Bearer sk-good"}


def drawn(kind: str = "PNG", size: tuple[int, int] = (8, 8)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, kind)
    return out.getvalue()


PNG = Attachment(data=drawn(), media_type="image/png", name="a.png")
JPEG = Attachment(data=drawn("JPEG"), media_type="image/jpeg", name="b.jpg")
WIDE = Attachment(data=drawn(size=(12, 8)), media_type="image/png", name="c.png")


class Client:
    """A plain HTTP client of one gateway."""

    def __init__(self, gateway: MockGateway, session: aiohttp.ClientSession) -> None:
        self.gateway = gateway
        self.session = session

    async def send(self, call: Call) -> Reply:
        body = encoded(call).encoded
        assert body is not None
        headers = {**KEY, "Content-Type": body.media_type}
        url = self.gateway.base_url + call.path
        async with self.session.post(url, data=body.content, headers=headers) as reply:
            return Reply(status=reply.status, headers={}, body=await reply.read())

    async def draw(self, model: str, **given: Any) -> Any:
        """What our endpoint reads from the answer to its own request."""
        return await self._read(image.ENDPOINT, image.Inputs(model=model, prompt="A fox", **given))

    async def edit(self, model: str, *pictures: Attachment, **given: Any) -> Any:
        inputs = image_edit.Inputs(model=model, prompt="A fox", image=pictures, **given)
        return await self._read(image_edit.ENDPOINT, inputs)

    async def _read(self, kind: AnyEndpoint, inputs: Any) -> Any:
        reply = await self.send(kind.build(inputs))
        return kind.read(inputs, reply) if reply.status == 200 else classify(reply)


@asynccontextmanager
async def serving(*faults: str, **settings: Any) -> AsyncIterator[Client]:
    plan = FaultPlan.scripted({"": faults})
    async with (
        MockGateway(MockSettings(faults=plan, **settings)) as gateway,
        aiohttp.ClientSession() as session,
    ):
        yield Client(gateway, session)


def opened(coded: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(coded)))


def generation(**fields: object) -> Call:
    return Call(path="/v1/images/generations", json={"prompt": "A fox", **fields})  # type: ignore[dict-item]  # wrong ones too


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"prompt": "", "model": "dall-e-3"}, "missing_required_parameter"),
        ({}, "missing_required_parameter"),
        ({"model": "gpt-image-1", "response_format": "b64_json"}, "unknown_parameter"),
        ({"model": "gpt-image-1", "style": "vivid"}, "unknown_parameter"),
        ({"model": "gpt-image-1", "quality": "hd"}, "invalid_value"),
        ({"model": "dall-e-3", "n": 2}, "invalid_n"),
        ({"model": "dall-e-3", "quality": "high"}, "invalid_value"),
        ({"model": "dall-e-3", "size": "512x512"}, "invalid_value"),
        ({"model": "dall-e-3", "stream": True}, "unknown_parameter"),
        ({"model": "flux-9", "n": 11}, None),
        ({"model": "flux-9", "size": "512×512"}, None),
        ({"model": "flux-9", "n": "2"}, "invalid_type"),
        ({"model": "flux-9", "response_format": "png"}, "invalid_value"),
    ],
)
async def test_a_wrong_generation_is_refused_for_free(
    fields: dict[str, object], code: str | None
) -> None:
    async with serving() as client:
        reply = await client.send(generation(**fields))
        assert reply.status == 400
        assert json.loads(reply.body)["error"]["code"] == code
        assert [request.billed for request in client.gateway.requests] == [False]


async def test_dall_e_3_gives_an_address_and_the_prompt_it_drew() -> None:
    async with serving() as client:
        result = await client.draw("dall-e-3", size="1024×1024", quality="hd", style="vivid")
        assert isinstance(result, Result)
        (picture,) = result.pictures
        assert result.usage is None
        assert result.data["revised_prompts"] == ["A picture of A fox"]
        assert picture.url is not None
        async with client.session.get(picture.url) as found:
            assert Image.open(io.BytesIO(await found.read())).size == (1024, 1024)
        (request,) = client.gateway.requests
        assert (request.endpoint, request.price) == ("/v1/images/generations", 0.02)


async def test_base64_comes_where_it_was_asked_for() -> None:
    async with serving() as client:
        result = await client.draw("dall-e-2", n=2, size="256x256", response_format="b64_json")
        assert [opened(one.base64).size for one in result.pictures] == [(256, 256)] * 2
        assert client.gateway.requests[0].price == 0.04


async def test_gpt_image_is_always_base64_with_its_usage() -> None:
    async with serving() as client:
        result = await client.draw(
            "gpt-image-1", output_format="jpeg", output_compression=80, response_format="url"
        )
        assert opened(result.pictures[0].base64).format == "JPEG"
        assert result.usage.total_tokens > 1000
        assert result.data["notes"] == ["response_format was not sent: gpt-image-1 refuses it"]


async def test_a_streamed_picture_is_the_finished_one() -> None:
    async with serving() as client:
        result = await client.draw("gpt-image-2", stream=True, partial_images=2, size="256x256")
        assert [opened(one.base64).size for one in result.pictures] == [(256, 256)]
        assert result.usage.total_tokens > 1000


@pytest.mark.parametrize("fault", ["stream_unfinished", "stream_false_done"])
async def test_a_stream_of_previews_only_is_in_doubt(fault: str) -> None:
    async with serving(fault) as client:
        rejected = await client.draw("gpt-image-2", stream=True)
        assert isinstance(rejected, Rejected)
        assert rejected.failure.cause == "cut_stream"
        assert client.gateway.requests[0].billed


@pytest.mark.parametrize("fault", ["refusal", "moderation"])
async def test_what_is_not_drawn_is_an_error_and_free(fault: str) -> None:
    async with serving(fault) as client:
        verdict = await client.draw("gpt-image-1")
        assert verdict.action == "fail"
        assert verdict.failure.kind == "refused"
        assert not client.gateway.requests[0].billed


async def test_an_answer_without_pictures_is_billed() -> None:
    async with serving("empty_choices") as client:
        rejected = await client.draw("dall-e-3")
        assert rejected.failure.cause == "no_picture"
        assert client.gateway.requests[0].billed


@pytest.mark.parametrize(("fault", "status"), [("429", 429), ("502", 502), ("html", 200)])
async def test_the_gateways_own_faults_are_those_of_chat(fault: str, status: int) -> None:
    async with serving(fault) as client:
        reply = await client.send(generation(model="dall-e-3"))
        assert reply.status == status
        assert client.gateway.requests[0].billed == (fault != "429")
        assert (await client.send(generation(model="dall-e-3"))).status == 200


# --- edits --------------------------------------------------------------------------------------


async def test_one_square_png_is_changed_by_dall_e_2() -> None:
    async with serving() as client:
        result = await client.edit("dall-e-2", PNG, mask=(PNG,), size="256x256")
        assert isinstance(result, Result)
        assert result.pictures[0].url
        (request,) = client.gateway.requests
        assert (request.endpoint, request.billed) == ("/v1/images/edits", True)


async def test_gpt_image_puts_several_pictures_together() -> None:
    async with serving() as client:
        result = await client.edit("gpt-image-1", PNG, JPEG, quality="medium", n=2)
        assert len(result.pictures) == 2
        details = result.usage.raw["input_tokens_details"]
        assert details["image_tokens"] > 0


async def test_an_edit_may_be_streamed() -> None:
    async with serving() as client:
        result = await client.edit("gpt-image-1", PNG, stream=True, partial_images=1)
        assert len(result.pictures) == 1


@pytest.mark.parametrize(
    ("model", "pictures", "mask"),
    [
        ("dall-e-2", (JPEG,), ()),
        ("dall-e-2", (WIDE,), ()),
        ("dall-e-2", (PNG, PNG), ()),
        ("gpt-image-1", (PNG,), (WIDE,)),
        ("gpt-image-1", (PNG,), (JPEG,)),
        ("gpt-image-1", (Attachment(data=b"none", media_type="image/png"),), ()),
        ("gpt-image-1", (PNG,) * 17, ()),
    ],
)
async def test_pictures_that_do_not_fit_are_refused_for_free(
    model: str, pictures: tuple[Attachment, ...], mask: tuple[Attachment, ...]
) -> None:
    async with serving() as client:
        verdict = await client.edit(model, *pictures, mask=mask)
        assert verdict.failure.cause == "bad_request"
        assert [request.billed for request in client.gateway.requests] == [False]


def form(*parts: Part) -> Call:
    fields = (Part(name="model", content=b"gpt-image-1"), Part(name="prompt", content=b"A fox"))
    return Call(path="/v1/images/edits", parts=(*fields, *parts))


def file(name: str = "image", media_type: str = "image/png") -> Part:
    return Part(name=name, content=drawn(), filename="a.png", media_type=media_type)


@pytest.mark.parametrize(
    "call",
    [
        form(),
        form(file("picture")),
        form(file(), file()),
        form(file(), file("mask"), file("mask")),
        form(file(media_type="application/octet-stream")),
        form(file(), Part(name="response_format", content=b"b64_json")),
        form(file(), Part(name="n", content=b"two")),
        form(file(), Part(name="n", content=b"1"), Part(name="n", content=b"1")),
        Call(path="/v1/images/edits", json={"model": "gpt-image-1", "prompt": "A fox"}),
    ],
    ids=range(9),
)
async def test_a_wrong_form_is_refused_for_free(call: Call) -> None:
    async with serving() as client:
        assert (await client.send(form(file()))).status == 200
        reply = await client.send(call)
        assert reply.status == 400, reply.body
        assert [request.billed for request in client.gateway.requests] == [True, False]


@pytest.mark.parametrize("known", ["image", "image[]"])
async def test_a_server_may_know_only_one_name(known: str) -> None:
    async with serving(image_fields=(known,)) as client:
        found = [await client.edit("gpt-image-1", PNG, image_field=name) for name in NAMES]
        assert [isinstance(one, Result) for one in found] == [name == known for name in NAMES]
        (refused,) = [one for one in found if not isinstance(one, Result)]
        assert refused.failure.cause == "image_field"


NAMES = ("image", "image[]")
