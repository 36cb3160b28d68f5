"""Fixtures of the tests with several hosts; all of these have the marker `hosts`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.hosts import HostScene, host_scene
from tests.support.postgres_server import DURABLE, Server, running_server

Make = Callable[..., HostScene]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.hosts)


@pytest.fixture(scope="session")
def durable_server() -> Iterator[Server]:
    """A PostgreSQL server that syncs its disk, or a skip that names what is missing."""
    with running_server(DURABLE) as server:
        if server is None:
            pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
        yield server


@pytest.fixture
def scene(tmp_path: Path, durable_server: Server) -> Iterator[Make]:
    """Makes scenes: `scene(rows, latency=0.3)`."""
    with ExitStack() as stack:

        def make(rows: int, **more: Any) -> HostScene:
            folder = tmp_path / f"scene-{len(made)}"
            folder.mkdir()
            made.append(stack.enter_context(host_scene(folder, durable_server, rows, **more)))
            return made[-1]

        made: list[HostScene] = []
        yield make
