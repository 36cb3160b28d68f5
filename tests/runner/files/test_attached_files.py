"""Documents, sounds and films that rows name: known by their bytes, within the sheet's folder."""

import json
from pathlib import Path

import pytest

from runner.files.attachments import AttachmentError, accepted, resolve
from runner.protocol.file_types import file_type, type_by_address
from tests.support.world import ROOT, World

ANY = accepted(("application/pdf", "audio/", "video/"))
SOUNDS = accepted(("audio/", "video/"))
HEADS = {
    b"%PDF-1.7\n": "application/pdf",
    b"RIFF\0\0\0\0WAVEfmt ": "audio/wav",
    b"ID3\4\0\0\0\0\0\0": "audio/mpeg",
    b"\xff\xfb\x90\x64": "audio/mpeg",
    b"\xff\xf3\x84\xc4": "audio/mpeg",
    b"\xff\xf1\x50\x80": "audio/aac",
    b"fLaC\0\0\0\x22": "audio/flac",
    b"OggS\0\2": "audio/ogg",
    b"\0\0\0\x18ftypM4A ": "audio/mp4",
    b"\0\0\0\x18ftypisom": "video/mp4",
    b"\0\0\0\x14ftypqt  ": "video/quicktime",
    b"\x1aE\xdf\xa3\x9f": "video/webm",
    b"\x89PNG\r\n\x1a\n": None,
    b"\xff\xd8\xff\xe0": None,
    b"RIFF\0\0\0\0WEBPVP8 ": None,
    b"<!doctype html>": None,
    b"": None,
}


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head[:12].hex())
def test_a_file_is_known_by_its_first_bytes(head: bytes) -> None:
    assert file_type(head) == HEADS[head]


def test_an_address_is_what_its_ending_says() -> None:
    assert type_by_address("https://a.example/x.PDF?sig=1") == "application/pdf"
    assert type_by_address("https://a.example/x.mp3#t") == "audio/mpeg"
    assert type_by_address("https://a.example/x") == "application/pdf"


def test_a_document_is_no_sound(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"%PDF-1.7\n")
    assert resolve("a.wav", folder=tmp_path, accepts=ANY)[0].kind == "file"
    with pytest.raises(AttachmentError, match="application/pdf, expected audio or video"):
        resolve("a.wav", folder=tmp_path, accepts=SOUNDS)


def test_a_picture_column_takes_no_document(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n")
    with pytest.raises(AttachmentError, match="PNG, JPEG, GIF or WebP"):
        resolve("a.pdf", folder=tmp_path)


def test_a_file_outside_the_sheets_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sheet").mkdir()
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n")
    with pytest.raises(AttachmentError, match="outside"):
        resolve("../a.pdf", folder=tmp_path / "sheet", accepts=ANY)


def test_a_changed_document_is_another_request(world: World) -> None:
    world.mock()
    document = world.folder / "a.pdf"
    document.write_bytes((ROOT / "samples/files/invoice.pdf").read_bytes())
    sheet = world.folder / "q.jsonl"
    sheet.write_text(json.dumps({"prompt": "Read.", "file": "a.pdf"}), encoding="utf-8")
    line = ("run", sheet, "-e", "chat", "-m", "mock-text", "-y")
    assert world.run(*line).code == 0
    document.touch()
    assert world.run(*line).code == 0
    assert sum(one["billed"] for one in world.calls) == 1
    document.write_bytes(document.read_bytes() + b"\n")
    changed = world.run(*line)
    assert changed.code == 3
    assert "file: 1 row" in changed.err
    assert world.run(*line, "--rebuy").code == 0
    assert sum(one["billed"] for one in world.calls) == 2
