"""Files of whole runs go to a target, under names of their own, before their rows are done."""

import gzip
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from jobs import failpoints
from jobs.store import Store
from jobs.store.answers import answer
from jobs.store.queue.file_names import Reservation, reserve_name
from jobs.store.queue.refetch import kept_files
from jobs.store.schema import calls
from runner.mock.picture_shapes import PictureShape
from runner.workspace.workspace import SHEET_ID
from tests.support.s3 import BUCKET, S3Server, running_s3
from tests.support.world import PICTURE, World

TARGET = f"s3://{BUCKET}/jobs"


@pytest.fixture
def s3() -> Iterator[S3Server]:
    with running_s3() as server:
        yield server


def objects(server: S3Server) -> dict[str, bytes]:
    """What the bucket holds below the target's files."""
    prefix = "jobs/files/"
    return {key.removeprefix(prefix): server.get(key) for key in server.keys(prefix)}


def the_table_names_these_bytes(world: World, sheet: Path, server: S3Server) -> None:
    with world.store(sheet) as store, store.read() as tx:
        kept = {file.name: file.sha256 for file in kept_files(tx, SHEET_ID)}
    found = objects(server)
    assert {name: hashlib.sha256(found[name]).digest() for name in kept} == kept


@pytest.mark.parametrize("form", [PictureShape.MARKDOWN, PictureShape.INLINE])
def test_pictures_go_to_the_target_and_results_give_their_address(
    world: World, s3: S3Server, form: PictureShape
) -> None:
    world.mock(forms=(form,))
    sheet = world.prompts("a.csv", "a cat", "a dog")
    done = world.run("run", sheet, *PICTURE, "--files", TARGET)
    assert (done.code, done.posts) == (0, 2), done.err
    assert f"{TARGET}/files" in done.err
    the_table_names_these_bytes(world, sheet, s3)
    found = objects(s3)
    for data in found.values():
        Image.open(io.BytesIO(data)).load()
    named = world.column(sheet, "result_files")
    assert sorted(named) == sorted(f"{TARGET}/files/{name}" for name in found)
    assert not world.files(sheet), "nothing stays beside the table"
    assert not list(world.workspace(sheet).parts.iterdir())
    assert len(list((world.workspace(sheet).folder / "thumbs").iterdir())) == 2
    assert s3.keys("jobs/answers") == [], "big answers were slimmed into the table"


def test_rows_of_one_file_name_have_a_file_each_also_where_only_the_case_differs(
    world: World, s3: S3Server
) -> None:
    sheet = world.sheet(
        "a.csv", ["prompt", "name"], ["a cat", "Fox"], ["a dog", "fox"], ["a cow", "FOX"]
    )
    done = world.run("run", sheet, *PICTURE, "--files", TARGET, "--name", "{{ name }}")
    assert done.code == 0, done.err
    the_table_names_these_bytes(world, sheet, s3)
    names = list(objects(s3))
    assert len({name.casefold() for name in names}) == 3, names


def test_a_foreign_object_under_the_name_is_left_alone(world: World, s3: S3Server) -> None:
    s3.put("jobs/files/picture.png", b"somebody's")
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *PICTURE, "--files", TARGET, "--name", "picture").code == 0
    found = objects(s3)
    assert found.pop("picture.png") == b"somebody's"
    assert list(found) == ["picture-2.png"]
    the_table_names_these_bytes(world, sheet, s3)


def test_later_commands_remember_the_target(world: World, s3: S3Server) -> None:
    sheet = world.prompts("a.csv", "a cat", "a dog")
    assert world.run("run", sheet, *PICTURE, "--files", TARGET).code == 0
    name = next(iter(objects(s3)))
    assert "good" in (told := world.run("fetch", sheet, "--verify").err) or told
    s3.delete(f"jobs/files/{name}")
    fetched = world.run("fetch", sheet, "--verify", "--json")
    assert (fetched.code, fetched.posts) == (0, 0), fetched.err
    assert [one["file"] for one in fetched.json["missing"]] == [name]
    the_table_names_these_bytes(world, sheet, s3)
    assert name in objects(s3), "its own bytes are back under its own name"
    assert not world.files(sheet)


def test_verify_finds_other_bytes_and_never_writes_over_them(world: World, s3: S3Server) -> None:
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *PICTURE, "--files", TARGET).code == 0
    (name, data), *_ = objects(s3).items()
    s3.put(f"jobs/files/{name}", bytes(len(data)))
    assert world.run("fetch", sheet, "--json").json["damaged"] == []
    fetched = world.run("fetch", sheet, "--verify", "--json")
    assert [one["file"] for one in fetched.json["damaged"]] == [name]
    the_table_names_these_bytes(world, sheet, s3)
    assert objects(s3)[name] == bytes(len(data))
    assert world.run("fetch", sheet, "--verify", "--json").json["damaged"] == []


def test_a_big_answer_is_on_the_target_before_it_is_settled(world: World, s3: S3Server) -> None:
    world.mock(forms=(PictureShape.INLINE,))
    sheet = world.sheet("a.csv", ["prompt", "size", "n"], ["a cat", "2048x2048", 3])
    words = ("run", sheet, *PICTURE, "--files", TARGET)
    world.monkeypatch.setenv(failpoints.VARIABLE, "answer.durable=kill")
    assert world.finish(world.start(*words)).code == -9
    world.monkeypatch.delenv(failpoints.VARIABLE)
    with world.store(sheet) as store, store.read() as tx:
        call = tx.execute(select(calls.c.id)).scalar_one()
        stored = answer(tx, call)
    assert stored is not None
    assert stored.body is None
    assert s3.keys("jobs/answers") == [f"jobs/answers/{call}.gz"]
    assert not world.workspace(sheet).answers.exists()
    shown = world.run("show", 2, sheet, "--answer")
    assert len(shown.out.encode()) == stored.size
    s3.put(f"jobs/answers/{call}.gz", gzip.compress(bytes(stored.size)))
    changed = world.run("show", 2, sheet, "--answer")
    assert changed.code != 0
    assert "Traceback" not in changed.err


@pytest.mark.parametrize("point", ["target.reserved", "target.put", "file.placed"])
def test_a_death_between_reserving_and_settling_costs_nothing(
    world: World, s3: S3Server, point: str
) -> None:
    world.mock(forms=(PictureShape.INLINE,))
    sheet = world.sheet("a.csv", ["prompt", "size"], ["a cat", "2048x2048"], ["a dog", "512x512"])
    words = ("run", sheet, *PICTURE, "--files", TARGET, "--name", "picture")
    world.monkeypatch.setenv(failpoints.VARIABLE, f"{point}=kill")
    assert world.finish(world.start(*words)).code == -9
    world.monkeypatch.delenv(failpoints.VARIABLE)
    assert len(objects(s3)) == (point == "target.put")
    done = world.run("run", sheet, "-y", "--name", "picture")
    assert done.code == 0, done.err
    assert len(world.calls) == 2, "each row is bought once"
    assert len(objects(s3)) == 2, "what was put before the death is used"
    the_table_names_these_bytes(world, sheet, s3)
    assert world.run("fetch", sheet, "--verify", "--json").json["damaged"] == []
    assert not s3.keys("jobs/answers")


def test_another_target_than_the_files_are_on_is_refused_before_anything_is_sent(
    world: World, s3: S3Server, tmp_path: Path
) -> None:
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *PICTURE, "--files", TARGET).code == 0
    for words in (["run", sheet, "-y"], ["fetch", sheet]):
        refused = world.run(*words, "--files", tmp_path / "other")
        assert (refused.code, refused.posts) == (3, 0), refused.err
        assert TARGET in refused.err
    local = world.prompts("b.csv", "a cow")
    assert world.run("run", local, *PICTURE).code == 0
    refused = world.run("run", local, "-y", "--files", TARGET)
    assert (refused.code, refused.posts) == (3, 0), refused.err


def test_a_target_of_the_settings_moves_no_files_of_a_sheet_that_has_them(
    world: World, s3: S3Server
) -> None:
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *PICTURE).code == 0
    world.monkeypatch.setenv("ROWMILL_FILES", TARGET)
    sheet.write_text("prompt\na cat\na dog\n", encoding="utf-8")
    assert world.run("run", sheet, "-y").code == 0
    assert len(world.files(sheet)) == 2
    new = world.prompts("b.csv", "a cow")
    assert world.run("run", new, *PICTURE).code == 0
    assert len(objects(s3)) == 1


def test_a_settings_file_beside_the_sheet_names_no_target(world: World, s3: S3Server) -> None:
    world.settings(f'[defaults]\nfiles = "{TARGET}"', trusted=False)
    sheet = world.prompts("a.csv", "a cat")
    refused = world.run("run", sheet, *PICTURE)
    assert (refused.code, refused.posts) == (3, 0), refused.err
    assert not s3.keys()


def test_a_target_that_is_away_is_told_before_anything_is_sent(world: World, s3: S3Server) -> None:
    s3.stop()
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("run", sheet, *PICTURE, "--files", TARGET)
    assert (done.code, done.posts) == (7, 0), done.err
    assert TARGET in done.err


def test_a_shared_folder_is_a_target_without_any_package(world: World, tmp_path: Path) -> None:
    share = tmp_path / "share"
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("run", sheet, *PICTURE, "--files", share)
    assert done.code == 0, done.err
    assert world.column(sheet, "result_files") == [f"{share}/files/2-a-cat-1.png"]
    assert (share / "files" / "2-a-cat-1.png").is_file()
    exported = world.run("export", sheet)
    assert f"{share}/files/2-a-cat-1.png" in exported.out


def test_the_target_that_a_table_names_is_shown_and_never_opened(
    world: World, s3: S3Server, tmp_path: Path
) -> None:
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *PICTURE, "--files", TARGET).code == 0
    world.monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine"))
    s3.stop()
    assert TARGET in world.run("export", sheet).out
    assert world.run("report", sheet).code == 0
    for words in (["run", sheet, "-y"], ["fetch", sheet]):
        refused = world.run(*words)
        assert (refused.code, refused.posts) == (3, 0), refused.err
        assert f"--files {TARGET}" in refused.err


def test_names_are_reserved_in_the_table(store: Store) -> None:
    one, other = b"1" * 32, b"2" * 32
    wishes = [
        ("a/Fox.png", one, Reservation.NEW),
        ("a/Fox.png", one, Reservation.AGAIN),
        ("a/Fox.png", other, Reservation.TAKEN),
        ("a/fox.png", one, Reservation.TAKEN),  # a twin, though of the same bytes
        ("A/FOX.PNG", other, Reservation.TAKEN),
        ("a/fo\u0308x.png", one, Reservation.NEW),
        ("a/f\u00f6x.png", other, Reservation.TAKEN),  # the same letters, composed
    ]
    with store.write() as tx:
        assert [reserve_name(tx, name, sha256) for name, sha256, _ in wishes] == [
            told for _, _, told in wishes
        ]
