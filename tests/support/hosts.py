"""Hosts on one shared table: real processes, a database on disk, a gateway that counts."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from jobs.place import DatabasePlace
from runner import cli
from runner.mock.chance import prompt_digest
from runner.mock.server_thread import MockThread
from runner.mock.settings import MockSettings
from runner.views.audit import compare
from tests.support.postgres_server import Server
from tests.support.world import GENERATIONS

ROOT = Path(cli.__file__).parents[1]
KEY = "sk-hostscanary5d2c81f0aa"
LOST_AFTER = 3
MAX_WAIT_SECONDS = 100.0
SETTINGS = "[limits]\nlost_after = {lost_after}\ntimeout = {timeout}\n"
IN_FULL = (None, "slow")  # the bill's fault column for calls whose answer was sent in full


@dataclass(slots=True)
class Host:
    """One process of the real command, as if on a machine of its own."""

    name: str
    process: "subprocess.Popen[bytes]"
    told: Path  # its stderr

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def out(self) -> str:
        """What it wrote to stdout."""
        return self.told.with_suffix(".out").read_text(encoding="utf-8", errors="replace")

    @property
    def err(self) -> str:
        """What it wrote to stderr."""
        return self.told.read_text(encoding="utf-8", errors="replace")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self.process.kill()
        self.process.wait()

    def wait(self, max_seconds: float = MAX_WAIT_SECONDS) -> int:
        """Its exit code; a process that does not end is killed and fails the test."""
        try:
            return self.process.wait(max_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end:\n{self.err}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the table and the gateway's bill say in the end."""

    rows: dict[str, int]  # by state of their job
    billed: int
    twice: int  # billed calls beyond one for each row
    lost: int  # answers sent in full whose row is neither done nor in doubt
    open_calls: int
    in_doubt_calls: int
    held: float  # money, of the newest run
    unknown_to_us: tuple[str, ...]  # billed and not in our books
    unpaid: tuple[str, ...]  # paid in our books and not on the bill
    hosts: dict[str, int]  # by state

    def assert_whole(self, *, twice: int = 0) -> None:
        """Nothing lost, nothing left running, the bill is ours, paid twice at most as named."""
        problems = {
            "lost": self.lost,
            "running": self.rows.get("running", 0),
            "open calls": self.open_calls,
            "unknown": self.unknown_to_us,
            "unpaid": self.unpaid,
            "live hosts": self.hosts.get("live", 0) + self.hosts.get("leaving", 0),
        }
        assert not any(problems.values()), (problems, self)
        assert self.twice <= twice, self


@dataclass(slots=True)
class HostScene:
    """One sheet in a database, a gateway with a bill, and hosts that are started by name."""

    folder: Path
    server: Server
    database: str
    prompts: tuple[str, ...]
    name: str = "prompts.csv"
    endpoint: str = "chat"
    model: str = "mock-text"
    options: tuple[str, ...] = ()
    lost_after: float = LOST_AFTER
    timeout: float = 10.0  # seconds of one call
    address: str = ""  # what hosts are given as the database's, if it is not its own
    gateway: MockThread | None = None
    hosts: list[Host] = field(default_factory=list)

    @property
    def sheet(self) -> Path:
        """The sheet that `write_sheet` writes; each machine is given a copy of it."""
        return self.folder / "desk" / self.name

    @property
    def url(self) -> str:
        """The address of the workspace, for a host that has no sheet."""
        return f"{self.address or self.database}#{self.name}"

    @property
    def place(self) -> DatabasePlace:
        return DatabasePlace(url=self.database, name=self.name)

    @property
    def bill(self) -> Path:
        return self.folder / "bill.jsonl"

    def write_sheet(self) -> None:
        """Write the sheet: an id and a prompt for each row."""
        self.sheet.parent.mkdir(parents=True, exist_ok=True)
        lines = [f'row-{number},"{prompt}"\n' for number, prompt in enumerate(self.prompts, 1)]
        self.sheet.write_text("id,prompt\n" + "".join(lines), encoding="utf-8")

    def sheet_at(self, machine: str) -> Path:
        """The copy of the sheet that a machine has."""
        copy = self.home(machine) / self.name
        copy.write_bytes(self.sheet.read_bytes())
        return copy

    # --- processes --------------------------------------------------------------------------------

    def start(
        self,
        *more: str,
        machine: str = "desk",
        joins: bool = False,
        concurrency: int = 8,
        **env: str,
    ) -> Host:
        """Start `run`: with the sheet, or by the address alone, as a host that joins does."""
        where = (
            [self.url]
            if joins
            else [str(self.sheet_at(machine)), "--db", self.address or self.database]
        )
        words = ["run", *where, "-c", str(concurrency), "-y", "--progress", "none"]
        if not joins:
            words += ["-e", self.endpoint, "-m", self.model, *self.options]
        return self.command(*words, *more, machine=machine, **env)

    def command(self, *words: str, machine: str = "desk", **env: str) -> Host:
        """Start any command as a process of one machine."""
        told = self.folder / f"{len(self.hosts):03}-{machine}.err"
        with told.open("wb") as err, told.with_suffix(".out").open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "runner.cli", *words],
                env=self.environment(machine) | env,
                cwd=self.home(machine),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        self.hosts.append(Host(name=f"{machine}:{process.pid}", process=process, told=told))
        return self.hosts[-1]

    def home(self, machine: str) -> Path:
        """The home folder of a machine."""
        home = self.folder / "machines" / machine
        home.mkdir(parents=True, exist_ok=True)
        return home

    def environment(self, machine: str) -> dict[str, str]:
        """The environment of a process: its own home folder, the gateway and a key."""
        assert self.gateway is not None
        home = self.home(machine)
        config = home / "settings.toml"
        text = SETTINGS.format(lost_after=self.lost_after, timeout=self.timeout)
        config.write_text(text, encoding="utf-8")
        places = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
        return {
            **{name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ},
            **dict.fromkeys(places, str(home)),
            "PYTHONPATH": str(ROOT),
            "ROWMILL_API_KEY": KEY,
            "ROWMILL_BASE_URL": self.gateway.base_url,
            "ROWMILL_CONFIG": str(config),
            "LANG": "C.UTF-8",
        }

    def wait(self, hosts: Sequence[Host] | None = None) -> list[int]:
        """The exit codes of hosts, of all of them if none are named."""
        return [host.wait() for host in (self.hosts if hosts is None else hosts)]

    def until(self, happened: Callable[[], bool], max_seconds: float = MAX_WAIT_SECONDS) -> None:
        """Wait for something; fail with what the hosts said if it does not happen."""
        deadline = time.monotonic() + max_seconds
        while not happened():
            if time.monotonic() > deadline or not any(host.alive for host in self.hosts):
                if happened():
                    return
                said = "\n".join(f"{host.name}: {host.err[-1500:]}" for host in self.hosts)
                raise AssertionError(f"waited in vain\n{said}")
            time.sleep(0.02)

    def close(self) -> None:
        """Kill what still runs."""
        for host in self.hosts:
            if host.alive:
                host.signal(signal.SIGCONT)
                host.kill()

    # --- what became of it ------------------------------------------------------------------------

    def asked(self) -> int:
        """How many generation requests the gateway has read."""
        assert self.gateway is not None
        return sum(one.endpoint in GENERATIONS for one in self.gateway.gateway.requests)

    def billed(self) -> list[dict[str, Any]]:
        """The generations on the bill that were charged, in order."""
        if not self.bill.exists():
            return []
        lines = map(json.loads, self.bill.read_text(encoding="utf-8").splitlines())
        return [one for one in lines if one["endpoint"] in GENERATIONS and one["billed"]]

    def query(self, words: str) -> list[tuple[Any, ...]]:
        """Rows of the workspace's tables, by a connection of its own; none before they exist."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            made = connection.execute("SELECT to_regclass('rowmill.sheets') IS NOT NULL").fetchone()
            if made is None or not made[0]:
                return []
            found = connection.execute(
                "SELECT schema FROM rowmill.sheets WHERE sheet = %s", [self.name]
            ).fetchone()
            if found is None:
                return []
            connection.execute(f"SET search_path TO {found[0]}".encode())
            return connection.execute(words.encode()).fetchall()

    def done(self) -> int:
        """How many jobs are done."""
        return sum(n for state, n in self._states().items() if state == "done")

    def _states(self) -> dict[str, int]:
        return dict(self.query("SELECT state, count(*) FROM jobs WHERE listed GROUP BY 1"))

    def books(self) -> Books:
        """The table beside the bill."""
        billed = Counter(one["prompt_sha"] for one in self.billed())
        states = {
            prompt_digest(json.loads(fields)["prompt"]): state
            for fields, state in self.query("SELECT fields, state FROM jobs")
        }
        in_full = {one["prompt_sha"] for one in self.billed() if one["fault"] in IN_FULL}
        kept = ("done", "in_doubt")
        with self.place.look() as store:
            found = compare(self.bill, store)
        held = self.query("SELECT held FROM runs ORDER BY id DESC LIMIT 1")
        return Books(
            rows=self._states(),
            billed=billed.total(),
            twice=billed.total() - len(billed),
            lost=sum(states.get(sha) not in kept for sha in in_full),
            open_calls=self.query("SELECT count(*) FROM calls WHERE wire IS NULL")[0][0],
            in_doubt_calls=self.query("SELECT count(*) FROM calls WHERE wire = 'D'")[0][0],
            held=held[0][0] if held else 0.0,
            unknown_to_us=found.unknown_to_us,
            unpaid=found.unpaid,
            hosts=dict(self.query("SELECT state, count(*) FROM hosts GROUP BY 1")),
        )


def prompts_of(rows: int) -> tuple[str, ...]:
    """Distinct prompts."""
    return tuple(f"A lamp of number {number}, on a white table" for number in range(1, rows + 1))


@contextmanager
def host_scene(
    folder: Path, server: Server, rows: int, *, latency: float = 0.0, **more: Any
) -> Iterator[HostScene]:
    """A scene with a running gateway; `more` are settings of the gateway."""
    made = HostScene(
        folder=folder, server=server, database=server.new_database(), prompts=prompts_of(rows)
    )
    made.write_sheet()
    with MockThread(MockSettings(latency=latency, bill=made.bill, **more)) as gateway:
        made.gateway = gateway
        try:
            yield made
        finally:
            made.close()
