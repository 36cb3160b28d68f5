"""Thumbnails are small and safe, and a hostile picture cannot harm a run."""

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from jobs.thumbnails import THUMB_EDGE_PIXELS, thumb_path
from runner.files.thumbnails import DECODER_FILE, Child, Thumbnails, make_missing
from tests.support.world import KEY, PICTURE, ROOT, World


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with a folder for files."""
    (tmp_path / "files").mkdir()
    return tmp_path


def _picture(folder: Path, name: str, size: tuple[int, int] = (800, 400)) -> Path:
    path = folder / "files" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (200, 80, 20)).save(path)
    return path


def _bomb(path: Path, width: int, height: int) -> None:
    """A small PNG of one-bit pixels that unpacks to a huge picture."""

    def part(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    lines = zlib.compress(bytes(width // 8 + 1) * height, 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = part(b"IHDR", header) + part(b"IDAT", lines) + part(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def test_a_run_leaves_a_small_jpeg_for_every_picture(world: World) -> None:
    sheet = world.sheet("a.csv", ["prompt", "group"], ["a fox", "x"], ["an owl", "y"])
    world.run("run", sheet, *PICTURE, "--name", "{{ group }}/{{ slug }}")
    names = world.files(sheet)
    assert len(names) == 2
    for name in names:
        with Image.open(thumb_path(world.workspace(sheet).folder, name)) as thumb:
            assert thumb.format == "JPEG"
            assert max(thumb.size) == THUMB_EDGE_PIXELS


@pytest.mark.parametrize("name", ["a.png", "b.jpg", "c.gif", "d.webp"])
def test_each_kind_of_picture_gets_one_with_its_shape_kept(folder: Path, name: str) -> None:
    _picture(folder, name)
    assert make_missing(folder, [name]) == 0
    with Image.open(thumb_path(folder, name)) as thumb:
        assert thumb.size == (THUMB_EDGE_PIXELS, THUMB_EDGE_PIXELS // 2)


def test_what_is_seen_through_is_laid_on_white(folder: Path) -> None:
    Image.new("RGBA", (300, 300), (0, 0, 0, 0)).save(folder / "files" / "a.png")
    make_missing(folder, ["a.png"])
    with Image.open(thumb_path(folder, "a.png")) as thumb:
        assert thumb.getpixel((9, 9)) == (255, 255, 255)


def test_a_bomb_is_refused_by_its_header_and_the_next_picture_is_made(folder: Path) -> None:
    _bomb(folder / "files" / "bomb.png", 13_000, 13_000)
    _bomb(folder / "files" / "wide.png", 30_000, 2_000)  # Pillow alone would accept this one
    (folder / "files" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    (folder / "files" / "page.png").write_bytes(postscript)
    _picture(folder, "good.png")
    names = ["bomb.png", "wide.png", "broken.png", "page.png", "good.png"]
    assert make_missing(folder, names) == 4
    assert [name for name in names if thumb_path(folder, name).exists()] == ["good.png"]
    assert not list((folder / "thumbs").glob(".*"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_a_bomb_costs_the_decoder_no_memory(folder: Path) -> None:
    _bomb(folder / "files" / "bomb.png", 13_000, 13_000)
    order = f'["{folder}/files/bomb.png", "{folder}/bomb.jpg", 256]\n'
    peak = (
        "import runpy, sys\nfrom pathlib import Path\n"
        f"runpy.run_path({str(DECODER_FILE)!r}, run_name='__main__')\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(status.partition('VmHWM:')[2].split()[0], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", peak], input=order, capture_output=True, text=True, check=True
    )
    assert "DecompressionBombWarning" in done.stdout
    assert int(done.stderr) < 100_000  # kilobytes; unpacked it would be 169 MB and more


def test_a_decoder_that_dies_is_replaced(folder: Path) -> None:
    _picture(folder, "a.png")
    target = folder / "a.jpg"
    order: list[str | int] = [str(folder / "files" / "a.png"), str(target), THUMB_EDGE_PIXELS]
    with Child() as child:
        assert child.ask(order) == ""
        process = child._process
        assert process is not None
        process.kill()
        process.wait()
        assert child.ask(order) != ""
        target.unlink()
        assert child.ask(order) == ""
    assert target.exists()


def test_the_decoder_sees_no_key_and_rowmill_never_loads_pillow_for_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _picture(folder, "a.png")
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from runner.files.thumbnails import Child\n"
        "with Child() as child:\n"
        f"    child.ask(['{folder}/files/a.png', '{folder}/a.jpg', 9])\n"
        "    path = Path(f'/proc/{child._process.pid}/environ')\n"
        "    print(path.read_bytes() if path.exists() else b'')\n"
        "print('PIL' in sys.modules)\n"
    )
    environment = os.environ | {"ROWMILL_API_KEY": KEY, "OTHER_KEY": KEY}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert KEY not in done.stdout
    assert done.stdout.endswith("False\n")


def test_a_picture_that_becomes_no_thumbnail_fails_no_row(world: World) -> None:
    sheet = world.prompts("a.csv", "a fox", "an owl")
    folder = world.workspace(sheet).folder
    folder.mkdir()
    (folder / "thumbs").write_bytes(b"")  # where the folder should be
    done = world.run("run", sheet, *PICTURE)
    assert done.code == 0, done.err
    assert world.column(sheet) == ["done", "done"]
    assert len(world.files(sheet)) == 2


def test_what_is_wanted_before_the_end_is_made_by_the_end(folder: Path) -> None:
    names = [f"{number}.png" for number in range(5)]
    thumbnails = Thumbnails(folder)
    for name in names:
        _picture(folder, name)
        thumbnails.want(name)
    thumbnails.close()
    assert all(thumb_path(folder, name).exists() for name in names)
