"""`rowmill check`: shows how a sheet was understood and its first requests; sends nothing."""

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from jobs.sheet.finding import Finding
from runner.catalogue import say
from runner.catalogue.durations import at_words
from runner.catalogue.findings import describe
from runner.catalogue.missing_rows import format_missing_rows
from runner.catalogue.money import settings_line
from runner.catalogue.phrases import detail
from runner.console import options
from runner.console.layout import Page
from runner.console.screen import print_data
from runner.exits import Refusal
from runner.intake.loaded import how_read
from runner.intake.stdin_sheet import STDIN, temporary_stdin
from runner.launch.estimate import disk_words, size_words, time_words
from runner.launch.locate import sheet_and_workspace
from runner.preflight.check import CheckResult, check_record, check_sheet
from runner.preflight.forecast import lanes_words, range_words
from runner.preflight.preview import Preview, json_text, without_long_texts
from runner.secret import redacted
from runner.settings.locations import file_for_lines
from runner.workspace.workspace import Workspace, readable

MAX_FINDINGS_SHOWN = 200  # findings, and bad rows


@options.argument("sheet")
@click.option(
    "--first", type=click.IntRange(0, 1000), default=3, metavar="N", cls=options.RowmillOption
)
def _check(sheet: str, *, first: int) -> int:
    named = options.sheet_path(sheet)
    if named is None:
        raise Refusal(say("check.needs_sheet"))
    path, workspace = _piped() if sheet == STDIN else sheet_and_workspace(named, _readable)
    known = workspace.loaded()
    settings = options.settings(
        folder=path.absolute().parent,
        remembered=known.options if known is not None else None,
        workspace=workspace.folder,
    )
    found = check_sheet(path, workspace, settings, known, count=first)
    if settings.json:
        print_data(json.dumps(check_record(found), ensure_ascii=False, indent=2))
    else:
        _draw(found, Page(color=settings.color))
    return found.exit_code


def _readable(workspace: Workspace) -> Workspace:
    """A run would migrate an older table; `check` changes nothing, so it reads a migrated copy."""
    return click.get_current_context().with_resource(readable(workspace))


def _piped() -> tuple[Path, Workspace]:
    """A sheet from stdin, in a temporary folder: `check` leaves nothing behind."""
    given = options.workspace_folder(None)
    path = click.get_current_context().with_resource(temporary_stdin())
    return path, Workspace(folder=given.absolute() if given else path.parent)


def _draw(found: CheckResult, page: Page) -> None:
    page.title(found.sheet.name)
    if found.layout:
        page.facts(_understood(found))
        page.heading(say("check.columns"))
        page.facts(_columns(found))
    _list(page, say("check.findings"), [one for one in found.findings if one.severity != "error"])
    errors = [one for one in found.findings if one.severity == "error"]
    bad = found.plan.bad if found.plan is not None else 0
    problems = [*errors, *found.problems]
    _list(page, say("check.problems"), problems, total=max(bad, len(problems)))
    for row, request in found.requests:
        page.heading(say("check.request", row=row))
        _draw_request(page, request)
    page.heading(say("check.ahead"))
    page.facts(_ahead(found))
    _price_lines(page, found)
    _draw_end(page, found)


def _understood(found: CheckResult) -> list[tuple[str, str]]:
    layout, plan = found.layout, found.plan
    header = layout["header_row"]
    more = [say("check.header_row", row=header)] if header else []
    facts = [(say("check.read_as"), " · ".join([*how_read(layout), *more]))]
    if plan is not None:
        rows = f"{plan.staged:,}"
        if plan.bad:
            rows += " · " + say("check.of_them_bad", count=f"{plan.bad:,}")
        facts.append((say("check.rows"), rows))
        known_by = say("check.by_request")
        if found.identity is not None:
            known_by = say("check.by_column", column=found.identity)
        facts.append((say("check.identity"), known_by))
    facts.append((say("show.endpoint"), _endpoint(found)))
    models = [f"{model} × {count:,}" for model, count in found.models.items()]
    facts.append((say("show.model"), ", ".join(models) or found.settings.model or "-"))
    facts += _asked(found)
    if plan is not None and not plan.first:
        facts.append((say("check.plan"), _plan(found)))
    return facts


def _endpoint(found: CheckResult) -> str:
    by_row = next((header for header, name in found.fields.items() if name == "endpoint"), None)
    if by_row is not None:
        return say("check.by_row", column=by_row)
    return found.settings.endpoint or "-"


def _asked(found: CheckResult) -> list[tuple[str, str]]:
    """The fields that options give to every row."""
    facts = []
    if found.settings.prompt is not None:
        facts.append((say("check.template"), redacted(found.settings.prompt)))
    for name, value in found.settings.set.items():
        facts.append((f"--set {name}", redacted(value)))
    return facts


def _plan(found: CheckResult) -> str:
    plan = found.plan
    assert plan is not None
    parts = [
        say(f"plan.{name}", count=f"{getattr(plan, name):,}")
        for name in ("unchanged", "refreshed", "changed", "new", "returned", "removed")
        if getattr(plan, name)
    ]
    if plan.answered_already:
        parts.append(say("plan.answered_already", count=f"{plan.answered_already:,}"))
    if plan.bought_again:
        parts.append(say("plan.bought_again", count=f"{plan.bought_again:,}"))
    return ", ".join(parts)


def _sent_as(found: CheckResult, header: str, name: str) -> str:
    guessed = found.columns.guessed if found.columns is not None else ()
    is_guess = any(found.headers[index] == header for index in guessed)
    return f"→ {name}" + (f" ({say('check.guessed')})" if is_guess else "")


def _columns(found: CheckResult) -> list[tuple[str, str]]:
    facts = [(header, _sent_as(found, header, name)) for header, name in found.fields.items()]
    facts += [(header, say("check.templated")) for header in found.templated]
    if found.carried:
        shown = ", ".join(header or "-" for header in found.carried[:40])
        more = len(found.carried) - 40
        if more > 0:
            shown += " " + say("check.more", count=f"{more:,}")
        facts.append((say("check.carried"), shown))
    return facts


def _list(
    page: Page, heading: str, findings: Sequence[Finding], *, total: int | None = None
) -> None:
    if not findings:
        return
    page.heading(heading)
    for finding in findings[:MAX_FINDINGS_SHOWN]:
        page.item(redacted(describe(finding)))
    more = (total if total is not None else len(findings)) - min(len(findings), MAX_FINDINGS_SHOWN)
    if more > 0:
        page.text("  " + say("check.more", count=f"{more:,}"))


def _draw_request(page: Page, request: Preview | str) -> None:
    if isinstance(request, str):
        page.text("  " + redacted(detail(request)))
        return
    page.code(f"{request.method} {request.url}")
    if request.parts:
        page.facts((part.name, redacted(part.content)) for part in request.parts)
    elif request.body is not None:
        page.code(json_text(without_long_texts(request.body), indent=2))


def _ahead(found: CheckResult) -> list[tuple[str, str]]:
    ahead = found.forecast
    facts = [(say("check.host"), urlsplit(found.settings.base_url).netloc)]
    if ahead is not None:
        facts.append((say("check.calls"), say("check.at_most", count=f"{ahead.calls:,}")))
        facts.append((say("check.price"), range_words(ahead)))
        if (lanes := lanes_words(ahead)) is not None:
            facts.append(("", lanes))
        facts += [("", one.words()) for one in (ahead.cached, found.fit) if one is not None]
        if found.listed_at is not None:
            told = say("check.offer_at", time=at_words(found.listed_at))
            facts.append((say("check.offer"), told))
        facts.append((say("check.time"), time_words(ahead)))
    facts.append((say("check.workspace"), str(found.workspace)))
    if found.disk_free is not None and ahead is not None:
        words = {"disk": disk_words(ahead), "free": size_words(found.disk_free)}
        facts.append((say("check.disk_need"), say("check.disk_of", **words)))
    return facts


def _price_lines(page: Page, found: CheckResult) -> None:
    """Show the settings lines to add for a model without a price."""
    ahead = found.forecast
    if ahead is None or not ahead.unknown:
        return
    cap = found.settings.max_cost
    if cap is not None and not cap.lifted:
        return  # the cap's own refusal names the line
    page.gap()
    page.text(say("check.price_line"))
    page.code(settings_line(ahead.unknown[0], str(file_for_lines(found.settings.own_files))))


def _draw_end(page: Page, found: CheckResult) -> None:
    page.gap()
    for stop in found.stops:
        for line in stop.split("\n"):
            page.text(line, "red")
    if found.absence is not None and not found.absence.entire:
        words = format_missing_rows(found.absence, found.sheet.name)
        page.text(say("cli.warning", text=words), "yellow")
    if found.key_note is not None:
        page.text(say("cli.warning", text=found.key_note), "yellow")
    page.text(say("check.would_stop" if found.stops else "check.fine"), "bold")


command = options.command(
    "check",
    examples=(
        "rowmill check prompts.xlsx -e chat-image -m gpt-4o-image",
        "rowmill check prompts.xlsx --first 10",
        "rowmill check prompts.xlsx --json",
    ),
)(_check)
