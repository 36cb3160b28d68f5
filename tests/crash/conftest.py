"""Fixtures of the crash tests."""

import signal
from collections.abc import Iterator

import pytest

from .prefork import POSSIBLE, Prefork

# Tests that were started in the background ignore Ctrl-C, and so would the runs they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def prefork() -> Iterator[Prefork]:
    """A process maker shared by all tests of a worker."""
    if not POSSIBLE:
        pytest.skip("this system cannot fork")
    maker = Prefork()
    yield maker
    maker.close()
