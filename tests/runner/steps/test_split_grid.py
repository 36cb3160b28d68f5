"""A grid that is cut into four files costs nothing more, and is downloaded once."""

import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from runner.endpoints.dialects.midjourney import read_task, split_grid
from runner.protocol.call import Reply
from runner.protocol.quarters import quarters_of, whole_and_quarter
from tests.support.world import World

MJ = ("-e", "mj-imagine", "-y")
SPLIT = ("--set", "split=yes")
URL = "https://cdn.example/grid.png?a=1"


def opened(world: World, sheet: Path) -> list[Image.Image]:
    """The files of a sheet, in the order of their names."""
    folder = world.workspace(sheet).files
    return [Image.open(folder / name).convert("RGB") for name in world.files(sheet)]


def finished(**record: Any) -> Any:
    body = json.dumps({"status": "SUCCESS", "imageUrl": URL, **record}).encode()
    return split_grid(read_task(Reply(status=200, headers={}, body=body)))


def test_an_address_names_the_quarter_and_the_whole() -> None:
    assert [whole_and_quarter(one) for one in quarters_of(URL)] == [(URL, n) for n in (1, 2, 3, 4)]
    assert whole_and_quarter(URL) == (URL, None)
    assert whole_and_quarter(f"{URL}#rowmill-quarter=5")[1] is None


def test_four_pictures_that_the_proxy_sends_are_taken_as_they_are() -> None:
    singles = [f"https://cdn.example/{number}.png" for number in range(4)]
    found = finished(imageUrls=[{"url": one} for one in singles])
    assert [one.url for one in found.pictures] == singles
    assert [one.url for one in finished().pictures] == list(quarters_of(URL))


def test_the_quarters_are_the_grid(world: World) -> None:
    world.mock(task_seconds=0.1)
    sheet = world.prompts("a.txt", "a heron --ar 3:2")
    done = world.run("run", sheet, *MJ, *SPLIT)
    assert done.code == 0, done.err
    assert (world.downloads, len(world.calls)) == (1, 1)
    urls = world.column(sheet, "result_urls")[0].splitlines()
    assert [whole_and_quarter(url)[1] for url in urls] == [1, 2, 3, 4]
    grid = Image.open(io.BytesIO(httpx.get(urls[0]).content)).convert("RGB")
    pieces = opened(world, sheet)
    assert len(pieces) == 4
    across, down = (0, grid.width // 2, grid.width), (0, grid.height // 2, grid.height)
    for number, piece in enumerate(pieces):
        right, lower = number % 2, number // 2
        box = (across[right], down[lower], across[right + 1], down[lower + 1])
        assert piece.size == (box[2] - box[0], box[3] - box[1])
        assert piece.tobytes() == grid.crop(box).tobytes()
    assert not list(world.workspace(sheet).parts.glob("*"))
    assert len(world.column(sheet, "result_files")[0].splitlines()) == 4


def test_a_death_between_the_quarters_submits_nothing_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.mock(task_seconds=0.1)
    sheet = world.prompts("a.txt", "a heron --ar 3:2")
    monkeypatch.setenv("ROWMILL_FAILPOINT", "file.placed=kill@3")
    assert world.finish(world.start("run", sheet, *MJ, *SPLIT)).code == -9
    monkeypatch.delenv("ROWMILL_FAILPOINT")
    done = world.run("run", sheet)
    assert done.code == 0, done.err
    assert len(world.files(sheet)) == 4
    assert len(world.calls) == 1
    (world.workspace(sheet).files / world.files(sheet)[2]).unlink()
    assert world.run("fetch", sheet).code == 0
    assert len(world.files(sheet)) == 4
