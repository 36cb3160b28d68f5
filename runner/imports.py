"""Importing much at once."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Iterator[None]:
    """No collecting of garbage meanwhile: what is imported stays, and looking at it takes long."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
