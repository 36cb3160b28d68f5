"""Picture rows work over a whole run on three endpoints: pictures resized, fields renamed."""

from pathlib import Path

import pytest
from PIL import Image

from tests.support.world import World

EDIT = ("-e", "image-edit", "-m", "gpt-image-1", "-y")
MESSAGES = ("-e", "messages", "-m", "opal-1", "-y")


def picture(folder: Path, name: str, side: int = 8) -> str:
    """A file beside the sheets that no format compresses well."""
    noise = [Image.effect_noise((side, side), 90) for _ in "RGB"]
    Image.merge("RGB", noise).save(folder / name)
    return name


def statuses(world: World) -> list[int]:
    return [call["status"] for call in world.calls]


@pytest.mark.parametrize(
    ("known", "cell", "asked"),
    [
        ("image[]", "a.png", [400, 200]),
        ("image", "a.png;b.png", [400, 200]),
        ("image[]", "a.png;b.png", [200]),
    ],
)
def test_a_server_that_knows_the_other_name_is_asked_once_more(
    world: World, known: str, cell: str, asked: list[int]
) -> None:
    world.mock({}, image_fields=(known,))
    for name in ("a.png", "b.png"):
        picture(world.folder, name)
    sheet = world.sheet("a.csv", ["prompt", "image"], ["a fox", cell])
    done = world.run("run", sheet, *EDIT)
    assert done.code == 0, done.err
    assert statuses(world) == asked


def test_a_server_that_knows_neither_name_is_asked_twice(world: World) -> None:
    world.mock({}, image_fields=("picture",))
    sheet = world.sheet("a.csv", ["prompt", "image"], ["a fox", picture(world.folder, "a.png")])
    assert world.run("run", sheet, *EDIT).code == 4
    assert statuses(world) == [400, 400]
    assert world.column(sheet, "result_error_class") == ["bad_input"]


def test_a_name_that_the_user_chose_is_the_only_one(world: World) -> None:
    world.mock({}, image_fields=("image[]",))
    sheet = world.sheet("a.csv", ["prompt", "image"], ["a fox", picture(world.folder, "a.png")])
    assert world.run("run", sheet, *EDIT, "--set", "image_field=image").code == 4
    assert statuses(world) == [400]


def test_a_picture_for_all_rows_goes_to_those_without_their_own(world: World) -> None:
    world.mock({})
    for name in ("a.png", "b.png"):
        picture(world.folder, name)
    sheet = world.sheet("a.csv", ["prompt", "image"], ["a fox", ""], ["a cat", "b.png"])
    for words, sent in (((), 2), (("--set", "image=b.png", "--rebuy"), 1)):
        done = world.run("run", sheet, *EDIT, "--set", "image=a.png", *words)
        assert done.code == 0, done.err
        assert done.posts == sent, "only the row without a picture of its own has changed"
    bare = world.prompts("b.csv", "a wolf")
    assert world.run("run", bare, *EDIT, "--set", "image=a.png").code == 0
    refused = world.run("run", bare, *EDIT, "--set", "image=missing.png")
    assert (refused.code, refused.posts) == (3, 0)
    assert "missing.png" in refused.err


def test_an_address_cannot_be_uploaded_and_stops_before_anything_is_sent(world: World) -> None:
    world.mock({})
    sheet = world.sheet("a.csv", ["prompt", "image"], ["a fox", "https://pics.example.com/a.png"])
    done = world.run("run", sheet, *EDIT)
    assert done.code == 3
    assert "https://pics.example.com/a.png" in done.err
    assert world.calls == []


def test_a_temperature_that_messages_cannot_take_stops_before_anything_is_sent(
    world: World,
) -> None:
    world.mock({})
    sheet = world.sheet("a.csv", ["prompt", "temperature"], ["a fox", "1.2"])
    done = world.run("run", sheet, *MESSAGES)
    assert done.code == 3
    assert "0 to 1" in done.err
    assert world.calls == []


def test_a_picture_over_five_megabytes_is_shrunk_for_messages(world: World) -> None:
    world.mock({})
    name = picture(world.folder, "large.png", 1400)
    assert (world.folder / name).stat().st_size > 5_242_880 * 3 // 4
    sheet = world.sheet("a.csv", ["prompt", "image"], ["What is this?", name])
    done = world.run("run", sheet, *MESSAGES)
    assert done.code == 0, done.err
    assert statuses(world) == [200]
    assert "JPEG 1400×1400" in world.results(sheet)[0]["result_text"]


def test_dall_e_2_is_given_a_png(world: World) -> None:
    world.mock({})
    sheet = world.sheet("a.csv", ["prompt", "image"], ["a fox", picture(world.folder, "a.jpg")])
    done = world.run("run", sheet, "-e", "image-edit", "-m", "dall-e-2", "-y")
    assert done.code == 0, done.err
    assert statuses(world) == [200]
