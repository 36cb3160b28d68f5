"""The wheel is whole: installed elsewhere, it runs what the README begins with."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from start.bundle import own_wheel
from tests.support.world import ROOT

PACKAGES = ("jobs", "runner", "migrations")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """An environment with the wheel in it, that finds our dependencies but not our source."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    places = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    words = ("install", "--quiet", "--no-deps", "--no-index", "--target", places, str(wheel))
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    # Only the path: a .pth file in it, which leads to the source, is not read from here.
    dependencies = sysconfig.get_path("purelib")
    Path(places, "dependencies.pth").write_text(f"{dependencies}\n", encoding="utf-8")
    return folder


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    with zipfile.ZipFile(wheel) as found:
        held = {name for name in found.namelist() if ".dist-info/" not in name}
    ours = {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}
    assert ours <= held
    assert all(name.split("/")[0] in PACKAGES for name in held)


def test_the_installed_wheel_runs_the_first_command_of_the_readme(
    elsewhere: Path, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    first = re.search(
        r"rowmill (rehearse \S+)$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert first is not None
    told = _rowmill(elsewhere, tmp_path, *first[1].split())
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "samples" / "animals.rehearsal" / "report.html").exists()
    where = subprocess.run(
        [elsewhere / "bin" / "python", "-c", "import runner; print(runner.__file__)"],
        cwd=tmp_path, env=_bare(tmp_path), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(elsewhere))


def test_the_installed_wheel_describes_itself(elsewhere: Path, tmp_path: Path) -> None:
    assert _rowmill(elsewhere, tmp_path, "--version").stdout.startswith("rowmill 0.")
    for what in ("schema", "man", "completion"):
        told = _rowmill(elsewhere, tmp_path, "describe", what, "-o", str(tmp_path / what))
        assert told.returncode == 0, told.stderr


def _rowmill(elsewhere: Path, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [elsewhere / "bin" / "python", "-m", "runner.cli", *words],
        cwd=folder, env=_bare(folder), capture_output=True, text=True, check=False,
    )  # fmt: skip


def _bare(folder: Path) -> dict[str, str]:
    """An environment that leads neither to our source nor to a person's settings."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "LANG": "C.UTF-8"}
