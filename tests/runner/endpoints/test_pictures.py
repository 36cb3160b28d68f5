"""Pictures are found in megabytes of text: quickly, once each, and with their expiry."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.job import JSON, FailureClass
from jobs.result import Picture
from runner.endpoints.chat_image import ENDPOINT, Inputs
from runner.endpoints.dialects.chat import read_completion
from runner.endpoints.dialects.expiry import expires_at
from runner.endpoints.dialects.markdown_links import picture_targets, shortened, video_links
from runner.endpoints.dialects.pictures import (
    completion_pictures,
    data_pictures,
    distinct,
    no_picture,
    picture_of,
)
from runner.endpoints.dialects.usage import read_usage
from runner.endpoints.endpoint import Rejected
from runner.protocol.call import Reply
from runner.protocol.json_text import decode

MEGABYTES = 20
BIG = "iVBORw0KGgo" + "Ab9+" * (MEGABYTES * 1_000_000 // 4)


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds, which do not depend on other load of the machine."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


@pytest.mark.parametrize(
    "text",
    [
        f"![image](data:image/png;base64,{BIG})",
        f'<img src="data:image/png;base64,{BIG}">',
        f"data:image/png;base64,{BIG}",
        BIG,
        f"> ![image](data:image/png;base64,{BIG})",
    ],
    ids=["markdown", "tag", "lone", "bare", "quoted"],
)
def test_a_picture_of_twenty_megabytes_is_found_within_a_second(text: str) -> None:
    found: list[str] = []
    assert seconds(lambda: found.extend(picture_targets(text))) < 1
    (picture,) = [picture_of(target) for target in found]
    assert picture is not None
    assert picture.base64 == BIG


@pytest.mark.parametrize(
    "text",
    [
        "![" * 100_000,
        "](" * 100_000,
        "[](" * 30_000,
        "![](" + "](" * 100_000,
        "![](" * 30_000,
        "[" * 100_000 + "](",
        "![a](data:image/png;base64,AA" * 50_000,
        "![a](http://x/" + "(" * 100_000,
        "![a](http://x/a " * 30_000,
        "<img " * 30_000,
        "<img src=" * 100_000,
        "```\n" * 30_000,
        "data:image/" * 100_000,
        "data:image/png;a=b;" * 30_000,
        "http://" * 150_000,
        "\n>" * 100_000,
        "进度 " * 100_000,
        "a" * 3_000_000,
    ],
    ids=range(18),
)
def test_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    assert seconds(lambda: picture_targets(text)) < 3
    assert seconds(lambda: shortened(text)) < 3


def test_a_whole_answer_of_twenty_megabytes_is_read_in_two_seconds() -> None:
    content = f'"![image](data:image/png;base64,{BIG})"'
    body = f'{{"choices":[{{"message":{{"content":{content}}},"finish_reason":"stop"}}]}}'.encode()
    inputs = Inputs(model="m", prompt="p")
    begun = time.process_time()
    reading = ENDPOINT.read(inputs, Reply(status=200, headers={}, body=body))
    assert time.process_time() - begun < 2
    assert not isinstance(reading, Rejected)
    assert "text='![image](data:image/png;base64,…)'" in repr(reading)


def test_wrapped_base64_is_joined() -> None:
    (target,) = picture_targets("![a](data:image/png;base64,iVBO\nRw0K\r\nGgo=)")
    assert target == "data:image/png;base64,iVBORw0KGgo="


def test_a_data_uri_without_its_end_is_no_picture_of_markdown() -> None:
    assert picture_targets("![a](data:application/octet-stream;base64,AAAA") == []


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("see https://a.example/x.png.", ["https://a.example/x.png"]),
        ("(https://a.example/x.png)", ["https://a.example/x.png"]),
        ("**https://a.example/x.PNG**", ["https://a.example/x.PNG"]),
        ("https://a.example/x_(1).png", ["https://a.example/x_(1).png"]),
        ("https://a.example/page", []),
        ("https://a.example/x.png?u=http://b/y", ["https://a.example/x.png?u=http://b/y"]),
        ("![a](HTTPS://A.example/x)", ["HTTPS://A.example/x"]),
        ("![a]( https://a.example/x )", ["https://a.example/x"]),
        ("![a](https://a.example/x\n\nno end (b)", []),
        ("![a](https://a.example/x 'it')", ["https://a.example/x"]),
        ("[![t](https://a.example/t.png)](https://a.example/f.png)", ["https://a.example/t.png"]),
        ("[预览](https://a.example/p.png) [2](https://a.example/q.png)", []),
        ("![v](https://a.example/v.mp4)", []),
        ("~~~\nhttps://a.example/echo.png\n~~~", []),
    ],
)
def test_addresses_are_taken_whole_and_nothing_else(text: str, urls: list[str]) -> None:
    assert picture_targets(text) == urls


def test_videos_are_not_taken_for_pictures() -> None:
    assert video_links("[播放](https://a.example/v.mp4?x=1)") == ["https://a.example/v.mp4?x=1"]


@given(st.text(alphabet="![]()<>`\n \"'ahtps:/.ng进度data;base64,ABC=", max_size=80))
@settings(max_examples=500, deadline=None)
def test_no_text_raises(text: str) -> None:
    for target in picture_targets(text):
        picture_of(target)
    no_picture(text)


# --- structured places -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "picture"),
    [
        ({"url": "https://a.example/1"}, Picture(url="https://a.example/1")),
        ({"url": "", "b64_json": "AAAA"}, Picture(base64="AAAA")),
        ({"url": "data:image/png;base64,AAAA"}, Picture(base64="AAAA")),
        ({"b64_json": "data:image/png;base64,AAAA"}, Picture(base64="AAAA")),
        ({"image": {"url": "https://a.example/1"}}, Picture(url="https://a.example/1")),
        ({"source": {"type": "base64", "data": "AAAA"}}, Picture(base64="AAAA")),
        ({"inline_data": {"mime_type": "image/png", "data": "AAAA"}}, Picture(base64="AAAA")),
        (
            {"result": "iVBORw0KGgoAA"},
            Picture(base64="iVBORw0KGgoAA"),
        ),
        ("https://a.example/1", Picture(url="https://a.example/1")),
        ({"url": "", "b64_json": ""}, None),
        ({"url": None}, None),
        ({"url": "ftp://a.example/1"}, None),
        (None, None),
        (7, None),
    ],
)
def test_an_entry_gives_its_picture(item: JSON, picture: Picture | None) -> None:
    assert data_pictures([item]) == ((picture,) if picture else ())


def test_a_download_link_is_the_same_picture() -> None:
    first = Picture(url="https://a.example/cdn/1.png")
    assert distinct([first, Picture(url="https://a.example/cdn/download/1.png"), first]) == (first,)


def test_pictures_in_message_images_come_before_those_in_text() -> None:
    completion = read_completion(
        b'{"choices":[{"message":{"content":"![a](https://a.example/t.png)",'
        b'"images":[{"image_url":{"url":"https://a.example/i.png"}}]}}]}'
    )
    assert not isinstance(completion, Rejected)
    assert completion_pictures(completion) == (Picture(url="https://a.example/i.png"),)


# --- times -----------------------------------------------------------------------------------


def at(*moment: int) -> float:
    return datetime(*moment, tzinfo=UTC).timestamp()  # type: ignore[arg-type,misc]  # the ints of a date


@pytest.mark.parametrize(
    ("query", "moment"),
    [
        ("se=2026-11-24T00%3A00%3A00Z&sig=x", at(2026, 11, 24)),
        ("se=2026-11-24&sig=x", at(2026, 11, 24)),
        ("Expires=1795478400&Signature=x", at(2026, 11, 24)),
        ("ex=6b04d000&is=1&hm=2", float(0x6B04D000)),
        ("X-Amz-Date=20261123T230000Z&X-Amz-Expires=3600", at(2026, 11, 24)),
        ("x-oss-date=20261123T230000Z&x-oss-expires=3600", at(2026, 11, 24)),
        ("se=2026-11-24T00:00:00Z&Expires=1795474800", at(2026, 11, 23, 23)),
        ("", None),
        ("se=soon", None),
        ("Expires=0", None),
        ("Expires=99999999999999999999", None),
        ("ex=zzzzzzzz", None),
        ("ex=12", None),
        ("X-Amz-Date=20261123T230000Z", None),
        ("X-Amz-Expires=3600", None),
        ("Expires=" + "9" * 5000, None),
    ],
)
def test_a_signed_address_says_when_it_dies(query: str, moment: float | None) -> None:
    assert expires_at(f"https://a.example/x.png?{query}") == moment


def test_a_broken_address_dies_never() -> None:
    assert expires_at("http://[::1/x?se=1") is None
    assert expires_at("https://a.example/?" + "a=1&" * 5000) is None


# --- words instead of a picture --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "cause"),
    [
        ("> 失败原因：input_moderation", FailureClass.REFUSED, "moderation"),
        ("This violates our content policy", FailureClass.REFUSED, "moderation"),
        ("内容违反政策", FailureClass.REFUSED, "moderation"),
        ("含有敏感内容", FailureClass.REFUSED, "moderation"),
        ("I can't create that.", FailureClass.REFUSED, "moderation"),
        ("排队中", FailureClass.NO_RESULT, "incomplete_picture"),
        ("> 进度 20%", FailureClass.NO_RESULT, "incomplete_picture"),
        ("生成中 生成完成", FailureClass.NO_RESULT, "no_picture"),
        ("排队中 生成失败 ❌", FailureClass.SERVER, "generation_failed"),
        ("request timeout", FailureClass.SERVER, "generation_failed"),
        ("Which colour?", FailureClass.NO_RESULT, "no_picture"),
        ("", FailureClass.NO_RESULT, "no_picture"),
    ],
)
def test_words_without_a_picture_have_a_class(text: str, kind: FailureClass, cause: str) -> None:
    failure = no_picture(text)
    assert (failure.kind, failure.cause) == (kind, cause)


# --- usage -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "counts"),
    [
        ({"prompt_tokens": 5, "total_tokens": 5}, (5, None, 5, None)),
        ({"prompt_tokens": 5, "completion_tokens": 0, "total_tokens": 5}, (5, 0, 5, None)),
        ({"prompt_tokens": 5, "completion_tokens": 2}, (5, 2, 7, None)),
        ({"input_tokens": 21, "output_tokens": 4160, "total_tokens": 4181}, (21, 4160, 4181, None)),
        ({"input_tokens": 10, "cache_read_input_tokens": 90,
          "cache_creation_input_tokens": 5, "output_tokens": 7}, (105, 7, 112, 90)),
        ({"prompt_tokens": 9, "completion_tokens": 1, "input_tokens": 0, "output_tokens": 0,
          "prompt_tokens_details": {"cached_tokens": 4},
          "input_tokens_details": {"cached_tokens": 0}}, (9, 1, 10, 4)),
        ({"prompt_tokens": 0, "completion_tokens": 50, "total_tokens": 50}, (None, 50, 50, None)),
        ({"prompt_tokens": "12", "completion_tokens": 3.0}, (12, 3, 15, None)),
        ({"prompt_tokens": -1, "completion_tokens": True, "total_tokens": "x"}, (None,) * 4),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, (None,) * 4),
        ({"prompt_tokens": 10**30, "prompt_tokens_details": 3}, (None,) * 4),
    ],
)  # fmt: skip
def test_usage_is_read_in_every_spelling(
    raw: dict[str, JSON], counts: tuple[int | None, int | None, int | None, int | None]
) -> None:
    usage = read_usage(raw)
    assert usage is not None
    assert usage.raw == raw
    found = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens, usage.cached_tokens)
    assert found == counts


@pytest.mark.parametrize("raw", [None, {}, [], "x", 7])
def test_no_usage_is_none(raw: JSON) -> None:
    assert read_usage(raw) is None


def test_decoding_twenty_megabytes_takes_less_than_a_second() -> None:
    body = f'{{"data":[{{"b64_json":"{BIG}"}}]}}'.encode()
    assert seconds(lambda: decode(body)) < 1
