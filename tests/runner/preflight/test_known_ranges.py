"""Values outside what a service documents are named before a run, and sent all the same."""

import json

import pytest

from runner.preflight.known_ranges import outside_known_ranges
from tests.support.world import World

SIZES = {
    "auto": True,
    "1024x1024": True,
    "3840x2160": True,
    "1024×3072": True,
    "2160x3840": True,
    "1000x1000": False,  # not divisible by 16
    "1024x3088": False,  # longer than 1:3
    "4096x2048": False,  # longer than 4K
    "3840x3840": False,  # more dots than 4K
    "2K": False,
}


def named(endpoint: str, **fields: str) -> list[str]:
    found = outside_known_ranges([(2, endpoint, json.dumps(fields))])
    return [str(one.column) for one in found]


@pytest.mark.parametrize("size", SIZES)
def test_sizes_of_gpt_image_2(size: str) -> None:
    assert named("image", model="gpt-image-2", size=size) == ([] if SIZES[size] else ["size"])


def test_other_models_and_endpoints_take_what_they_like() -> None:
    assert named("image", model="seedream-5", size="2K", quality="best") == []
    assert named("chat-image", model="gpt-image-2", size="2K") == []
    assert named("image", model="gpt-image-1.5", size="2K") == []


def test_words_that_are_not_known() -> None:
    fields = {"quality": "best", "background": "blue", "output_format": "gif", "moderation": "off"}
    assert named("image-edit", model="openai/gpt-image-1.5", **fields) == list(fields)


def test_a_text_too_long_to_be_spoken() -> None:
    assert named("speech", model="tts-1-hd", prompt="x" * 4_096) == []
    assert named("speech", model="tts-1-hd", prompt="x" * 4_097) == ["prompt"]
    assert named("speech", model="cosyvoice", prompt="x" * 9_000) == []


def test_a_value_is_named_once_and_sent(world: World) -> None:
    world.mock()
    rows = (["one", "1000x1000"], ["two", "1000x1000"])
    sheet = world.sheet("a.csv", ["prompt", "size"], *rows)
    words = ("-e", "image", "-m", "gpt-image-2")
    done = world.run("check", sheet, *words)
    assert done.code == 0, done.err
    assert (done.out + done.err).count("is not known to take this") == 1
    assert world.run("run", sheet, *words, "-y").code in (0, 4)
    assert len(world.calls) == 2
