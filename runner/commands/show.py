"""`rowmill show`: shows everything about one row."""

import json
import zlib
from contextlib import suppress
from datetime import datetime

import click

from jobs.job import JSON, FailureClass
from jobs.outcome import FREE_CLASSES
from jobs.store.answers import StoredAnswer
from jobs.store.queries.history import PastCall, RowHistory
from runner.catalogue import explain, say
from runner.catalogue.money import format_amounts
from runner.catalogue.phrases import detail, phrase
from runner.catalogue.reasons import reason
from runner.catalogue.safe_text import visible
from runner.console import options
from runner.console.layout import Page
from runner.console.screen import data_stream, escaped, print_data
from runner.console.workspaces import find_workspace
from runner.exits import Refusal
from runner.files.targets import inputs_of, with_target
from runner.preflight.preview import (
    NoRequestError,
    Preview,
    PreviewContext,
    curl_line,
    json_text,
    preview,
    without_pictures,
)
from runner.secret import redacted
from runner.settings.settings import Settings
from runner.views.next_command import at_last_address, named, with_address
from runner.views.preflight_records import RequestRecord
from runner.views.records import AnswerRecord, ShowRecord
from runner.views.row import RowView, WantedRow, row_of, row_record
from runner.workspace.answers import AnswerFolder, digest_of
from runner.workspace.workspace import Workspace

MAX_TEXT_CHARACTERS = 600
MAX_ANSWER_CHARACTERS = 4000  # characters of an answer on the page; --answer gives all


@options.argument("row")
@options.argument("sheet", required=False)
@click.option("--curl", is_flag=True, cls=options.RowmillOption)
@click.option("--answer", is_flag=True, cls=options.RowmillOption)
def _show(row: str, sheet: str | None, *, curl: bool, answer: bool) -> None:
    wanted = WantedRow.parse(row)
    if wanted is None:
        raise click.UsageError(say("show.not_a_row", row=row), click.get_current_context())
    named_sheet = options.sheet_path(sheet)
    workspace = find_workspace(named_sheet)
    view = row_of(workspace, wanted)
    settings = options.settings(
        folder=workspace.sheet_of(view.loaded).parent,
        remembered=view.loaded.options,
        workspace=workspace.folder,
    )
    workspace = with_target(workspace, settings)
    if answer:
        _give_answer(_body(workspace, view))
    elif curl:
        print_data(escaped(curl_line(_request(workspace, view, settings))))
    elif settings.json:
        print_data(json.dumps(_record(workspace, view, settings), ensure_ascii=False, indent=2))
    else:
        _draw(workspace, view, settings)


def _request(workspace: Workspace, view: RowView, settings: Settings) -> Preview:
    """The row's request. Raises Refusal if the row cannot become one."""
    place = PreviewContext(
        base_url=at_last_address(settings, view.last, workspace).base_url,
        inputs=inputs_of(workspace, view.loaded, settings),
    )
    try:
        return preview(view.history.endpoint, view.history.fields, place)
    except NoRequestError as error:
        raise Refusal(say("show.no_request", row=view.history.result.row)) from error


def _body(workspace: Workspace, view: RowView) -> bytes:
    if view.answer is None:
        raise Refusal(say("show.no_answer", row=view.history.result.row))
    try:
        body = AnswerFolder.of(workspace).load(view.answer).body
    except (OSError, EOFError, zlib.error) as error:
        raise Refusal(say("show.damaged", reason=reason(error))) from error
    if view.answer.body is None and digest_of(body) != view.answer.digest:
        raise Refusal(say("show.damaged", reason=say("show.changed")))
    return body


def _give_answer(body: bytes) -> None:
    """Print the answer byte for byte; on a terminal, control characters are escaped."""
    stream = data_stream()
    stream.write(body)
    stream.flush()


def _record(workspace: Workspace, view: RowView, settings: Settings) -> ShowRecord:
    request: RequestRecord | None = None
    with suppress(Refusal):
        request = _request(workspace, view, settings).as_json()
    return {**row_record(view), "request": request, "answer": _answer_record(workspace, view)}


def _answer_record(workspace: Workspace, view: RowView) -> AnswerRecord | None:
    stored = view.answer
    if stored is None:
        return None
    try:
        body: JSON = _parsed(_body(workspace, view))
    except Refusal:
        body = None
    return {
        "http_status": stored.status,
        "headers": dict(stored.headers),
        "size": stored.size,
        "complete": stored.complete,
        "body": body,
    }


def _parsed(body: bytes) -> JSON:
    """The answer as JSON with base64 shortened, or as text if it is no JSON."""
    text = body.decode("utf-8", errors="replace")
    try:
        return without_pictures(json.loads(text))
    except (ValueError, RecursionError):
        return without_pictures(text)


# --- the page -------------------------------------------------------------------------------------


def _draw(workspace: Workspace, view: RowView, settings: Settings) -> None:
    page = Page(color=settings.color)
    row = view.history.result
    status = say(f"row.{row.status}")
    page.title(say("show.title", row=row.row, sheet=view.loaded.sheet, status=status))
    if row.status == "in_doubt":
        page.text(say("state.in_doubt"), "yellow")
    elif row.error_class is not None:
        _draw_failure(page, workspace, view)
    page.heading(say("show.cells"))
    page.facts((header or "-", cell_words(value)) for header, value in view.cells)
    page.heading(say("show.job"))
    page.facts(_job(view.history))
    page.heading(say("show.attempts"))
    if not view.history.calls:
        page.text("  " + say("show.no_attempts"))
    for number, call in enumerate(view.history.calls, start=1):
        page.text(f"  {number}. {_first_line(call)}")
        page.facts((f"   {label}", value) for label, value in _attempt(call))
    if view.history.files:
        page.heading(say("show.files"))
        page.table(_file(file) for file in view.history.files)
    _draw_request(page, workspace, view, settings)
    if view.answer is not None:
        _draw_answer(page, workspace, view, view.answer)


def _draw_failure(page: Page, workspace: Workspace, view: RowView) -> None:
    row = view.history.result
    kind = FailureClass(str(row.error_class))
    told = explain(
        kind,
        row.error_cause or "",
        sheet=named(workspace, view.loaded),
        row=row.row,
        provider=str(view.loaded.options.get("provider") or "wenwen"),
    )
    page.text(told.meaning, "red")
    if row.error:
        page.text(_error_words(row.error))
    page.text(told.remedy)
    page.code(with_address(told.command, view.last))


def _error_words(error: str) -> str:
    """The error in words; that of a row that never became a request is stored as JSON."""
    try:
        found = json.loads(error)
        return say("show.bad_cell", **{name: phrase(str(found[name])) for name in _BAD_CELL})
    except (ValueError, KeyError, TypeError, RecursionError):
        return redacted(detail(error))


_BAD_CELL = ("column", "expected", "found")


def cell_words(value: JSON) -> str:
    """A cell for a person: text as it is, all else as JSON."""
    if value is None:
        return ""
    return redacted(value) if isinstance(value, str) else json_text(value)


def _job(past: RowHistory) -> list[tuple[str, str]]:
    row = past.result
    facts = [
        (say("show.key"), row.key),
        (say("show.endpoint"), past.endpoint or "-"),
        (say("show.model"), row.model or "-"),
    ]
    if row.answered_model and row.answered_model != row.model:
        facts.append((say("show.answered_model"), row.answered_model))
    if row.status == "pending":
        facts.append((say("show.step"), say(f"step.{past.step}")))
    if past.version > 1:
        facts.append((say("show.version"), str(past.version)))
    if past.ticket:
        facts.append((say("show.ticket"), past.ticket))
    if row.total_tokens is not None:
        facts.append((say("show.tokens"), _tokens(past)))
    if row.cost is not None:
        facts.append((say("status.cost"), format_amounts({row.currency or "": row.cost})))
    if row.text:
        facts.append((say("show.text"), _beginning(redacted(row.text))))
    return facts


def _beginning(text: str) -> str:
    """The beginning of a text; the answer below has all of it."""
    return text if len(text) <= MAX_TEXT_CHARACTERS else f"{text[:MAX_TEXT_CHARACTERS]}…"


def _tokens(past: RowHistory) -> str:
    row = past.result
    if row.prompt_tokens is None or row.completion_tokens is None:
        return f"{row.total_tokens:,}"
    return f"{row.total_tokens:,} = {row.prompt_tokens:,} + {row.completion_tokens:,}"


def _first_line(call: PastCall) -> str:
    words = [datetime.fromtimestamp(call.started_at).astimezone().strftime("%Y-%m-%d %H:%M:%S")]
    if call.seconds is not None:
        words.append(f"{call.seconds:.1f} s")
    if call.status is not None:
        words.append(f"HTTP {call.status}")
    words.append(say(f"wire.{call.wire or 'open'}"))
    return " · ".join(words)


def _cost(call: PastCall) -> str:
    """What the call cost or may have cost; empty if that is unknown or it was free."""
    currency = call.currency or ""
    if call.cost is not None:
        amount = format_amounts({currency: call.cost})
        return say("money.estimate", amount=amount) if call.estimated else amount
    if call.ceiling is not None and call.wire not in FREE_CLASSES:
        return say("money.most", amount=format_amounts({currency: call.ceiling}))
    return ""


def _attempt(call: PastCall) -> list[tuple[str, str]]:
    facts = []
    if call.outcome:
        what = [say(f"outcome.{call.outcome}")]
        what += [f"{call.kind}" + (f" ({call.cause})" if call.cause else "")] if call.kind else []
        facts.append((say("show.outcome"), ": ".join(what)))
    if call.detail:
        heard = call.status is not None
        facts.append((say("show.words" if heard else "show.detail"), redacted(detail(call.detail))))
    if call.request_id:
        facts.append((say("show.request_id"), call.request_id))
    if cost := _cost(call):
        facts.append((say("status.cost"), cost))
    if call.version > 1:
        facts.append((say("show.version"), str(call.version)))
    return facts


def _file(file: dict[str, JSON]) -> tuple[str, str, str]:
    state = say(f"file.{file['state']}")
    facts = []
    if file["name"]:
        facts.append(f"files/{file['name']}")
    if isinstance(file["size"], int):
        facts.append(f"{file['size']:,} bytes")
    if file["width"] and file["height"]:
        facts.append(f"{file['width']} × {file['height']}")
    if file["cause"]:
        facts.append(str(file["cause"]))
    if file["state"] != "done" and file["url"]:
        facts.append(redacted(str(file["url"])))
    return f"  {file['number']}", state, " · ".join(facts)


def _draw_request(page: Page, workspace: Workspace, view: RowView, settings: Settings) -> None:
    page.heading(say("show.request"))
    try:
        page.code(curl_line(_request(workspace, view, settings)))
    except Refusal as refusal:
        page.text("  " + refusal.message)


def _draw_answer(page: Page, workspace: Workspace, view: RowView, stored: StoredAnswer) -> None:
    size = f"{stored.size:,}"
    page.heading(say("show.answer" if stored.complete else "show.answer_cut", size=size))
    try:
        found = _parsed(_body(workspace, view))
    except Refusal as refusal:
        page.text("  " + refusal.message)
        return
    text = visible(found) if isinstance(found, str) else json_text(found, indent=2)
    page.code(text[:MAX_ANSWER_CHARACTERS])
    if len(text) > MAX_ANSWER_CHARACTERS:
        rest = f"{len(text) - MAX_ANSWER_CHARACTERS:,}"
        page.text(say("show.more", count=rest), "dim")


command = options.command(
    "show",
    examples=(
        "rowmill show 17 prompts.xlsx",
        "rowmill show key:fox prompts.csv --answer > answer.json",
        "rowmill show 17 --curl",
    ),
)(_show)
