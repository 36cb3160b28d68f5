"""A sheet, a mock gateway that outlives every kill, and the real command as a process."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner import cli
from runner.mock.batch_script import BatchScript
from runner.mock.chance import prompt_digest
from runner.mock.faults import FaultPlan
from runner.mock.picture_shapes import PictureShape
from runner.mock.server_thread import MockThread
from runner.mock.settings import MockSettings
from runner.protocol.call_key import unbound_key
from runner.workspace.spool import SpoolRecord, replay
from runner.workspace.workspace import Workspace
from tests.support.world import GENERATIONS

from .prefork import Forked, Prefork

ROOT = Path(cli.__file__).parents[1]
KEY = "sk-crashcanary7f3a91c55e"
MAX_WAIT_SECONDS = 100.0  # the longest that any step may take on a busy machine
USABLE = (None, "slow")  # the bill's fault column for calls whose answer was sent in full


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the mock's bill."""

    id: str
    sha: str | None
    key: str | None
    billed: bool
    fault: str | None
    status: int | None
    time: float

    @property
    def usable(self) -> bool:
        """True if this was a paid answer that was sent in full."""
        return self.billed and self.fault in USABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCall:
    """A call that is still open in the table, and its row."""

    key: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """What was on disk right after a kill, and the length of the bill."""

    lines: int
    rows: int
    open_calls: tuple[OpenCall, ...]
    in_table: frozenset[str]  # request ids of complete answers
    in_spool: frozenset[str]

    @property
    def answered(self) -> frozenset[str]:
        """Request ids of the answers that reached us."""
        return self.in_table | self.in_spool


@dataclass(slots=True)
class Run:
    """One process of the real command."""

    process: "subprocess.Popen[bytes] | Forked"
    told: Path  # the file with its stderr
    began: float = field(default_factory=time.monotonic)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def stderr(self) -> str:
        """What it wrote to stderr; empty if it was killed before stderr was connected."""
        if not self.told.exists():
            return ""
        return self.told.read_text(encoding="utf-8", errors="replace")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> bool:
        """Send SIGKILL; False if it had already ended by itself."""
        alive = self.alive
        self.process.kill()
        self.process.wait()
        return alive and self.process.returncode == -signal.SIGKILL

    def wait(self, max_seconds: float = MAX_WAIT_SECONDS) -> int:
        """Return its exit code; a process that does not end is killed and fails the test."""
        try:
            return self.process.wait(max_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the run did not end:\n{self.stderr}") from None


@dataclass(slots=True)
class Scene:
    """One sheet with its workspace, and one gateway with its bill."""

    folder: Path
    gateway: MockThread
    endpoint: str
    prompts: tuple[str, ...]
    options: tuple[str, ...] = ()
    runs: list[Run] = field(default_factory=list)
    prefork: Prefork | None = None  # starts runs in a tenth of the time
    desk: Path | None = None  # the folder of sheet and workspace, if on a separate disk

    @property
    def port(self) -> int:
        return int(self.gateway.base_url.rpartition(":")[2])

    @property
    def sheet(self) -> Path:
        return (self.desk or self.folder) / "prompts.csv"

    @property
    def bill(self) -> Path:
        return self.folder / "bill.jsonl"

    @property
    def workspace(self) -> Workspace:
        return Workspace(folder=self.sheet.with_suffix(".rowmill"))

    @property
    def files(self) -> Path:
        """Where its files are saved."""
        if "--files" in self.options:
            return Path(self.options[self.options.index("--files") + 1]) / "files"
        return self.workspace.files

    def start(self, *more: str, command: str = "run", concurrency: int = 16, **environ: str) -> Run:
        """Start the real command as a process with its own home folder."""
        words = self._words(*more, command=command, concurrency=concurrency)
        told = self.folder / f"stderr-{len(self.runs)}.txt"
        self.runs.append(Run(self._process(words, told, self.environment() | environ), told))
        return self.runs[-1]

    def words(self, *more: str) -> list[str]:
        """The command line of a run, for tests that start the process themselves."""
        return [sys.executable, "-m", "runner.cli", *self._words(*more)]

    def _words(self, *more: str, command: str = "run", concurrency: int = 16) -> list[str]:
        words = [command, str(self.sheet), "-e", self.endpoint, *self._model()]
        words += ["--base-url", self.gateway.base_url, "-c", str(concurrency)]
        return [*words, "-y", "--progress", "none", *self.options, *more]

    def _process(
        self, words: list[str], told: Path, environ: dict[str, str]
    ) -> "subprocess.Popen[bytes] | Forked":
        if self.prefork is not None:
            out = told.with_suffix(".out")
            return self.prefork.start(words, environ=environ, out=out, err=told)
        with told.open("wb") as stderr:
            return subprocess.Popen(
                [sys.executable, "-m", "runner.cli", *words],
                env=environ,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )

    @property
    def pictures(self) -> bool:
        return self.endpoint not in ("chat", "messages", "gemini", "embedding")

    def _model(self) -> tuple[str, ...]:
        if self.endpoint.startswith("mj-"):
            return ()
        if self.endpoint == "embedding":
            return ("-m", "mock-vector")
        return ("-m", "mock-image" if self.pictures else "mock-text")

    def environment(self) -> dict[str, str]:
        """The environment: a separate home folder, and only the paths of this shell."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        places = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
        return {
            **kept,
            **dict.fromkeys(places, str(home)),
            "PYTHONPATH": str(ROOT),
            "ROWMILL_API_KEY": KEY,
            "LANG": "C.UTF-8",
        }

    def calls(self) -> int:
        """The number of generation requests that the gateway has read, without price requests."""
        return sum(one.endpoint in GENERATIONS for one in self.gateway.gateway.requests)

    def billed(self) -> list[Line]:
        """The whole bill, from the disk."""
        return read_bill(self.bill)

    def until(self, happened: Callable[[], bool], run: Run | None = None) -> bool:
        """Wait for a condition; False if the run ended first."""
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while not happened():
            if run is not None and not run.alive:
                return happened()
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.002)
        return True

    def until_calls(self, wanted: int, run: Run) -> bool:
        """Wait until the gateway has read so many requests."""
        return self.until(lambda: self.calls() >= wanted, run)

    def until_printed(self, words: str, run: Run) -> None:
        """Wait until a run has written these words to stderr."""
        assert self.until(lambda: words in run.stderr, run), f"never said: {run.stderr}"

    def begun(self) -> int:
        """The number of recorded calls; a call is recorded before it is sent."""
        return int(self.query("SELECT count(*) FROM calls")[0][0])

    def query(self, words: str) -> list[tuple[Any, ...]]:
        """Query the table; no rows while there is no table yet."""
        return query(self.workspace.table, words)

    def photo(self, name: str) -> Photo:
        """Copy table and spool as the kill left them, and read the copy."""
        place = self.folder / f"photo-{name}"
        place.mkdir()
        for suffix in ("", "-wal", "-journal"):
            source = self.workspace.table.with_name(f"jobs.db{suffix}")
            if source.exists():
                shutil.copy2(source, place / source.name)
        if self.workspace.spool.exists():
            shutil.copytree(self.workspace.spool, place / "spool")
        lines = len(self.billed())
        table = place / "jobs.db"
        found = Photo(
            lines=lines,
            rows=sum(count for (count,) in query(table, "SELECT count(*) FROM rows")),
            open_calls=tuple(OpenCall(key=k, position=p) for k, p in query(table, _OPEN)),
            in_table=frozenset(map(_request_id, (row[0] for row in query(table, _WHOLE)))),
            in_spool=frozenset(
                _request_id(json.dumps(dict(one.reply.headers))) for one in replay(place / "spool")
            ),
        )
        shutil.rmtree(place)
        return found

    def reached(self) -> frozenset[str]:
        """Request ids of the answers that a live run has in its table or its spool."""
        spooled = [_request_id(json.dumps(dict(one.reply.headers))) for one in self.spooled()]
        return frozenset((*spooled, *(_request_id(row[0]) for row in self.query(_WHOLE))))

    def reached_table(self) -> frozenset[str]:
        """Request ids of the answers that its table has."""
        return frozenset(_request_id(row[0]) for row in self.query(_WHOLE))

    def spooled(self) -> list[SpoolRecord]:
        """The records in the spool."""
        return list(replay(self.workspace.spool))


_OPEN = (
    "SELECT c.call_key, j.position FROM calls c JOIN attempts a ON a.call_id = c.id "
    "JOIN jobs j ON j.id = a.job_id WHERE c.wire IS NULL"
)
_WHOLE = "SELECT headers FROM answers WHERE complete"


def _request_id(headers: str) -> str:
    found = {name.lower(): value for name, value in json.loads(headers).items()}
    return str(found.get("x-oneapi-request-id", ""))


def query(table: Path, words: str) -> list[tuple[Any, ...]]:
    """Rows of a SQLite file; none if the file or its tables do not exist yet."""
    if not table.exists() or not table.stat().st_size:
        return []
    with closing(sqlite3.connect(table, timeout=30)) as connection:
        made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone()
        return connection.execute(words).fetchall() if made else []


def read_bill(bill: Path) -> list[Line]:
    """The generations on a bill, in order."""
    if not bill.exists():
        return []
    return [
        Line(
            id=one["id"],
            sha=one["prompt_sha"],
            key=unbound_key(one["key"]),
            billed=one["billed"],
            fault=one["fault"],
            status=one["status"],
            time=one["time"],
        )
        for one in map(json.loads, bill.read_text(encoding="utf-8").splitlines())
        if one["endpoint"] in GENERATIONS
    ]


def prompts_of(rows: int) -> tuple[str, ...]:
    """Distinct prompts."""
    return tuple(f"A lamp of number {number}, on a white table" for number in range(1, rows + 1))


def write_sheet(path: Path, prompts: Sequence[str]) -> None:
    """Write a sheet with an id column and a prompt column."""
    lines = [f'lamp-{number},"{prompt}"\n' for number, prompt in enumerate(prompts, 1)]
    path.write_text("id,prompt\n" + "".join(lines), encoding="utf-8")


@contextmanager
def scene(
    folder: Path,
    *,
    rows: int,
    endpoint: str = "chat",
    latency: float | tuple[float, float] = (0.02, 0.1),
    faults: FaultPlan | None = None,
    forms: tuple[PictureShape, ...] = tuple(PictureShape),
    options: tuple[str, ...] = (),
    prefork: Prefork | None = None,
    desk: Path | None = None,
    batches: BatchScript | None = None,
) -> Iterator[Scene]:
    """Make scenes with running gateways; end the processes that a failed test leaves."""
    folder.mkdir(parents=True, exist_ok=True)
    prompts = prompts_of(rows)
    settings = MockSettings(
        latency=latency,
        faults=faults or FaultPlan(),
        bill=folder / "bill.jsonl",
        slow=0.2,
        forms=forms,
        task_seconds=0.1,
        batches=batches or BatchScript(),
    )
    with MockThread(settings) as gateway:
        found = Scene(
            folder=folder,
            gateway=gateway,
            endpoint=endpoint,
            prompts=prompts,
            options=options,
            prefork=prefork,
            desk=desk,
        )
        write_sheet(found.sheet, prompts)
        try:
            yield found
        finally:
            for run in found.runs:
                if run.alive:
                    run.signal(signal.SIGCONT)
                    run.kill()


def sha_of(prompt: str) -> str:
    """How the bill names a prompt."""
    return prompt_digest(prompt)
