"""The zip starts the desk on a machine that has neither git nor rowmill nor a network."""

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from packaging.utils import canonicalize_name, parse_wheel_filename

from start.bundle import PYTHON, SYSTEMS, bundle, gather, own_wheel, requirements_of
from tests.support.world import ROOT

START = ROOT / "start"
MINE = f"{sys.version_info.major}.{sys.version_info.minor}"
UV = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
WAIT_SECONDS = 90.0


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with our wheel, and one of uv that holds something else."""
    folder = tmp_path_factory.mktemp("wheels")
    own_wheel(folder)
    with zipfile.ZipFile(folder / "uv-1.0-py3-none-any.whl", "w") as out:
        for name in ("uv", "uv.exe"):
            out.writestr(f"uv-1.0.data/scripts/{name}", name)
    return folder


# --- the zip --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_zip_holds_what_its_system_starts_with(wheels: Path, tmp_path: Path, name: str) -> None:
    system, target = SYSTEMS[name], tmp_path / "rowmill.zip"
    bundle(system, wheels, target)
    with zipfile.ZipFile(target) as found:
        parts = {one.filename.partition("/")[2]: one for one in found.infolist()}
        texts = {part: found.read(one) for part, one in parts.items()}
    assert {system.uv, "set_up.py", "README.txt", "sheets/主图.xlsx"} <= set(parts)
    assert texts["python.txt"].decode().strip() == PYTHON
    assert texts[system.uv] == system.uv.encode()
    assert [part for part in parts if part.startswith("wheels/")] == [
        f"wheels/{texts['version.txt'].decode().strip()}"
    ]
    for part in (*system.starters, system.uv):
        assert parts[part].external_attr >> 16 & 0o111, f"{part} cannot be executed"
    for part in system.starters:
        line_ends = texts[part].count(b"\r\n") if part.endswith(".bat") else 0
        assert line_ends == (texts[part].count(b"\n") if part.endswith(".bat") else 0)
        assert part.endswith(".sh") or texts[part].isascii()


def test_the_same_wheels_make_the_same_zip(wheels: Path, tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        bundle(SYSTEMS["windows"], wheels, tmp_path / name)
        time.sleep(0.01)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_the_batch_file_does_what_the_shell_script_does() -> None:
    """The batch file cannot be run here, so its steps are held against those that are."""
    batch, shell = (START / "start.bat").read_text(), (START / "start.sh").read_text("utf-8")
    assert set(re.findall(r"\bUV_\w+|ROWMILL_\w+", batch)) == set(
        re.findall(r"\bUV_\w+|ROWMILL_\w+", shell)
    )
    assert re.findall(r"(?:uv\.exe) (\w+ ?\w*)", batch) == re.findall(r"\./uv (\w+ ?\w*)", shell)
    labels = set(re.findall(r"^:(\w+)", batch, re.MULTILINE))
    assert set(re.findall(r"goto (\w+)", batch)) <= labels


# --- starting -------------------------------------------------------------------------------------


def unpacked(folder: Path, python: str) -> Path:
    """What a zip unpacks to, with the real uv, and no wheels yet."""
    assert UV is not None
    here = folder / "我的 rowmill"
    (here / "wheels").mkdir(parents=True)
    for name in ("start.sh", "start.command", "set_up.py"):
        shutil.copy2(START / name, here / name)
    shutil.copy2(UV, here / "uv")
    (here / "python.txt").write_text(f"{python}\n", encoding="utf-8")
    (here / "version.txt").write_text("rowmill-0\n", encoding="utf-8")
    return here


def start(here: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    given = {"PATH": os.environ["PATH"], "HOME": str(here.parent), "LANG": "C.UTF-8", **variables}
    return subprocess.run(
        [here / "start.sh", *words], env=given, capture_output=True, text=True, check=False,
        timeout=WAIT_SECONDS,
    )  # fmt: skip


@contextmanager
def mirror() -> Iterator[tuple[str, list[str]]]:
    """A server without any Python, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/mirror", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("by", ["variable", "file"])
def test_python_is_fetched_from_the_mirror_that_was_set(tmp_path: Path, by: str) -> None:
    here = unpacked(tmp_path, "3.8")  # too old to be on a machine
    with mirror() as (address, asked):
        if by == "file":
            (here / "mirror.txt").write_text(f"{address}\r\n", encoding="utf-8")
        more = {"ROWMILL_PYTHON_MIRROR": address} if by == "variable" else {}
        done = start(here, UV_HTTP_RETRIES="0", **more)
    assert done.returncode == 1
    assert asked
    assert all(re.match(r"/mirror/\d+/cpython-3\.8\.", path) for path in asked)
    assert "mirror.txt" in done.stdout
    assert not (here / "environment").exists()


def test_what_cannot_be_set_up_is_said_and_leaves_nothing_half(tmp_path: Path) -> None:
    here = unpacked(tmp_path, MINE)
    done = start(here)
    assert done.returncode == 1
    assert "could not be set up" in done.stdout
    assert "rowmill" in done.stderr  # uv names what it did not find
    assert not (here / "environment").exists()


@pytest.mark.parametrize("name", ["start.sh", "start.command"])
def test_the_scripts_are_plain_shell(name: str) -> None:
    subprocess.run(["sh", "-n", START / name], check=True)


def test_the_container_file_is_linted() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [linter, START / "Containerfile"], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("", 0)


# --- with a registry ------------------------------------------------------------------------------


@pytest.mark.registry
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SYSTEMS)
def test_every_dependency_has_a_wheel_for_each_system(tmp_path: Path, name: str) -> None:
    own_wheel(tmp_path)
    gather(SYSTEMS[name], tmp_path)
    there = {parse_wheel_filename(one.name)[0]: one for one in tmp_path.glob("*.whl")}
    assert {"pyarrow", "pillow", "uv"} <= set(there)
    assert ("tzdata" in there) == (name == "windows")
    for wheel in tmp_path.glob("*.whl"):
        for one in requirements_of(wheel):
            if one.marker is None or one.marker.evaluate(dict(SYSTEMS[name].markers(PYTHON))):
                found = there[canonicalize_name(one.name)]
                assert parse_wheel_filename(found.name)[1] in one.specifier, one


@pytest.mark.registry
@pytest.mark.timeout(600)
def test_the_unpacked_zip_opens_the_desk_and_sets_up_once(tmp_path: Path) -> None:
    wheels, target = tmp_path / "wheels", tmp_path / "rowmill.zip"
    wheels.mkdir()
    own_wheel(wheels)
    gather(SYSTEMS["linux"], wheels, python=MINE)
    bundle(SYSTEMS["linux"], wheels, target, python=MINE)
    subprocess.run(["unzip", "-q", target, "-d", tmp_path / "下载 folder"], check=True)
    (here,) = (tmp_path / "下载 folder").iterdir()
    said = [_desk(here), _desk(here)]
    assert "Setting up rowmill" in said[0]
    assert "Setting up rowmill" not in said[1]
    # A Python that is gone is no reason to fail: the environment is made again.
    (here / "environment" / "bin" / "python").unlink()
    assert "Setting up rowmill" in _desk(here)


def _desk(here: Path) -> str:
    """Start the desk, look at its page, and end it; returns what was said."""
    given = {"PATH": os.environ["PATH"], "HOME": str(here.parent), "LANG": "C.UTF-8"}
    given["https_proxy"] = given["http_proxy"] = "http://127.0.0.1:9"  # there is no network
    process = subprocess.Popen(
        [here / "start.sh", "--no-open", "--port", "0"],
        env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    said = ""
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if (url := re.search(r"http://127\.0\.0\.1:\d+/\S+", line)) is not None:
                page = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url[0])
                assert page.status == 200
                break
        else:
            raise AssertionError(said)
    finally:
        process.terminate()
        process.communicate(timeout=30)
    return said
