"""What a start imports and when, and how garbage is collected meanwhile.

Importing everything that a run needs takes half a second. So each command imports little, and
`launch.launch` imports the rest phase by phase; `preload` begins a phase on a thread, while the
program waits for the disk, for the gateway or for a person.
"""

import gc
import importlib
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum


class Phase(StrEnum):
    """The parts of a run that are imported late, in their order."""

    ASK = "ask the gateway"
    AGREE = "estimate and agree"
    RUN = "run"
    FINISH = "finish"


PRELOADED: Mapping[Phase, tuple[str, ...]] = {
    Phase.ASK: ("runner.preflight.gateway_info",),
    Phase.AGREE: ("runner.launch.consent",),
    Phase.RUN: ("runner.engine.session", "runner.console.progress"),
    Phase.FINISH: (
        *("runner.launch.finish", "runner.launch.notify", "runner.launch.vectors"),
        *("jobs.export.vectors", "jobs.export.workbook", "jobs.sheet.write.parquet"),
    ),
}
"""The modules that each phase imports first; these import all others that it needs."""

HTTPX_PROGRAM = "httpx._main"
"""httpx's own command line. httpx works without it, and it loads all of rich."""

GC_THRESHOLD = 50_000  # new objects before the youngest generation is collected, during a run

_imports_under_way: list[None] = []  # on any thread
_count_lock = threading.Lock()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Import without collecting garbage: imported objects stay, and scanning them takes long.

    httpx's command line is left out, until the last thread that imports has done so.
    """
    with _count_lock:
        if not _imports_under_way:
            gc.disable()
            _bar(HTTPX_PROGRAM)
        _imports_under_way.append(None)
    try:
        yield
    finally:
        with _count_lock:
            _imports_under_way.pop()
            if not _imports_under_way:
                gc.enable()
                _unbar(HTTPX_PROGRAM)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """During a run: collect garbage less often, and leave out objects that exist already.

    Collecting takes a tenth of a run otherwise and finds nothing: calls leave no cycles behind.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _bar(name: str) -> None:
    """Make importing this module fail, so that its importer does without it."""
    sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # Python's mark for a failing import


def _unbar(name: str) -> None:
    if sys.modules.get(name) is None:
        sys.modules.pop(name, None)


def load(*phases: Phase) -> None:
    """Import the modules of these phases now."""
    with undisturbed():
        for phase in phases:
            for name in PRELOADED[phase]:
                importlib.import_module(name)


def preload(*phases: Phase, after: float = 0.0) -> None:
    """Import the modules of these phases on a thread, `after` seconds from now.

    A thread that imports one of them meanwhile waits for it. A failed import is left to the code
    that needs the module, where it raises again.
    """

    def load_later() -> None:
        time.sleep(after)
        with suppress(ImportError):
            load(*phases)

    threading.Thread(target=load_later, name=f"preload {phases[0]}", daemon=True).start()
