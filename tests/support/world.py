"""A world for whole runs: a folder with sheets, a mock gateway with scripted faults, its bill."""

import csv
import io
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner

from jobs.store import Store
from jobs.store.queries.totals import counts
from runner import cli
from runner.cli import rowmill
from runner.engine import outage
from runner.mock.endpoints.edits import EditsEndpoint
from runner.mock.endpoints.embeddings import EmbeddingsEndpoint
from runner.mock.endpoints.gemini import GeminiEndpoint
from runner.mock.endpoints.images import ImagesEndpoint
from runner.mock.endpoints.messages import MessagesEndpoint
from runner.mock.endpoints.midjourney import SUBMIT_PATHS
from runner.mock.endpoints.rerank import RerankEndpoint
from runner.mock.endpoints.responses import ResponsesEndpoint
from runner.mock.endpoints.task_forms import SUBMIT_PATHS as FILM_PATHS
from runner.mock.faults import FaultPlan
from runner.mock.picture_shapes import PictureShape
from runner.mock.server_thread import MockThread
from runner.mock.settings import MockSettings
from runner.settings.trust import trust
from runner.steps import context
from runner.views import audit
from runner.workspace.workspace import REHEARSAL, SHEET_ID, SUFFIX, Workspace
from tests.support.json_outputs import check_outputs

ROOT = Path(cli.__file__).parents[1]
KEY = "sk-canary-4b7f1e9c2d8a6053"
CHAT = "/v1/chat/completions"
GENERATIONS = frozenset(
    {
        CHAT,
        *SUBMIT_PATHS,
        *FILM_PATHS,
        MessagesEndpoint.path,
        ImagesEndpoint.path,
        EditsEndpoint.path,
        EmbeddingsEndpoint.path,
        ResponsesEndpoint.path,
        RerankEndpoint.path,
        GeminiEndpoint.path,
        *(f"/v1/audio/{task}" for task in ("speech", "transcriptions", "translations")),
    }
)
TEXT = ("-e", "chat", "-m", "mock-text", "-y")
PICTURE = ("-e", "chat-image", "-m", "mock-image", "-y")
Cells = Sequence[object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A finished command: exit code, output, and the calls it made."""

    code: int
    out: str
    err: str
    posts: int = 0  # generation requests

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found


class Luck(random.Random):
    """A constant chance, so that a test can make backoffs short."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size = size

    def random(self) -> float:
        """The constant."""
        return self.size


class World:
    """One test's folder, home, gateway and key. Everything is audited at the end."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "desk"
        self.folder.mkdir()
        self.bills: list[Path] = []
        self.monkeypatch = monkeypatch
        self.said = ""  # the output of all commands
        self.elsewhere: set[Path] = set()  # tables whose calls went to a server with its own bill
        self.gateway: MockThread | None = None
        self.port = 0
        self.started: list[subprocess.Popen[bytes]] = []
        for name in [name for name in os.environ if name.startswith("ROWMILL_")]:
            monkeypatch.delenv(name)
        for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            monkeypatch.setenv(name, str(folder / "home"))
        monkeypatch.setenv("LANG", "C.UTF-8")
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv("ROWMILL_API_KEY", KEY)
        monkeypatch.setenv("ROWMILL_PROGRESS", "none")
        monkeypatch.chdir(self.folder)
        self.luck(0.01)
        # A gateway that answers with failures is tried again after a short wait, too.
        monkeypatch.setattr(outage, "FIRST_WAIT_SECONDS", 0.01)
        monkeypatch.setattr(outage, "MAX_TRIAL_SECONDS", 0.02)

    def luck(self, size: float) -> None:
        """The length of backoffs as a share of their maximum."""
        self.monkeypatch.setattr(context, "random", Luck(size))

    # --- the gateway ------------------------------------------------------------------------------

    def mock(
        self,
        faults: Mapping[str, Sequence[str]] | FaultPlan | None = None,
        *,
        connections: Sequence[str] = (),
        **settings: Any,
    ) -> MockThread:
        """Start a gateway on the same port as the last one; it counts requests from the first."""
        self.stop()
        self.bills.append(self.folder.parent / f"bill-{len(self.bills):02}.jsonl")
        plan = faults
        if not isinstance(plan, FaultPlan):
            plan = FaultPlan.scripted(plan or {}, connections)
        given = {
            "forms": (PictureShape.MARKDOWN,),
            "faults": plan,
            "bill": self.bills[-1],
            **settings,
        }
        self.gateway = MockThread(MockSettings(port=self.port, **given))
        self.gateway.__enter__()
        self.port = int(self.gateway.base_url.rpartition(":")[2])
        self.monkeypatch.setenv("ROWMILL_BASE_URL", self.gateway.base_url)
        return self.gateway

    def stop(self) -> None:
        """Stop the gateway."""
        if self.gateway is not None:
            self.gateway.__exit__(None, None, None)
            self.gateway = None

    def close(self) -> None:
        """Stop all processes."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.communicate()
        self.stop()

    @property
    def calls(self) -> list[dict[str, Any]]:
        """All generation requests on the bills."""
        lines = map(json.loads, self._billed().splitlines())
        return [one for one in lines if one["endpoint"] in GENERATIONS]

    @property
    def downloads(self) -> int:
        """The number of file requests at the current gateway."""
        assert self.gateway is not None
        return self.gateway.gateway.file_requests

    # --- commands ---------------------------------------------------------------------------------

    def run(self, *words: object, stdin: str | None = None) -> Done:
        """One command line in this process."""
        before = len(self.calls)
        line = [str(word) for word in words]
        result = CliRunner().invoke(rowmill, line, input=stdin)
        self.said += result.output
        check_outputs(line, result.stdout, result.stderr)
        return Done(
            code=result.exit_code,
            out=result.stdout,
            err=result.stderr,
            posts=len(self.calls) - before,
        )

    def start(self, *words: object, terminal: int | None = None) -> "subprocess.Popen[bytes]":
        """One command line as a process of its own, on a terminal if one is given."""
        self.started.append(
            subprocess.Popen(
                [sys.executable, "-m", "runner.cli", *map(str, words)],
                stdin=subprocess.DEVNULL if terminal is None else terminal,
                stdout=subprocess.PIPE if terminal is None else terminal,
                stderr=subprocess.PIPE if terminal is None else terminal,
            )
        )
        return self.started[-1]

    def wait(self, process: "subprocess.Popen[bytes]", until: Callable[[], bool]) -> None:
        """Wait until something is true of a started command, which must not end before."""
        deadline = time.monotonic() + 100
        while not until():
            assert process.poll() is None, self.finish(process)
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def finish(self, process: "subprocess.Popen[bytes]") -> Done:
        """Wait for a started command."""
        out, err = (part.decode() for part in process.communicate(timeout=100))
        self.said += out + err
        return Done(code=process.returncode, out=out, err=err)

    # --- sheets -----------------------------------------------------------------------------------

    def sheet(self, name: str, headers: Sequence[str], *rows: Cells) -> Path:
        """Write a csv or tsv sheet in the folder."""
        out = io.StringIO()
        writer = csv.writer(out, delimiter="\t" if name.endswith(".tsv") else ",")
        writer.writerows([headers, *rows])
        path = self.folder / name
        path.write_text(out.getvalue(), encoding="utf-8", newline="")
        return path

    def prompts(self, name: str, *prompts: str) -> Path:
        """A csv sheet of prompts only."""
        return self.sheet(name, ["prompt"], *([prompt] for prompt in prompts))

    def settings(self, text: str, *, trusted: bool = True) -> None:
        """Write a settings file beside the sheets."""
        file = self.folder / "rowmill.toml"
        file.write_text(text, encoding="utf-8")
        if trusted:
            trust(file, file.read_bytes())

    # --- what became of it ------------------------------------------------------------------------

    def workspace(self, sheet: Path, suffix: str = SUFFIX) -> Workspace:
        """The workspace beside a sheet."""
        return Workspace(folder=sheet.with_suffix(suffix))

    def results(self, sheet: Path, suffix: str = SUFFIX) -> list[dict[str, str]]:
        """The results file beside a sheet, row by row."""
        folder = sheet.with_suffix(suffix)
        found = sorted(path for path in folder.glob("results.*") if path.suffix != ".digest")
        assert len(found) == 1, f"{folder} holds {found}"
        return read(found[0])

    def column(self, sheet: Path, name: str = "result_status") -> list[str]:
        """One column of the results."""
        return [row[name] for row in self.results(sheet)]

    def files(self, sheet: Path) -> list[str]:
        """The names of all files in a sheet's workspace."""
        folder = self.workspace(sheet).files
        return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())

    def standing(self, sheet: Path) -> dict[str, int]:
        """The number of rows by status, from the table."""
        with self.store(sheet) as store, store.read() as tx:
            found = counts(tx, SHEET_ID)
        names = ("done", "failed", "in_doubt", "skipped", "pending", "parked")
        return {name: n for name in names if (n := getattr(found, name))}

    @contextmanager
    def store(self, sheet: Path) -> Iterator[Store]:
        """The table of a sheet's workspace, for reading."""
        with Store.look(self.workspace(sheet).table) as store:
            yield store

    # --- the audit --------------------------------------------------------------------------------

    def audit(self) -> None:
        """Assert that the bill equals our books, and that no file or output contains the key."""
        self._compare()
        assert KEY not in self.said
        for path in self.folder.rglob("*"):
            if path.is_file():
                assert KEY.encode() not in path.read_bytes(), path

    def _billed(self) -> str:
        return "".join(bill.read_text(encoding="utf-8") for bill in self.bills if bill.exists())

    def _compare(self) -> None:
        whole = self.folder.parent / "bill.jsonl"
        whole.write_text(self._billed(), encoding="utf-8")
        unknown = {audit.key_of(one) for one in self.calls if one["billed"]}
        for table in self.folder.rglob("jobs.db"):
            if table.parent.suffix == REHEARSAL or table in self.elsewhere:
                continue  # it has a bill of its own and audits itself
            store = Store.look(table)
            found = audit.compare(whole, store)
            store.close()
            assert not found.unpaid, table
            unknown &= set(found.unknown_to_us)
        assert not unknown


def read(path: Path) -> list[dict[str, str]]:
    """A results file of any text format or xlsx as texts."""
    if path.suffix == ".xlsx":
        return read_workbook(path)
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".jsonl":
        objects = [json.loads(line) for line in text.split("\n") if line]
        return [{key: _text(value) for key, value in one.items()} for one in objects]
    delimiter = "\t" if path.suffix == ".tsv" else ","
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def read_workbook(path: Path) -> list[dict[str, str]]:
    """The first sheet of a workbook as texts."""
    book = openpyxl.load_workbook(path)
    first = book.worksheets[0]
    lines = [[_text(cell) for cell in line] for line in first.iter_rows(values_only=True)]
    book.close()
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def _text(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)


def workbook(path: Path, headers: Sequence[str], *rows: Cells) -> Path:
    """An Excel sheet."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for line in (headers, *rows):
        page.append(list(line))
    book.save(path)
    return path
