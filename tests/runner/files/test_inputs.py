"""Files that rows of a shared table send are read from the target, by digest, and nowhere else."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from runner.files.attachments import AttachmentError, Reference, resolve
from runner.files.inputs import InputPlace, put_inputs
from runner.files.targets import FileNeeds, why_target_is_needed
from runner.workspace.target import open_target


def shared(tmp_path: Path) -> tuple[InputPlace, Reference]:
    """A target with a copy of one picture, and the reference to it."""
    desk = tmp_path / "desk"
    desk.mkdir()
    Image.new("RGB", (8, 8), "green").save(desk / "a.png")
    (reference,) = resolve("a.png", folder=desk)
    here = InputPlace(folder=desk, target=open_target(str(tmp_path / "share")))
    put_inputs([reference, reference], here, scratch=tmp_path / "parts")
    return replace(here, folder=tmp_path / "elsewhere", shared=True), reference


def test_a_copy_is_read_where_the_sheet_is_not(tmp_path: Path) -> None:
    place, reference = shared(tmp_path)
    found = place.load(reference)
    assert found.data == (tmp_path / "desk" / "a.png").read_bytes()
    assert (found.media_type, found.name) == ("image/png", "a.png")
    assert len(list((tmp_path / "share" / "inputs").iterdir())) == 1


def test_a_copy_of_other_bytes_is_not_sent(tmp_path: Path) -> None:
    place, reference = shared(tmp_path)
    copy = tmp_path / "share" / "inputs" / str(reference.digest)
    Image.new("RGB", (8, 8), "red").save(copy, "PNG")
    with pytest.raises(AttachmentError, match="has changed"):
        place.load(reference)
    copy.unlink()
    with pytest.raises(AttachmentError, match="not on the target"):
        place.load(reference)


@pytest.mark.parametrize("digest", [None, "", "../../etc/passwd", "a" * 63, "A" * 64, "a/b"])
def test_no_path_that_a_table_names_is_opened(tmp_path: Path, digest: str | None) -> None:
    place, _ = shared(tmp_path)
    secret = tmp_path / "desk" / "a.png"
    for value in (str(secret), "a.png", "../desk/a.png"):
        named = Reference(kind="file", value=value, digest=digest)
        with pytest.raises(AttachmentError):
            place.load(named)
        with pytest.raises(AttachmentError):
            replace(place, target=None, folder=tmp_path / "desk").load(named)


def test_a_damaged_copy_is_put_again(tmp_path: Path) -> None:
    place, reference = shared(tmp_path)
    copy = tmp_path / "share" / "inputs" / str(reference.digest)
    copy.write_bytes(b"half")
    here = replace(place, folder=tmp_path / "desk", shared=False)
    put_inputs([reference], here, scratch=tmp_path / "parts")
    assert place.load(reference).data == (tmp_path / "desk" / "a.png").read_bytes()


def test_a_picture_that_changed_while_the_sheet_was_read_is_not_copied(tmp_path: Path) -> None:
    place, reference = shared(tmp_path)
    (tmp_path / "share" / "inputs" / str(reference.digest)).unlink()
    Image.new("RGB", (8, 8), "red").save(tmp_path / "desk" / "a.png")
    here = replace(place, folder=tmp_path / "desk", shared=False)
    with pytest.raises(AttachmentError, match="has changed"):
        put_inputs([reference], here, scratch=tmp_path / "parts")


@pytest.mark.parametrize(
    ("needs", "shared_table", "target", "refused"),
    [
        (FileNeeds(), True, None, False),
        (FileNeeds(bringing="chat-image"), True, None, True),
        (FileNeeds(local_pictures=True), True, None, True),
        (FileNeeds(bringing="chat-image", local_pictures=True), True, "s3://a/b", False),
        (FileNeeds(bringing="chat-image", local_pictures=True), False, None, False),
    ],
)
def test_only_hosts_of_a_shared_table_need_a_target(
    needs: FileNeeds, shared_table: bool, target: str | None, refused: bool
) -> None:
    why = why_target_is_needed(needs, shared=shared_table, target=target)
    assert (why is not None) == refused
    assert why is None or "--files" in why
