"""`rowmill rehearse`: runs a sheet against the built-in mock gateway, without key or cost."""

import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import click

from jobs.store import Store
from jobs.store.queries.totals import counts
from runner.catalogue import say
from runner.console import options
from runner.console.screen import print_message
from runner.endpoints.registry import needed_fields
from runner.exits import Exit, Refusal
from runner.intake.stdin_sheet import STDIN, temporary_stdin
from runner.launch.launch import launch
from runner.launch.request import RunRequest
from runner.mock.account_info import PRICING
from runner.mock.batch_script import NAMED_SCRIPTS
from runner.mock.faults import FaultPlan, PlanName
from runner.mock.server_thread import MockThread
from runner.mock.settings import MockSettings
from runner.protocol.lane_rule import BATCH, FLEX, LaneRule
from runner.secret import Secret
from runner.settings.setting_names import variable_of
from runner.settings.settings import Settings
from runner.views.audit import compare
from runner.workspace.lookup import of_rehearsal
from runner.workspace.workspace import REHEARSAL, SHEET_ID, Workspace

REHEARSAL_KEY = "sk-rowmill-rehearsal"
_BATCH_FORMS = {"messages": "anthropic", "gemini": "gemini"}
BATCH_SECONDS = 3.0  # from the creation of a provider batch to its end
LATENCY_SECONDS = (0.05, 0.4)  # seconds: quick, and still a run to watch
KILL_TIMEOUT_SECONDS = 60.0  # seconds that a run to be killed may take for its next calls


@options.argument("sheet")
def _rehearse(sheet: str) -> int:
    given = options.given().get("workspace")
    if sheet == STDIN and not given:
        raise Refusal(say("stdin.needs_workspace"))
    path = Path(sheet)
    if sheet == STDIN:
        path = click.get_current_context().with_resource(temporary_stdin())
    if not path.is_file():
        raise Refusal(say("sheet.missing", sheet=sheet))
    workspace = of_rehearsal(path, Path(str(given)) if given else None)
    settings = _with_defaults(options.settings(folder=path.absolute().parent))
    _start_anew(workspace)
    workspace.make()
    plan: PlanName = settings.faults  # type: ignore[assignment]  # one of the schema's choices
    mock = MockSettings(
        latency=LATENCY_SECONDS,
        faults=FaultPlan.named(plan),
        batches=replace(NAMED_SCRIPTS[plan], seconds=BATCH_SECONDS),
        bill=workspace.bill,
        pricing=PRICING,
    )
    with MockThread(mock) as thread:
        settings = _with_lanes(replace(settings, base_url=thread.base_url))
        print_message(say("rehearse.start", url=thread.base_url, faults=plan))
        for number in range(settings.kill):
            _run_and_kill(_RunToKill(path, workspace, settings), number + 1)
        job = RunRequest(
            sheet=path,
            workspace=workspace,
            settings=settings,
            key=Secret(REHEARSAL_KEY),
            rehearsal=True,
            audit=lambda store: _audited(store, workspace),
        )
        return launch(job)


def _with_defaults(settings: Settings) -> Settings:
    """Fill in endpoint and model: pictures by default, from a model that only the mock has."""
    endpoint = settings.endpoint or "chat-image"
    model = settings.model
    if model is None and "model" in needed_fields(endpoint):
        model = "mock-image" if "image" in endpoint else "mock-text"
    return replace(settings, endpoint=endpoint, model=model)


_BATCH_FORMS = {"messages": "anthropic", "gemini": "gemini"}
"""The form of batches by endpoint, where it is not OpenAI's."""


def _with_lanes(settings: Settings) -> Settings:
    """The mock sells every lane. One that settings describe may be at another address."""
    form = _BATCH_FORMS.get(settings.endpoint or "", "openai")
    lanes = {
        FLEX: LaneRule(name=FLEX, form="service_tier"),
        BATCH: LaneRule(name=BATCH, form=form),
    }
    return replace(settings, provider=replace(settings.provider, lanes=lanes))


def _start_anew(workspace: Workspace) -> None:
    """Delete a finished rehearsal; an unfinished one continues."""
    begun = workspace.table.exists()
    if workspace.folder.suffix != REHEARSAL or (begun and not workspace.bill.exists()):
        raise Refusal(say("rehearse.not_here", folder=str(workspace.folder)))
    if not begun:
        return
    if workspace.is_running():
        return  # `launch` reports who holds it
    with workspace.place.look() as store, store.read() as tx:
        unfinished = counts(tx, SHEET_ID).pending
    if not unfinished:
        shutil.rmtree(workspace.folder)


SHAPING_FLAGS = {"endpoint": "-e", "model": "-m", "prompt": "-p"}


@dataclass(frozen=True, slots=True)
class _RunToKill:
    """A run in its own process, which will be killed."""

    sheet: Path
    workspace: Workspace
    settings: Settings

    def start(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "runner.cli", "run", str(self.sheet)]
        words += ["--workspace", str(self.workspace.folder), "--progress", "none", "-q", "-y"]
        words += ["-c", str(self.settings.concurrency), "--base-url", self.settings.base_url]
        words += _request_options(self.settings)
        environment = os.environ | {"ROWMILL_API_KEY": REHEARSAL_KEY}
        environment |= _variables(self.settings)
        return subprocess.Popen(  # noqa: S603 - our own program, and no shell
            words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def _request_options(settings: Settings) -> list[str]:
    """The options that decide requests and file names, so that a killed run loads the same."""
    single = {
        **{
            flag: getattr(settings, name)
            for name, flag in SHAPING_FLAGS.items()
            if name in settings.by_flag
        },
        "--id": settings.id,
        "--tab": settings.tab,
        "--encoding": settings.encoding,
        "--delimiter": settings.delimiter,
        "--name": settings.name,
    }
    words = [word for flag, value in single.items() if value is not None for word in (flag, value)]
    for key, value in settings.set.items():
        words += ["--set", f"{key}={value}"]
    for header, field in settings.column.items():
        words += ["--column", f"{header}={field}"]
    for folder in settings.files_from:
        words += ["--files-from", str(folder)]
    switches = {"--skip-bad": settings.skip_bad, "--visible-only": settings.visible_only}
    return [*words, *(flag for flag, given in switches.items() if given)]


def _variables(settings: Settings) -> dict[str, str]:
    """What no flag gave: a flag would beat columns that this rehearsal itself gives way to."""
    values = {name: getattr(settings, name) for name in SHAPING_FLAGS}
    return {
        variable_of(name): value
        for name, value in values.items()
        if value is not None and name not in settings.by_flag
    }


def _run_and_kill(victim: _RunToKill, number: int) -> None:
    """Let a run send some calls, then kill it as a power cut would."""
    bill = victim.workspace.bill
    begun = _lines(bill)
    enough = begun + random.randint(3, 60)  # noqa: S311 - when to strike guards nothing
    process = victim.start()
    deadline = time.monotonic() + KILL_TIMEOUT_SECONDS
    while process.poll() is None and _lines(bill) < enough and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    calls = f"{_lines(bill) - begun:,}"
    print_message(say("rehearse.kill", calls=calls, number=number, total=victim.settings.kill))


def _lines(bill: Path) -> int:
    return bill.read_bytes().count(b"\n") if bill.exists() else 0


def _audited(store: Store, workspace: Workspace) -> tuple[list[str], Exit]:
    """The mock's bill compared with our books, in words."""
    books = compare(workspace.bill, store)
    told = say(
        "rehearse.books",
        billed=f"{books.billed:,}",
        ours=f"{books.ours:,}",
        lost=f"{books.billed - books.ours:,}",
        answers=f"{books.answers:,}",
        in_doubt=f"{books.in_doubt:,}",
    )
    if books.balanced:
        return [told], Exit.DONE
    wrong = ", ".join((*books.unknown_to_us[:3], *books.unpaid[:3]))
    return [told, say("rehearse.books_bad", what=wrong)], Exit.BUG


command = options.command(
    "rehearse",
    examples=(
        "rowmill rehearse samples/animals.csv",
        "rowmill rehearse prompts.xlsx --faults storm",
        "rowmill rehearse prompts.xlsx --kill 5        (kills itself five times on the way)",
    ),
)(_rehearse)
