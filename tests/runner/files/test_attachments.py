"""Which files a cell may name, and above all which it may not."""

import base64
import io
import os
from pathlib import Path

import pytest
from PIL import Image

from jobs.job import JSON
from runner.files.attachments import MAX_PICTURE_BYTES, AttachmentError, Reference, load, resolve


def drawn(kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 3), "red").save(out, kind)
    return out.getvalue()


PNG, JPEG = drawn(), drawn("JPEG")
DATA = "data:image/png;base64," + base64.b64encode(PNG).decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sheet's folder with pictures in it and secrets beside it."""
    inside = tmp_path / "sheet"
    (inside / "pics").mkdir(parents=True)
    (inside / "cat.png").write_bytes(PNG)
    (inside / "pics" / "hund, groß.jpg").write_bytes(JPEG)
    (inside / "notes.txt").write_text("private")
    (tmp_path / "secret.png").write_bytes(PNG)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "m.png").write_bytes(PNG)
    return inside


def values(cell: JSON, folder: Path) -> list[str]:
    return [reference.value for reference in resolve(cell, folder=folder)]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (None, []),
        ("", []),
        (" \n ", []),
        ("cat.png", ["cat.png"]),
        ("./pics/../cat.png", ["./pics/../cat.png"]),
        ("pics\\hund, groß.jpg", ["pics\\hund, groß.jpg"]),
        ("cat.png; pics/hund, groß.jpg", ["cat.png", "pics/hund, groß.jpg"]),
        ("cat.png；cat.png|cat.png\r\ncat.png", ["cat.png"] * 4),
        ("https://a.com/x,y.png?a=1,2", ["https://a.com/x,y.png?a=1,2"]),
        (f"{DATA}; cat.png\n{DATA}", [DATA, "cat.png", DATA]),
        ('["https://a.com/x;y|z.png", "cat.png"]', ["https://a.com/x;y|z.png", "cat.png"]),
        (["cat.png", DATA], ["cat.png", DATA]),
    ],
)
def test_a_cell_holds_several_pictures(cell: JSON, expected: list[str], folder: Path) -> None:
    assert values(cell, folder) == expected


def test_a_file_is_known_by_what_is_in_it(folder: Path) -> None:
    (folder / "copy.png").write_bytes(PNG)
    one, two, other = resolve("cat.png;copy.png;pics/hund, groß.jpg", folder=folder)
    assert one.digest == two.digest != other.digest
    assert (one.kind, one.size) == ("file", len(PNG))
    assert one.mtime_ns == (folder / "cat.png").stat().st_mtime_ns


HOSTILE = [
    "../secret.png",
    "pics/../../secret.png",
    "pics\\..\\..\\secret.png",
    "{above}/secret.png",
    "/etc/passwd",
    "/proc/self/environ",
    "/dev/zero",
    "~/.ssh/id_rsa",
    "~root/x.png",
    "$HOME/x.png",
    "%USERPROFILE%\\x.png",
    "file:///etc/passwd",
    "FILE:cat.png",
    "ftp://a/b.png",
    "gopher://a/",
    "javascript:alert(1)",
    "\\\\host\\share\\x.png",
    "//host/share/x.png",
    "/\\host\\x.png",
    "\\/host\\x.png",
    "C:\\Users\\x\\secret.png",
    "cat.png\0.txt",
    "notes.txt",
    "pics",
    ".",
    "missing.png",
    "link.png",
    "link/secret.png",
    "loop",
    "pipe",
    "http://",
    "https://user:pw@a.com/x.png",
    "https://a.com/x y.png",
    "http://[::1/x",
    "data:image/png,abc",
    "data:image/png;base64,!!!!",
    "data:text/html;base64,PGh0bWw+",
]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and links")
@pytest.mark.parametrize("cell", HOSTILE)
@pytest.mark.timeout(10)
def test_a_cell_cannot_reach_outside(cell: str, folder: Path) -> None:
    alone: list[JSON] = [cell.format(above=folder.parent)]
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    (folder / "link").symlink_to(folder.parent)
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    with pytest.raises(AttachmentError) as caught:
        resolve(alone, folder=folder)
    assert caught.value.found
    assert caught.value.expected


@pytest.mark.parametrize("cell", [7, True, {"a": 1}, ["cat.png", 3], [""], "[1", '["cat.png"'])
def test_a_cell_of_another_kind_is_refused(cell: JSON, folder: Path) -> None:
    with pytest.raises(AttachmentError):
        resolve(cell, folder=folder)


def test_the_message_does_not_reveal_which_files_outside_exist(folder: Path) -> None:
    words = []
    for name in ("../secret.png", "../nothing.png"):
        with pytest.raises(AttachmentError) as caught:
            resolve(name, folder=folder)
        words.append(caught.value.found.replace(name, ""))
    assert words[0] == words[1]


def test_another_folder_can_be_allowed(folder: Path) -> None:
    more = folder.parent / "more"
    (folder / "link").symlink_to(more)
    for cell in ("../more/m.png", str(more / "m.png"), "link/m.png"):
        with pytest.raises(AttachmentError, match="--files-from"):
            resolve(cell, folder=folder)
        assert resolve(cell, folder=folder, allowed=[more])[0].kind == "file"
    with pytest.raises(AttachmentError):
        resolve("../secret.png", folder=folder, allowed=[more])


def test_a_linked_sheet_folder_works(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(folder)
    assert resolve("cat.png", folder=tmp_path / "alias")[0].kind == "file"


def test_a_picture_that_is_too_large_is_refused_unread(folder: Path) -> None:
    with (folder / "big.png").open("wb") as file:
        file.write(PNG)
        file.truncate(MAX_PICTURE_BYTES + 1)
    with pytest.raises(AttachmentError, match="at most 20 MB"):
        resolve("big.png", folder=folder)


def loaded(reference: Reference, folder: Path) -> tuple[str | None, bytes | None, str, str]:
    found = load(reference, folder=folder)
    return found.url, found.data, found.media_type, found.name


def test_the_bytes_are_read_when_they_are_sent(folder: Path) -> None:
    cell: JSON = ["pics/hund, groß.jpg", DATA, "https://a.com/x.png"]
    file, data, url = resolve(cell, folder=folder)
    assert loaded(file, folder) == (None, JPEG, "image/jpeg", "hund, groß.jpg")
    assert loaded(data, folder) == (None, PNG, "image/png", "")
    assert loaded(url, folder) == ("https://a.com/x.png", None, "", "")


def test_a_file_that_changed_is_refused(folder: Path) -> None:
    (reference,) = resolve("cat.png", folder=folder)
    (folder / "cat.png").write_bytes(JPEG)
    with pytest.raises(AttachmentError, match="changed"):
        load(reference, folder=folder)
    (folder / "cat.png").unlink()
    with pytest.raises(AttachmentError, match="does not exist"):
        load(reference, folder=folder)
    (folder / "cat.png").symlink_to(folder.parent / "secret.png")
    with pytest.raises(AttachmentError, match="outside"):
        load(reference, folder=folder)
