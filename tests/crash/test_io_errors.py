"""No acknowledged answer is lost if the n-th write or flush fails."""

import shutil
import subprocess
from pathlib import Path

import pytest

from runner.exits import Exit
from runner.mock.picture_shapes import PictureShape

from .audit import audit
from .harness import scene
from .prefork import Prefork

SOURCE = Path(__file__).parent / "io_errors.c"
ENDS = (*map(int, Exit), -6)


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes writes fail."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler (Debian: gcc libc6-dev)")
    made = tmp_path_factory.mktemp("shim") / "io_errors.so"
    words = [compiler, "-shared", "-fPIC", "-o", str(made), str(SOURCE), "-ldl"]
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"the library cannot be compiled: {done.stderr.decode()[:200]}")
    return made


def one_error(at: int, endpoint: str, tmp_path: Path, shim: Path, prefork: Prefork) -> str:
    """Fail a run's `at`-th write, then run on a good disk: nothing acknowledged is lost."""
    with scene(
        tmp_path, rows=12, endpoint=endpoint, latency=0.02, forms=(PictureShape.MARKDOWN,)
    ) as one:
        folder = str(one.workspace.folder)
        run = one.start(concurrency=4, LD_PRELOAD=str(shim), EIO_FOLDER=folder, EIO_AT=str(at))
        assert run.wait() in ENDS, run.stderr
        told = f"error at {at}: exit {run.process.returncode}"
        photos = [one.photo("after")] if one.workspace.table.exists() else []
        one.prefork = prefork
        assert one.start().wait() == Exit.DONE, one.runs[-1].stderr
        problems = audit(one, photos).problems
        # An answer that neither spool nor table accepted was only in memory.
        assert not [text for text in problems if not text.startswith("I4")], told
        assert one.calls() <= 12 + 8, "repeats are at most what was in flight"
        return told


@pytest.mark.parametrize("at", [12, 40, 120])
def test_an_io_error_anywhere_loses_nothing_that_was_acknowledged(
    at: int, tmp_path: Path, shim: Path, prefork: Prefork
) -> None:
    print(one_error(at, "chat-image", tmp_path, shim, prefork))


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("endpoint", ["chat", "chat-image"])
def test_an_io_error_at_each_of_six_hundred_places_loses_nothing(
    endpoint: str, tmp_path: Path, shim: Path, prefork: Prefork
) -> None:
    for at in range(1, 301):
        one_error(at, endpoint, tmp_path / str(at), shim, prefork)
    print(f"300 places with {endpoint}")
