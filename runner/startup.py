"""Importing much at once or before it is needed, and leaving alone what was imported."""

import gc
import importlib
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HTTPX_PROGRAM = "httpx._main"
"""httpx's own command line. httpx does without where it cannot be imported; it loads rich whole."""


SELDOM = 10_000  # objects that come to be and stay, before the young ones are looked through

_under_way: list[None] = []  # imports that go on, on any thread
_counting = threading.Lock()


@contextmanager
def undisturbed() -> Iterator[None]:
    """No collecting of garbage meanwhile: what is imported stays, and looking at it takes long."""
    with _counting:
        _under_way.append(None)
        gc.disable()
    try:
        with without(HTTPX_PROGRAM):
            yield
    finally:
        with _counting:
            _under_way.pop()
            if not _under_way:
                gc.enable()


@contextmanager
def seldom_collected() -> Iterator[None]:
    """For a run: garbage is looked for less often, and not among what stands already.

    Looking takes a tenth of a run otherwise, and finds nothing: calls leave no circles behind.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(SELDOM, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def without(name: str) -> Iterator[None]:
    """This module, and what it would load, is not there for whoever asks for it meanwhile."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # as Python says "not to be had"
    try:
        yield
    finally:
        if sys.modules.get(name) is None:
            sys.modules.pop(name, None)


def begin(*names: str, after: float = 0.0) -> None:
    """Import these on a thread, so many seconds from now. Who needs one meanwhile waits for it.

    What cannot be imported is left to whoever needs it, and says so there.
    """

    def load() -> None:
        time.sleep(after)
        with suppress(ImportError), undisturbed():
            for name in names:
                importlib.import_module(name)

    threading.Thread(target=load, name=f"import {names[0]}", daemon=True).start()
