"""Thumbnails of saved pictures, made by a child process beside the run."""

import json
import logging
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from jobs.thumbnails import THUMB_EDGE_PIXELS, thumb_path
from runner.protocol.drawings import is_picture
from runner.workspace.target import FILES, FileTarget
from runner.workspace.workspace import Workspace

log = logging.getLogger(__name__)

PICTURE_SECONDS = 30.0  # seconds for one picture before the child is killed
CLOSE_SECONDS = 5.0  # seconds that the end of a run waits for the last thumbnails
COPY_THREADS = 8  # that fetch files from a target
COPIES_AHEAD = 16  # of them before they are needed
DEAD_CHILD = ""  # the answer that stands for a dead child
DECODER_FILE = Path(__file__).with_name("thumbnailer.py")
CHILD_VARIABLES = frozenset(
    {"PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG"}
)
"""The environment variables that the child gets: enough to start, and no key."""


class Thumbnails:
    """Makes the thumbnails of one workspace in turn. Its failures never fail a row.

    `want` returns at once. Missing ones are made when a report or a workbook is written
    (`make_missing`).
    """

    def __init__(self, workspace: Path, *, has_files: bool = True) -> None:
        self._workspace = workspace
        self._has_files = has_files
        self._wanted: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @classmethod
    def of_run(cls, workspace: Workspace) -> "Thumbnails":
        """Those of a run in a workspace."""
        return cls(workspace.folder, has_files=workspace.target is None)

    def want(self, file: str) -> None:
        """Queue a thumbnail of this file; the name is relative to the files folder.

        Drawings, films and sounds have none: nothing of ours renders them. Files on a target get
        theirs where a page is written.
        """
        if not is_picture(file) or not self._has_files:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="thumbnails", daemon=True)
            self._thread.start()
        self._wanted.put(file)

    def close(self) -> None:
        """Accept nothing more, and wait a moment for the queue."""
        if self._thread is not None:
            self._wanted.put(None)
            self._thread.join(CLOSE_SECONDS)

    def _work(self) -> None:
        with Child() as child:
            while (file := self._wanted.get()) is not None:
                make_one(child, self._workspace, file)


def make_missing(workspace: Path, files: Iterable[str], target: FileTarget | None = None) -> int:
    """Make all missing thumbnails; returns how many failed."""
    pictures = filter(is_picture, files)
    missing = [file for file in pictures if not thumb_path(workspace, file).exists()]
    if not missing:
        return 0
    with Child() as child:
        if target is None:
            return sum(not make_one(child, workspace, file) for file in missing)
        with fetched(target, missing) as copies:
            return sum(not _made(child, copy, workspace, file) for file, copy in copies)


def make_one(child: "Child", workspace: Path, file: str) -> bool:
    """Make one thumbnail; False if it failed."""
    return _made(child, workspace / "files" / file, workspace, file)


def _made(child: "Child", source: Path | None, workspace: Path, file: str) -> bool:
    thumb = thumb_path(workspace, file)
    if source is None or not _is_inside(thumb, workspace):
        return False
    try:
        thumb.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        log.warning("no thumbnail: %s", error)
        return False
    answer = child.ask([str(source), str(thumb), THUMB_EDGE_PIXELS])
    if answer:
        log.info("no thumbnail of %s: %s", file, answer)
    return not answer


def _is_inside(path: Path, folder: Path) -> bool:
    """True unless a name that stands in a foreign table leads out of the folder."""
    return Path(os.path.normpath(path)).is_relative_to(os.path.normpath(folder))


@contextmanager
def fetched(
    target: FileTarget, files: Iterable[str]
) -> Iterator[Iterator[tuple[str, Path | None]]]:
    """Local copies of files on a target, in order, a few ahead; None for one that is not there."""
    with tempfile.TemporaryDirectory(prefix="rowmill-") as folder:

        def copy(numbered: tuple[int, str]) -> Path | None:
            number, file = numbered
            path = Path(folder) / str(number)
            try:
                target.fetch(f"{FILES}/{file}", path)
            except OSError as error:
                log.info("no copy of %s: %s", file, error)
                return None
            return path

        def copies() -> Iterator[tuple[str, Path | None]]:
            waiting: deque[tuple[str, Future[Path | None]]] = deque()
            for numbered in enumerate(files):
                waiting.append((numbered[1], pool.submit(copy, numbered)))
                if len(waiting) > COPIES_AHEAD:
                    yield from taken(waiting)
            while waiting:
                yield from taken(waiting)

        def taken(waiting: "Waiting") -> Iterator[tuple[str, Path | None]]:
            file, copying = waiting.popleft()
            path = copying.result()
            yield file, path
            if path is not None:
                path.unlink(missing_ok=True)

        with ThreadPoolExecutor(COPY_THREADS) as pool:
            yield copies()


Waiting: TypeAlias = "deque[tuple[str, Future[Path | None]]]"


class Child:
    """The decoding process, inside `with`: started on the first request, restarted if it dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, order: list[str | int]) -> str:
        """Send one request; an empty answer is success, any other is the reason for failure."""
        process = self._running()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            answer = self._answers.get(timeout=PICTURE_SECONDS)
        except (OSError, queue.Empty):
            answer = DEAD_CHILD
        if answer == DEAD_CHILD:
            self._end()
            return "the decoder died or took too long"
        return str(json.loads(answer))

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            self._answers = queue.SimpleQueue()
            self._process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
                [sys.executable, "-P", str(DECODER_FILE)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env={name: os.environ[name] for name in CHILD_VARIABLES & os.environ.keys()},
            )
            threading.Thread(
                target=_listen, args=(self._process, self._answers), daemon=True
            ).start()
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            process.kill()  # it holds nothing that could be lost
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _listen(process: "subprocess.Popen[str]", answers: "queue.SimpleQueue[str]") -> None:
    """Put every answer into the queue, then the mark of the end."""
    assert process.stdout is not None
    with suppress(ValueError):  # closed while being read
        for line in process.stdout:
            answers.put(line)
    answers.put(DEAD_CHILD)
