"""The mock gateway draws prompts into pictures and returns them in every known form."""

import base64
import csv
import json
import re
from itertools import combinations
from typing import Any

import openpyxl
import pytest
from PIL import ImageFont

from runner.mock.picture_shapes import PictureShape
from runner.mock.pictures.draw import FONT, draw
from runner.mock.pictures.picture import MockPicture, drawable, picture_of
from tests.support.mock_client import MARKDOWN, SAMPLES, Client, chat_body, opened, serving


def pictures_in(answer: Any) -> list[str]:
    """Every result picture in an answer, for each known form."""
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


@pytest.mark.parametrize("form", list(PictureShape))
async def test_every_form_holds_as_many_pictures_as_asked(form: PictureShape) -> None:
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
        assert ("[点击下载]" in shape) == (form in (PictureShape.DOWNLOADS, PictureShape.PROGRESS))
        assert ("[100]" in shape) == (form is PictureShape.PROGRESS)
        assert ("base64," in shape) == (form in (PictureShape.INLINE, PictureShape.IMAGES))


async def test_previews_and_download_links_work_too() -> None:
    async with serving(forms=(PictureShape.PROGRESS,)) as client:
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
        assert len(set(shapes[0])) == len(PictureShape)


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
    async with serving(
        forms=(PictureShape.DATA, PictureShape.MARKDOWN, PictureShape.IMAGES)
    ) as client:
        for number in range(6):
            body = chat_body(f"cat {number}", "mock-image", stream=True, size="16x16")
            _, headers, stream = await client.post(body)
            assert headers["Content-Type"] == "text/event-stream"
            assert b"/files/" in stream or b'"images":[' in stream


def shape(prompt: str) -> bytes:
    """The pixels with ink, whatever its colour: 1 for each pixel closer to ink than to paper."""
    drawn = opened(draw(MockPicture(prompt=prompt, ask=0, number=1), "PNG")).convert("L")
    darkest, paper = drawn.getextrema()
    assert isinstance(darkest, int)
    assert isinstance(paper, int)
    middle = (darkest + paper) // 2
    return bytes(tone < middle for tone in drawn.tobytes())


def differing(one: str, other: str) -> int:
    """The number of pixels in which two shapes differ; edges round differently for each colour."""
    return sum(here != there for here, there in zip(shape(one), shape(other), strict=True))


def test_chinese_is_drawn_and_not_boxes() -> None:
    box = "\ue000"  # any character that the font lacks
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
    pictures = [draw(MockPicture(prompt=text, ask=0, number=1), "PNG") for text in ("fox", "owl")]
    assert len({opened(picture).getpixel((1, 1)) for picture in pictures}) == 2


@pytest.mark.parametrize("text", ["漢字🦊" * 500, "\ud800 lone", "", "a" * 5000, "x\x00y\n\n z"])
def test_any_prompt_fits_into_its_link_and_can_be_drawn(text: str) -> None:
    picture = MockPicture(prompt=drawable(text), ask=3, number=2, width=64, height=48)
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
