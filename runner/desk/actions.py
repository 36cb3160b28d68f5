"""What the page's buttons do. Each takes the JSON that the page sent and returns JSON for it."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from jobs.errors import ExpectedError
from jobs.job import JSON, FailureClass, State
from jobs.loading.template import TemplateError
from jobs.sheet.finding import SheetError
from jobs.store.picks import REJECTED
from jobs.store.spans import spans_text
from runner.catalogue import LANGUAGES, choose_language, language, say
from runner.catalogue.findings import describe, describe_error
from runner.catalogue.reasons import reason
from runner.desk.choices import PageChoices, UnusableChoiceError, read_choices, settings_for
from runner.desk.gateway import keep_key, models_of
from runner.desk.prices import keep_price
from runner.desk.processes import Started, finish, start
from runner.desk.sheets import listed, sheet_named, workspace_of
from runner.desk.standing import Story, has_begun, rejected_in, standing
from runner.desk.understood import understood
from runner.exits import Exit, Refusal
from runner.launch.consent import ASK
from runner.launch.orders import hand_over
from runner.secret import redacted
from runner.settings.settings import Settings
from runner.settings.values import InvalidValueError, read_concurrency
from runner.workspace.workspace import Workspace, readable

HAND_BACK = "hand-back"
"""The folder in a workspace for what the desk hands back."""
COPIED = frozenset({".xlsx", ".xlsm"})
STARTING_SECONDS = 20.0  # until a run has its table, or has said why not
LOOK_SECONDS = 0.1
STOP_SECONDS = 1.0
ENDS_WELL = frozenset({Exit.DONE, Exit.SOME_FAILED, Exit.STOPPED, Exit.INTERRUPTED})
QUIET = ("--no-input", "--progress=none")
Body = Mapping[str, Any]


@dataclass(slots=True)
class Desk:
    """A folder of sheets. What it holds of runs is only the handles of processes it started."""

    folder: Path
    config: Path | None = None
    started: dict[str, Started] = field(default_factory=dict)
    stories: dict[str, Story] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)  # the choices of one sheet at a time
    planning: set[str] = field(default_factory=set)  # sheets whose table a question holds for now

    def sheet(self, body: Body) -> Path:
        """The sheet that the page names. Raises NoSuchSheetError."""
        return sheet_named(self.folder, body.get("sheet"))

    def settings(self, sheet: Path, workspace: Workspace, choices: PageChoices) -> Settings:
        """The settings of a command for this sheet."""
        with readable(workspace) as known:
            loaded = known.loaded()
        remembered = loaded.options if loaded is not None and loaded.sheet == sheet.name else None
        return settings_for(sheet, workspace, choices, remembered=remembered, config=self.config)

    def begin(self, name: str, words: Sequence[str]) -> Started:
        """Start a command for a sheet. What an earlier one said is forgotten."""
        if (earlier := self.started.pop(name, None)) is not None:
            earlier.let_go()
        begun = self.started[name] = start(words, self.folder)
        return begun

    def close(self) -> None:
        """Forget all processes; those that are at work go on."""
        while self.started:
            self.started.popitem()[1].let_go()

    def words(self, words: Iterable[str]) -> list[str]:
        """A command line, with the settings file that the desk was given."""
        more = [f"--config={self.config}"] if self.config is not None else []
        return [*words, *more]


def sentence_of(error: Exception) -> str:
    """An expected error in the person's words."""
    match error:
        case SheetError():
            return describe_error(error)
        case TemplateError():
            return describe(error.finding)
        case InvalidValueError():
            return say("desk.expected", expected=error.expected)
        case Refusal():
            return error.message
        case ExpectedError():
            return reason(error)
        case _:
            return str(error)


# --- start ----------------------------------------------------------------------------------------


def _sheets(desk: Desk, body: Body) -> JSON:
    del body
    sheets = listed(desk.folder)
    for one in sheets:
        one["running"] = one["running"] and one["name"] not in desk.planning
    return {"folder": desk.folder.name, "sheets": list[JSON](sheets)}


def _check(desk: Desk, body: Body) -> JSON:
    choices = read_choices(body.get("choices"))
    with desk.lock:
        return understood(desk.sheet(body), choices, desk.config)


def _models(desk: Desk, body: Body) -> JSON:
    return models_of(_address(desk, body))


def _key(desk: Desk, body: Body) -> JSON:
    text = body.get("key")
    if not isinstance(text, str):
        raise UnusableChoiceError
    return {"words": keep_key(_address(desk, body), text)}


def _address(desk: Desk, body: Body) -> Settings:
    """The settings with the address that the page shows."""
    sheet, choices = desk.sheet(body), read_choices(body.get("choices"))
    with desk.lock:
        return desk.settings(sheet, workspace_of(sheet), choices)


def _price(desk: Desk, body: Body) -> JSON:
    model, price, currency = body.get("model"), body.get("price"), body.get("currency")
    if not isinstance(model, str) or not model or not isinstance(price, int | float):
        raise UnusableChoiceError
    keep_price(desk.folder, model, float(price), str(currency))
    return {}


def _language(desk: Desk, body: Body) -> JSON:
    del desk
    if body.get("language") not in LANGUAGES:
        raise UnusableChoiceError
    choose_language(str(body["language"]), {})
    return {}


# --- run ------------------------------------------------------------------------------------------


def _plan(desk: Desk, body: Body) -> JSON:
    """What a run or a retry would send and cost; nothing is sent."""
    name = desk.sheet(body).name
    with desk.lock:
        desk.planning.add(name)
        try:
            ended = finish(desk.words([*_spending(desk, body), f"--agreed={ASK}"]), desk.folder)
        finally:
            desk.planning.discard(name)
    if ended.code == Exit.UNUSABLE and ended.out.strip():
        return {"plan": json.loads(ended.out)}
    if ended.code in ENDS_WELL:
        return {"plan": None, "words": say("desk.nothing_to_run")}
    raise Refusal(_last_words(ended.err, ended.code))


def _run(desk: Desk, body: Body) -> JSON:
    """Start what the person said yes to, in a process of its own."""
    plan = body.get("plan")
    if not isinstance(plan, dict):
        raise UnusableChoiceError
    sheet = desk.sheet(body)
    agreed = json.dumps(plan, ensure_ascii=False)
    words = desk.words([*_spending(desk, body), f"--agreed={agreed}"])
    begun = desk.begin(sheet.name, words)
    workspace, deadline = workspace_of(sheet), time.monotonic() + STARTING_SECONDS
    while begun.code() is None and time.monotonic() < deadline:
        if has_begun(workspace, begun.process.pid):
            return {}
        time.sleep(LOOK_SECONDS)
    if (trouble := _trouble(begun)) is not None:
        raise Refusal(trouble)
    return {}


def _spending(desk: Desk, body: Body) -> list[str]:
    """The command line of a run or a retry, as a terminal takes it."""
    sheet = desk.sheet(body)
    kind = body.get("failure")
    if kind is None:
        return ["run", str(sheet), *read_choices(body.get("choices")).words(), *QUIET]
    if kind == REJECTED:
        rows = rejected_in(workspace_of(sheet))
        if not rows:
            raise Refusal(say("desk.none_rejected"))
        return ["retry", str(sheet), f"--rows={spans_text(rows)}", "--again", *QUIET]
    if kind not in {*FailureClass, State.IN_DOUBT}:
        raise UnusableChoiceError
    return ["retry", str(sheet), f"--class={kind}", *QUIET]


def _trouble(begun: Started) -> str | None:
    """Why a command ended badly; None while it is at work, and where it ended well."""
    code = begun.code()
    if code is None or code in ENDS_WELL:
        return None
    return _last_words(begun.words(), code)


def _last_words(said: str, code: int) -> str:
    """The last message of a command, without what it told before."""
    _, mark, last = said.rpartition(f"{say('cli.error')} ")
    text = redacted(last if mark else said).strip()
    return text or say("desk.ended_badly", code=str(code))


def _standing(desk: Desk, body: Body) -> JSON:
    sheet = desk.sheet(body)
    if sheet.name in desk.planning:
        return {"planning": True}
    begun = desk.started.get(sheet.name)
    trouble = _trouble(begun) if begun is not None else None
    with readable(workspace_of(sheet)) as workspace:
        loaded = workspace.loaded()
        if loaded is None or loaded.sheet != sheet.name:
            return {"loaded": False, "trouble": trouble}
        if workspace.aside is not None:  # a copy, which is gone at the end of this request
            story = Story(workspace)
        else:
            story = desk.stories.setdefault(sheet.name, Story(workspace))
        return {"loaded": True, "trouble": trouble, **standing(workspace, story)}


def _steer(desk: Desk, body: Body) -> JSON:
    """Give an order to the run in progress."""
    sheet = desk.sheet(body)
    workspace = workspace_of(sheet)
    if not workspace.is_running():
        raise Refusal(say("steer.no_run"))
    order = _order(body)
    settings = desk.settings(sheet, workspace, PageChoices())
    with workspace.place.open() as store:
        hand_over(store, order, None, settings)
    return {}


def _order(body: Body) -> dict[str, JSON]:
    match body.get("order"):
        case "pause" | "resume" as word:
            return {word: True}
        case "stop":
            return {"until": time.time() + STOP_SECONDS}
        case "concurrency":
            return {"concurrency": read_concurrency(str(body.get("to")))}
        case _:
            raise UnusableChoiceError


# --- hand back ------------------------------------------------------------------------------------


def _hand_back(desk: Desk, body: Body) -> JSON:
    """Write what the person takes away, and name the file."""
    sheet = desk.sheet(body)
    workspace = workspace_of(sheet)
    if workspace.loaded() is None:
        raise Refusal(say("desk.nothing_run"))
    folder = workspace.folder / HAND_BACK
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file, words = _export(sheet, folder, body.get("what"))
    ended = finish(desk.words(words), desk.folder)
    if ended.code != Exit.DONE:
        raise Refusal(_last_words(ended.err, ended.code))
    size = file.stat().st_size if file.is_file() else None
    return {"file": file.name, "path": str(file), "size": size, "words": ended.err.strip()}


def _export(sheet: Path, folder: Path, what: object) -> tuple[Path, list[str]]:
    """The file, and the command that writes it."""
    name = f"{sheet.stem}-results"
    headers = f"--headers={'zh' if language() == 'zh' else 'en'}"
    match what:
        case "copy" if sheet.suffix.lower() in COPIED:
            file = folder / f"{name}{sheet.suffix}"
            return file, ["export", str(sheet), f"--output={file}", "--into-copy", headers]
        case "workbook":
            file = folder / f"{name}.xlsx"
            return file, ["export", str(sheet), f"--output={file}", "--thumbs", headers]
        case "csv":
            file = folder / f"{name}.csv"
            return file, ["export", str(sheet), f"--output={file}"]
        case "page":
            file = folder / f"{sheet.stem}-report.html"
            return file, ["report", str(sheet), f"--output={file}", "--single-file"]
        case "picks":
            stamp = time.strftime("%Y%m%d-%H%M%S")  # a pick taken back would stay in an old folder
            file = folder / f"{sheet.stem}-picks-{stamp}"
            return file, ["export", str(sheet), f"--picks={file}"]
        case _:
            raise UnusableChoiceError


ACTIONS: Mapping[str, Callable[[Desk, Body], JSON]] = {
    "sheets": _sheets,
    "check": _check,
    "models": _models,
    "key": _key,
    "price": _price,
    "language": _language,
    "plan": _plan,
    "run": _run,
    "standing": _standing,
    "steer": _steer,
    "hand-back": _hand_back,
}
"""The actions by the name under which the page calls them."""
