"""A dropped picture lands where the sheet looks for it, and nowhere else."""

import io
from pathlib import Path

import pytest
from PIL import Image

from runner.desk.pictures import picture_name
from tests.support.browser import Browser, Sight
from tests.support.desks import OpenDesk, opened_desk
from tests.support.world import World

EDIT = {"endpoint": "image-edit", "model": "mock-image"}


def png() -> bytes:
    """A small picture."""
    out = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(out, "PNG")
    return out.getvalue()


def drop(desk: OpenDesk, name: str, content: bytes) -> int:
    """Drop a picture; returns the status."""
    return desk.drop(name, content, "picture").status_code


@pytest.fixture
def sheet(world: World) -> Path:
    """A sheet that names three pictures, two of them missing."""
    (world.folder / "there.png").write_bytes(png())
    return world.sheet(
        "a.csv",
        ["prompt", "image"],
        ["edit", "pics\\a.png"],
        ["edit", "b.jpg;there.png"],
        ["edit", "https://x.example/c.png"],
    )


def test_missing_pictures_are_named_and_found_once_they_are_dropped(
    world: World, sheet: Path
) -> None:
    with opened_desk(world.folder) as desk:
        told = desk.do("check", sheet="a.csv", choices=EDIT)
        assert told["missing_pictures"] == ["pics/a.png", "b.jpg"]
        assert drop(desk, "pics/a.png", png()) == 200
        assert drop(desk, "b.jpg", png()) == 200
        told = desk.do("check", sheet="a.csv", choices=EDIT)
    assert told["missing_pictures"] == []
    assert [one["row"] for one in told["findings"]] == [4]  # this endpoint takes no addresses
    assert (world.folder / "pics" / "a.png").read_bytes() == png()


def test_no_file_is_replaced_and_only_pictures_are_taken(world: World, sheet: Path) -> None:
    (world.folder / "out").symlink_to(world.folder.parent)
    with opened_desk(world.folder) as desk:
        assert drop(desk, "there.png", b"\x89PNG\r\n\x1a\n" + b"other" * 9) == 422
        assert drop(desk, "page.png", b"<html><script>") == 422
        assert drop(desk, "out/x.png", png()) == 422
    assert (world.folder / "there.png").read_bytes() == png()
    assert not (world.folder.parent / "x.png").exists()
    assert not list(world.folder.glob(".dropped-*"))


@pytest.mark.parametrize(
    "name",
    [
        *("", "../a.png", "/a.png", "~/a.png", "a/../b.png", "a//../b.png", ".ssh/a.png"),
        *("a.exe", "a.png/", "C:\\a.png", "file:a.png", "a\x00.png", "a\u202e.png", "\\\\h\\a.png"),
        *("1/2/3/4/5/a.png", "n" * 300 + ".png", "a.csv"),
    ],
)
def test_a_path_that_leads_elsewhere_is_none(world: World, name: str) -> None:
    assert picture_name(name) is None
    with opened_desk(world.folder) as desk:
        assert drop(desk, name, png()) == 422
    assert not list(world.folder.iterdir())


def test_pictures_chosen_in_the_page_go_to_their_places(
    browser: Browser, world: World, sheet: Path
) -> None:
    world.mock()
    outside = world.folder.parent / "chosen"
    outside.mkdir()
    for name in ("A.png", "b.jpg", "unnamed.png"):
        (outside / name).write_bytes(png())

    def act(sight: Sight) -> None:
        page = sight.page
        page.locator("button.sheet").click()
        page.wait_for_selector("#endpoint")
        page.locator("#endpoint").select_option("image-edit")
        page.fill("#model", "mock-image")
        page.wait_for_selector("#choose-pictures")
        page.set_input_files("#pictures", sorted(outside.iterdir()))
        sight.wait("!document.querySelector('#missing')")
        assert not sight.problems

    with opened_desk(world.folder) as desk:
        browser.look(desk.url, act)
    assert (world.folder / "pics" / "a.png").is_file()
    assert not (world.folder / "unnamed.png").exists()
