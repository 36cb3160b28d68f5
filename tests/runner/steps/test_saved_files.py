"""Files of answers are saved and named in whole runs, and a repeat never pays again."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from jobs.store.answers import answer
from jobs.store.schema import calls
from runner.mock.picture_shapes import PictureShape
from runner.report.file_answers import MEDIA_TYPES
from runner.workspace.answers import MAX_INLINE_BYTES, AnswerFolder
from tests.support.deciding import deciding
from tests.support.trap import answer as answers
from tests.support.world import PICTURE, World

ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}


def checked(path: Path) -> str:
    """The picture's format, after reading it to the end."""
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        picture.load()
        assert picture.format is not None
        return picture.format


@pytest.mark.parametrize("faults", [["404"], ["cut"], ["reset"], ["html"], ["404", "cut", "html"]])
def test_a_download_that_fails_in_passing_is_repeated_and_nothing_is_bought(
    world: World, faults: list[str]
) -> None:
    world.mock({"cat": [f"file:{fault}" for fault in faults]})
    sheet = world.prompts("a.csv", "a cat", "a dog")
    done = world.run("run", sheet, *PICTURE)
    assert (done.code, done.posts) == (0, 2), done.err
    assert world.downloads == 2 + len(faults)
    for name in world.files(sheet):
        checked(world.workspace(sheet).files / name)
    assert not list(world.workspace(sheet).folder.rglob("*.part"))


def test_an_expired_picture_fails_its_row_and_costs_no_second_generation(world: World) -> None:
    world.mock({"cat": ["file:expired"]})
    sheet = world.prompts("a.csv", "a cat", "a dog")
    done = world.run("run", sheet, *PICTURE)
    assert (done.code, done.posts) == (4, 2), done.err
    row = world.results(sheet)[0]
    assert (row["result_status"], row["result_error_class"]) == ("failed", "file")
    assert row["result_urls"].startswith("http"), "the link was paid for"
    retried = world.run("retry", sheet, "-y")
    assert (retried.code, retried.posts) == (4, 0), retried.err


def test_retry_of_a_missing_file_downloads_and_asks_for_nothing(world: World) -> None:
    world.mock({"cat": ["file:404"] * 7})
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("run", sheet, *PICTURE)
    assert (done.code, done.posts) == (4, 1), done.err
    before = world.downloads
    retried = world.run("retry", sheet)
    assert (retried.code, retried.posts) == (0, 0), retried.err
    assert world.downloads > before
    assert world.column(sheet) == ["done"]
    assert len(world.files(sheet)) == 1


def test_the_ending_says_what_the_bytes_are(world: World) -> None:
    world.mock({f"prompt {k}": ["file:wrong"] for k in range(4)})
    sheet = world.prompts("a.csv", *(f"prompt {k}" for k in range(4)))
    assert world.run("run", sheet, *PICTURE).code == 0
    for name in world.files(sheet):
        path = world.workspace(sheet).files / name
        assert ENDINGS[checked(path)] == path.suffix


def test_names_are_made_by_the_template_with_folders_of_its_own(world: World) -> None:
    sheet = world.sheet("a.csv", ["编号", "prompt"], ["A/1", "a cat"], ["../B", "a dog"])
    done = world.run("run", sheet, *PICTURE, "--name", "{{ model }}/{{ 编号 }}-{{ n }}")
    assert done.code == 0, done.err
    names = world.files(sheet)
    assert len(names) == 2
    assert all(name.startswith("mock-image/") and name.count("/") == 1 for name in names), names


def test_rows_that_want_one_name_get_a_file_each(world: World) -> None:
    sheet = world.sheet("a.csv", ["name", "prompt"], *(["same", f"cat {k}"] for k in range(6)))
    done = world.run("run", sheet, *PICTURE, "--name", "{{ name }}")
    assert done.code == 0, done.err
    names = world.column(sheet, "result_files")
    assert len({name.casefold() for name in names}) == 6
    assert len({(world.workspace(sheet).folder / name).read_bytes() for name in names}) == 6


def test_several_pictures_of_a_row_are_all_kept(world: World) -> None:
    sheet = world.sheet("a.csv", ["prompt", "n"], ["a cat", "3"])
    done = world.run("run", sheet, *PICTURE)
    assert (done.code, done.posts) == (0, 1), done.err
    assert len(world.column(sheet, "result_files")[0].split("\n")) == 3


@pytest.mark.parametrize("form", list(PictureShape))
def test_every_shape_of_picture_answer_ends_as_a_file(world: World, form: PictureShape) -> None:
    world.mock(forms=(form,))
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("run", sheet, *PICTURE)
    assert (done.code, done.posts) == (0, 1), done.err
    assert len(world.files(sheet)) == 1, "the same picture under two links is one picture"


def test_a_picture_inside_the_answer_leaves_it_once_it_is_a_file(world: World) -> None:
    world.mock(forms=(PictureShape.INLINE,))
    sheet = world.sheet("a.csv", ["prompt", "size"], ["a cat", "2048x2048"])
    done = world.run("run", sheet, *PICTURE)
    assert done.code == 0, done.err
    path = world.workspace(sheet).files / world.files(sheet)[0]
    checked(path)
    with world.store(sheet) as store, store.read() as tx:
        stored = answer(tx, tx.execute(select(calls.c.id)).scalar_one())
    assert stored is not None
    body = AnswerFolder(path=world.workspace(sheet).answers).load(stored).body
    assert len(body) < MAX_INLINE_BYTES
    assert len(body) < path.stat().st_size
    assert b"data:image/png;base64,iVBOR" not in body
    kept = world.workspace(sheet).answers
    assert not kept.exists() or not list(kept.iterdir())


def test_files_that_were_paid_for_are_saved_although_the_key_went_bad(world: World) -> None:
    world.mock({"bad": ["401"] * 9, "cat": ["file:404"]}, key=None)
    sheet = world.prompts("a.csv", "a cat", "bad one")
    done = world.run("run", sheet, *PICTURE)
    assert done.code == 4
    assert world.column(sheet) == ["done", "failed"]


def test_a_drawing_is_kept_as_svg_and_linked_but_never_rendered(world: World) -> None:
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    inside = base64.b64encode(drawing).decode()
    with deciding(world, lambda asked: answers({"data": [{"b64_json": inside}]})):
        sheet = world.prompts("a.csv", "a cat")
        done = world.run("run", sheet, "-e", "image", "-m", "m", "-y")
        assert done.code == 0, done.err
    (name,) = world.files(sheet)
    assert name.endswith(".svg")
    workspace = world.workspace(sheet)
    assert (workspace.files / name).read_bytes() == drawing
    assert not list(workspace.folder.rglob("*.svg.jpg"))
    page = (workspace.folder / "report.html").read_text(encoding="utf-8")
    assert f'[["{name}"]]' in page, "without a thumbnail: a link"
    assert "alert(1)" not in page
    assert ".svg" not in MEDIA_TYPES, "the live page hands it out as a download"
