"""A Ray cluster of two nodes in a process of its own: `remove` on stdin takes the second away."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

NODE = {"num_cpus": 1, "object_store_memory": 80 * 1024 * 1024}


@dataclass(frozen=True, slots=True)
class TwoNodes:
    """The cluster, as a test sees it."""

    address: str
    process: "subprocess.Popen[str]"

    def remove_second(self) -> None:
        """Let the second node disappear without a word."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("remove\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "removed"


@contextmanager
def two_nodes(environment: Mapping[str, str]) -> Iterator[TwoNodes]:
    """Start it; whatever runs on its nodes has this environment."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.ray_cluster"],
        env={**environment, "RAY_USAGE_STATS_ENABLED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            address = next((line for line in process.stdout if line.startswith("address ")), "")
            assert address, "the cluster did not start"
            yield TwoNodes(address.split()[1], process)
        finally:
            assert process.stdin is not None
            process.stdin.close()  # ends it, and all of its nodes
            process.wait(60)


def _serve() -> None:
    # By name: Ray has no types for it, and only the process of the cluster imports Ray.
    utils: Any = importlib.import_module("ray.cluster_utils")
    cluster = utils.Cluster(
        initialize_head=True, head_node_args=NODE | {"include_dashboard": False}
    )
    second = cluster.add_node(**NODE)
    print(f"address {cluster.address}", flush=True)
    for line in sys.stdin:
        if line.strip() == "remove":
            cluster.remove_node(second, allow_graceful=False)
            print("removed", flush=True)
    cluster.shutdown()
    os._exit(0)


if __name__ == "__main__":
    _serve()
