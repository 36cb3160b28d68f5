"""The only door to Ray, which starts hosts, spreads them over nodes and restarts them."""

import hashlib
import importlib
import os
import platform
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TextIO

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from jobs.store import EmptyTableError, TableError
from runner.catalogue import say
from runner.catalogue.phrases import phrase
from runner.cluster.host_line import HostPlan, WatchedRun, is_over, read_run
from runner.exits import Exit, Refusal
from runner.settings.database_place import database_place
from runner.settings.database_url import read_database_url

ADDRESS_VARIABLE = "RAY_ADDRESS"
STATISTICS_VARIABLE = "RAY_USAGE_STATS_ENABLED"
NAMESPACE = "rowmill"
PROGRAM = "runner.cli"  # by its name: the command line lies above this room
LOOK_SECONDS = 0.5
ASK_NODES_SECONDS = 60.0
LINGER_SECONDS = 30.0  # a host waits so long for its driver to ask how it ended
OBJECT_STORE_BYTES = 80 * 1024 * 1024  # next to nothing goes through it: Ray carries no rows
LAST_LINES = 6  # of what a host said


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEnd:
    """How a host ended: its exit code, and the last lines of what it said."""

    code: int
    said: str = ""


class HostProcess:
    """One host, as an actor: the program of the command line, in the actor's main thread.

    Ray calls its methods. One that was restarted goes on by itself, also where its driver is gone.
    """

    def __init__(self, plan: HostPlan) -> None:
        self._plan = plan
        self._end: HostEnd | None = None
        context = ray.get_runtime_context()
        self._me = context.current_actor
        if context.was_current_actor_reconstructed:
            self._me.work.remote()

    def work(self) -> HostEnd:
        """Be a host until the run is over; a second call tells how the first one ended."""
        if self._end is None:
            self._end = _be_host(self._plan)
            threading.Thread(target=self._leave, daemon=True).start()
        return self._end

    def _leave(self) -> None:
        """Free the node where no driver does."""
        time.sleep(LINGER_SECONDS)
        ray.kill(self._me, no_restart=True)


def _be_host(plan: HostPlan) -> HostEnd:
    if is_over(plan, _newest_run(plan)):
        return HostEnd(code=Exit.DONE)
    return _run_program(plan.words)


def _newest_run(plan: HostPlan) -> WatchedRun | None:
    """The newest run, with the password that this node has; waits for a database that is away."""
    place = database_place(read_database_url(plan.database), os.environ)
    while True:
        try:
            with place.look() as store, store.read() as tx:
                return read_run(tx)
        except EmptyTableError:
            return None
        except TableError as error:
            if error.kind != "database_unreachable":
                raise
            time.sleep(LOOK_SECONDS)


def _run_program(words: Sequence[str]) -> HostEnd:
    """Run one command line in this process; returns its exit code."""
    program = importlib.import_module(PROGRAM)
    said = _Said(sys.stderr)
    sys.argv = ["rowmill", *words]
    code = int(Exit.BUG)
    try:
        with redirect_stderr(said):
            program.main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else code
    return HostEnd(code=code, said="\n".join(said.lines))


class _Said:
    """stderr that keeps the last lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lines: list[str] = []

    def write(self, text: str) -> int:
        self.lines = [*self.lines, *filter(None, text.split("\n"))][-LAST_LINES:]
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


# --- the driver ---------------------------------------------------------------------------------


@contextmanager
def connected(hosts: int | None) -> Iterator["RayCluster"]:
    """The cluster of RAY_ADDRESS, else a Ray on this machine that ends with this program.

    Raises Refusal (3) if there is none, or if its nodes have another rowmill or Python.
    """
    os.environ.setdefault(STATISTICS_VARIABLE, "0")  # Ray would report to its makers
    elsewhere = bool(os.environ.get(ADDRESS_VARIABLE))
    folder = None if elsewhere else tempfile.mkdtemp(prefix="rowmill-ray-")
    try:
        try:
            _connect(folder, hosts)
            cluster = RayCluster(is_local=not elsewhere)
            cluster.check_nodes()
        except (RayError, RuntimeError, ConnectionError, OSError, ValueError) as error:
            why = phrase(str(error).strip().partition("\n")[0])
            raise Refusal(say("ray.unreachable", reason=why)) from error
        yield cluster
    finally:
        ray.shutdown()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _connect(folder: str | None, hosts: int | None) -> None:
    given: dict[str, Any] = {"namespace": NAMESPACE, "log_to_driver": False}
    given["logging_level"] = "error"
    if folder is not None:
        given |= {
            "address": "local",
            "include_dashboard": False,
            "_temp_dir": folder,
            "num_cpus": max(hosts or 1, os.cpu_count() or 1),
            "object_store_memory": OBJECT_STORE_BYTES,
        }
    ray.init(**given)


class RayCluster:
    """A connection to a cluster."""

    def __init__(self, *, is_local: bool) -> None:
        self.is_local = is_local

    def nodes(self) -> list[str]:
        """The nodes that are alive."""
        return [str(node["NodeID"]) for node in _nodes() if node["Alive"]]

    def check_nodes(self) -> None:
        """Raise Refusal (3) unless every node has this rowmill and this Python."""
        if self.is_local:
            return
        ours = versions_here()
        for node in self.nodes():
            there = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
            asked = ray.remote(versions_here).options(num_cpus=0, scheduling_strategy=there)
            try:
                theirs = ray.get(asked.remote(), timeout=ASK_NODES_SECONDS)
            except GetTimeoutError as error:
                raise Refusal(say("ray.silent_node", node=node[:8])) from error
            except RayError as error:  # mostly that rowmill cannot be imported there
                why = phrase(str(error).strip().rpartition("\n")[2])
                raise Refusal(say("ray.other_node", node=node[:8], reason=why)) from error
            if theirs != ours:
                told = {"node": node[:8], "theirs": " ".join(theirs), "ours": " ".join(ours)}
                raise Refusal(say("ray.other_version", **told))

    def start(self, plan: HostPlan, count: int) -> "RayHosts":
        """Start so many hosts, or find those that were started under their names before."""
        actor = ray.remote(HostProcess)
        hosts = [
            actor.options(
                name=_name(plan.database, number),
                get_if_exists=True,
                lifetime="detached",
                max_restarts=-1,
                max_task_retries=-1,
                num_cpus=1,
                scheduling_strategy="SPREAD",
            ).remote(plan)
            for number in range(count)
        ]
        return RayHosts(hosts)


class RayHosts:
    """The hosts of one run, as a driver sees them."""

    def __init__(self, hosts: Sequence[Any]) -> None:
        self._hosts = hosts
        self._open = {host.work.remote(): number for number, host in enumerate(hosts)}
        self.ends: dict[int, HostEnd] = {}

    def look(self, seconds: float) -> None:
        """Wait that long, or until one more has ended."""
        if not self._open:
            time.sleep(seconds)
            return
        ready, _ = ray.wait(list(self._open), timeout=seconds)
        for one in ready:
            number = self._open.pop(one)
            try:
                self.ends[number] = ray.get(one)
            except RayError:  # it had ended, and left before it was asked
                self.ends[number] = HostEnd(code=Exit.DONE)

    @property
    def all_ended(self) -> bool:
        """True if no host is at work any more."""
        return not self._open

    def end(self) -> None:
        """End the processes at once: after the run, or after a second Ctrl-C."""
        for host in self._hosts:
            with suppress(RayError, ValueError):  # it is gone already
                ray.kill(host, no_restart=True)


def _nodes() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]  # Ray's own
    return found


def versions_here() -> tuple[str, str]:
    """rowmill's version and Python's, where this runs."""
    try:
        ours = version("rowmill")
    except PackageNotFoundError:
        ours = "unknown"
    return f"rowmill {ours}", f"Python {platform.python_version()}"


def _name(database: str, number: int) -> str:
    """The name under which a second driver finds the same host."""
    url = read_database_url(database)
    digest = hashlib.sha256(f"{url.key_place}#{url.name}".encode()).hexdigest()[:16]
    return f"rowmill-{digest}-{number}"
