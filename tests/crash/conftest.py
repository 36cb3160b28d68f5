"""Fixtures of the crash tests."""

from collections.abc import Iterator

import pytest

from .prefork import POSSIBLE, Prefork


@pytest.fixture(scope="session")
def prefork() -> Iterator[Prefork]:
    """A maker of processes, one for all tests of a worker."""
    if not POSSIBLE:
        pytest.skip("this system cannot fork")
    maker = Prefork()
    yield maker
    maker.close()
