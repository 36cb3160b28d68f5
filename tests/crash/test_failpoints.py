"""A run that dies at any named point loses no answer, for every kind of endpoint."""

import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from jobs.failpoints import POINTS
from runner.exits import Exit
from runner.mock.picture_shapes import PictureShape

from .audit import audit
from .harness import Photo, Scene, scene
from .prefork import Prefork

ROWS = 4
RUN = (
    "load.staged",
    "call.written",
    "call.durable",
    "call.connected",
    "call.answering",
    "answer.read",
    "answer.spooled",
    "answer.parsed",
    "answer.durable",
    "disk.flush",
    "results.part",
    "results.placed",
    "replay.begun",
    "replay.settled",
)
WRITTEN = ("answer.written",)
FILES = ("file.part", "file.placed", "file.durable")
BULK = ("bulk.part", "bulk.placed")
TARGET = ("target.reserved", "target.put", "file.durable")
TASKS = ("ticket.durable", "task.asked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of request, and the failpoints that a run of it passes."""

    name: str
    endpoint: str
    points: tuple[str, ...]
    options: tuple[str, ...] = ()
    forms: tuple[PictureShape, ...] = (PictureShape.MARKDOWN,)


TEXT, PICTURE = (*RUN, *WRITTEN), (*RUN, *WRITTEN, *FILES)
KINDS = (
    Kind(name="chat", endpoint="chat", points=TEXT),
    Kind(name="chat-stream", endpoint="chat", points=TEXT, options=("--set", "stream=true")),
    Kind(name="chat-image", endpoint="chat-image", points=PICTURE),
    Kind(
        name="chat-image-inside",
        endpoint="chat-image",
        points=(*PICTURE, *BULK),
        options=("--set", "size=2048x2048", "--set", "n=2"),
        forms=(PictureShape.INLINE,),
    ),
    Kind(
        name="chat-image-target",
        endpoint="chat-image",
        points=TARGET,
        options=("--files", "{folder}/share"),
    ),
    Kind(name="messages", endpoint="messages", points=TEXT),
    Kind(name="image", endpoint="image", points=PICTURE),
    Kind(
        name="image-edit", endpoint="image-edit", points=PICTURE, options=("--set", "image=a.png")
    ),
    Kind(name="mj-imagine", endpoint="mj-imagine", points=(*PICTURE, *TASKS)),
)
TICKETS = ("call.answering", "answer.spooled", "replay.begun", *TASKS)
QUICK = {
    "chat": TEXT,
    "chat-image-inside": (*FILES, *BULK),
    "chat-image-target": TARGET,
    "mj-imagine": TICKETS,
}
"""What the test command takes; all the others are for the long suite."""


def cells() -> list[object]:
    """Every kind with every failpoint that it passes."""
    return [
        pytest.param(
            kind, point, id=f"{kind.name}-{point}",
            marks=() if point in QUICK.get(kind.name, ()) else (pytest.mark.long,),
        )
        for kind in KINDS
        for point in kind.points
    ]  # fmt: skip


def killed_at(scene: Scene, point: str) -> list[Photo]:
    """A run that dies at a failpoint; a death during recovery needs another death before it."""
    before = killed_at(scene, "call.answering") if point.startswith("replay.") else []
    run = scene.start(concurrency=2, ROWMILL_FAILPOINT=f"{point}=kill")
    assert run.wait() == -signal.SIGKILL, f"{point} was not reached: {run.stderr}"
    return [*before, scene.photo(point)]


@pytest.mark.parametrize(("kind", "point"), cells())
def test_a_death_anywhere_loses_nothing_and_repeats_only_what_was_in_flight(
    kind: Kind, point: str, tmp_path: Path, prefork: Prefork
) -> None:
    Image.new("RGB", (16, 16), "green").save(tmp_path / "a.png")
    with scene(
        tmp_path,
        rows=ROWS,
        endpoint=kind.endpoint,
        latency=0.0,
        forms=kind.forms,
        options=tuple(word.format(folder=tmp_path) for word in kind.options),
        prefork=prefork,
    ) as one:
        photos = killed_at(one, point)
        run = one.start()
        assert run.wait() in (Exit.DONE, Exit.SOME_FAILED), run.stderr
        found = audit(one, photos)
        assert not found.problems
        if kind.endpoint.startswith("mj-"):
            assert found.repeats == 0, "a submit is never repeated by itself"


def test_every_named_place_is_passed_by_some_kind() -> None:
    of_batches = {point for point in POINTS if point.startswith("batch.")}
    assert {point for kind in KINDS for point in kind.points} == POINTS - of_batches
