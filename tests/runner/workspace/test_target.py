"""A target keeps files whole, under safe names, and never replaces them by other bytes."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.exits import Refusal
from runner.workspace.target import FileTarget, FileTargetError, SharedFolder, checked, open_target
from tests.support.s3 import ACCESS, BUCKET, SECRET, S3Server, running_s3

HOSTILE = (
    *("../secret", "a/../../secret", "/etc/passwd", "//host/share", "C:/x", "c:x", "a\\b"),
    *("", ".", "a/", "a//b", "a/./b", "a\nb", "a\0b", "a\x1b[31m", "a\u2028b", "x" * 901),
    *("a/ /b", "a.", "a /b", "\ud800"),
)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with running_s3() as server:
        yield server


@pytest.fixture(params=["folder", "fsspec", "s3"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> FileTarget:
    if request.param == "folder":
        return open_target(str(tmp_path / "share"))
    if request.param == "fsspec":  # what any address without conditional puts goes through
        return _generic(tmp_path / "share")
    request.getfixturevalue("s3")
    return open_target(f"s3://{BUCKET}/{tmp_path.name}")


def _generic(folder: Path) -> FileTarget:
    from fsspec.implementations.local import LocalFileSystem  # noqa: PLC0415 - one test's

    from runner.workspace.target import RemoteStore  # noqa: PLC0415 - as above

    folder.mkdir()
    return RemoteStore(f"other://{folder}", LocalFileSystem(), str(folder))


def made(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "source"
    path.write_bytes(data)
    return path


def test_what_is_put_is_read_back(target: FileTarget, tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    assert target.put(made(tmp_path, data), "files/深/猫 1.png")
    assert target.read("files/深/猫 1.png", most=len(data)) == data
    assert target.size_of("files/深/猫 1.png") == len(data)
    assert target.digest_of("files/深/猫 1.png") == hashlib.sha256(data).digest()
    target.fetch("files/深/猫 1.png", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    assert target.address_of("files/a.png") == f"{target.address}/files/a.png"


def test_the_same_bytes_may_be_put_again_and_others_may_not(
    target: FileTarget, tmp_path: Path
) -> None:
    assert target.put(made(tmp_path, b"one"), "files/a.png")
    assert target.put(made(tmp_path, b"one"), "files/a.png")
    assert not target.put(made(tmp_path, b"two"), "files/a.png")
    assert not target.put(made(tmp_path, b"longer"), "files/a.png")
    assert target.read("files/a.png", most=10) == b"one"


def test_what_is_missing_is_missing(target: FileTarget, tmp_path: Path) -> None:
    assert target.size_of("files/a.png") is None
    assert target.digest_of("files/a.png") is None
    with pytest.raises(FileNotFoundError):
        target.read("files/a.png", most=10)
    with pytest.raises(FileNotFoundError):
        target.fetch("files/a.png", tmp_path / "back")
    target.remove("files/a.png")
    target.put(made(tmp_path, b"x"), "files/a.png")
    assert target.size_of("files") is None, "a folder is no file"
    target.remove("files/a.png")
    assert target.size_of("files/a.png") is None


def test_no_more_is_read_than_may_be(target: FileTarget, tmp_path: Path) -> None:
    target.put(made(tmp_path, b"12345"), "inputs/x")
    assert target.read("inputs/x", most=5) == b"12345"
    with pytest.raises(FileNotFoundError):
        target.read("inputs/x", most=4)


def test_a_target_is_checked_by_a_file_that_comes_back(target: FileTarget) -> None:
    target.check()
    target.check()


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_name_leaves_the_target(target: FileTarget, tmp_path: Path, name: str) -> None:
    source = made(tmp_path, b"x")
    (tmp_path / "secret").write_bytes(b"secret")
    with pytest.raises(FileNotFoundError):
        target.put(source, name)
    with pytest.raises(FileNotFoundError):
        target.read(name, most=10)
    with pytest.raises(FileNotFoundError):
        target.fetch(name, tmp_path / "back")
    with pytest.raises(FileNotFoundError):
        target.address_of(name)
    assert (tmp_path / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize("name", ["3-fox-1.png", "深/猫 1_v2.webp", "a b/…c.jpg", "x" * 900])
def test_names_that_rowmill_gives_are_taken(name: str) -> None:
    assert checked(name) == name


def test_a_link_out_of_a_shared_folder_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "key").write_bytes(b"secret")
    share = tmp_path / "share"
    (share / "files").mkdir(parents=True)
    (share / "files" / "folder").symlink_to(outside)
    (share / "files" / "key.png").symlink_to(outside / "key")
    os.mkfifo(share / "files" / "pipe.png")
    target = SharedFolder(share)
    for name in ("files/folder/key", "files/key.png", "files/pipe.png"):
        with pytest.raises(FileNotFoundError):
            target.read(name, most=100)
    with pytest.raises(FileNotFoundError):
        target.put(made(tmp_path, b"x"), "files/folder/new")
    assert sorted(path.name for path in outside.iterdir()) == ["key"]


def test_nothing_half_is_left_beside_what_was_put(tmp_path: Path) -> None:
    for target in (SharedFolder(tmp_path / "one"), _generic(tmp_path / "two")):
        target.put(made(tmp_path, b"one"), "files/a.png")
        target.put(made(tmp_path, b"two"), "files/a.png")
        root = Path(target.address.removeprefix("other://"))
        assert [path.name for path in root.rglob("*") if path.is_file()] == ["a.png"]


@pytest.mark.parametrize(
    "address",
    [
        *("memory://x", "http://a.example/b", "https://a.example/b", "nosuch://x/y", "s3://"),
        *("postgresql://a/b", "simplecache::s3://a/b", "zip://a.zip", " "),
    ],
)
def test_an_address_that_keeps_nothing_is_refused(address: str) -> None:
    with pytest.raises(Refusal):
        open_target(address)


@pytest.mark.parametrize("address", ["s3://key:secret-word@bucket/x", "ftp://me@host/secret-word"])
def test_a_password_in_an_address_is_refused_unprinted(address: str) -> None:
    with pytest.raises(Refusal) as refused:
        open_target(address)
    assert "secret-word" not in refused.value.message


def test_a_path_is_a_target_under_any_of_its_names(tmp_path: Path) -> None:
    plain = open_target(str(tmp_path / "share")).address
    assert open_target(f"file://{tmp_path}/share").address == plain
    assert open_target(f"{tmp_path}/x/../share/").address == plain


def test_a_store_that_is_away_fails_by_our_name_and_shows_no_key(tmp_path: Path) -> None:
    with running_s3() as server:
        target = open_target(f"s3://{BUCKET}/jobs")
        missing = open_target("s3://no-such-bucket/jobs")
        with pytest.raises(FileTargetError) as failed:
            missing.check()
        with pytest.raises(FileTargetError):
            missing.put(made(tmp_path, b"x"), "files/a.png")
        server.stop()
        said = f"{failed.value} {failed.value!r}"
        for work in (
            lambda: target.put(made(tmp_path, b"x"), "files/a.png"),
            lambda: target.size_of("files/a.png"),
            lambda: target.read("files/a.png", most=5),
        ):
            with pytest.raises(FileTargetError) as failed:
                work()
            said += f"{failed.value} {failed.value!r}"
        assert ACCESS not in said
        assert SECRET not in said
