"""How a sheet is understood, as the page shows it: its columns on its own rows, what to correct,
the first request, what a run would cost."""

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from jobs.job import JSON
from jobs.sheet.finding import Finding, SheetError, excerpt
from jobs.store.loaded_sheets import LoadedSheet
from runner.catalogue import say, translated
from runner.catalogue.findings import describe
from runner.catalogue.phrases import detail
from runner.desk.choices import PageChoices, settings_for
from runner.desk.pictures import missing_pictures
from runner.desk.sheets import workspace_of
from runner.endpoints.endpoint import AnyEndpoint
from runner.endpoints.fields import describe as fields_of
from runner.endpoints.registry import ENDPOINTS
from runner.intake.guard import would_rebuy
from runner.intake.loaded import how_read
from runner.intake.opening import open_with_settings
from runner.launch.estimate import time_words
from runner.preflight.check import CheckResult, check_sheet
from runner.preflight.forecast import range_words
from runner.preflight.gateway_info import last_listing
from runner.preflight.preview import Preview, json_text, without_long_texts
from runner.prices.price_list import PriceList
from runner.secret import redacted
from runner.settings.keys import KeyRefusal, key_file, key_place, stored_keys
from runner.settings.notices import is_loopback
from runner.settings.presets import PRESETS
from runner.settings.settings import Settings
from runner.settings.values import site
from runner.workspace.workspace import readable

SHOWN_ROWS = 3
MAX_CELL_CHARACTERS = 160
MAX_COLUMNS = 60
MAX_FINDINGS = 40
MISSING = {
    "run.no_endpoint": "desk.needs_endpoint",
    "run.no_model": "desk.needs_model",
    "run.no_prompt": "desk.needs_prompt",
}
"""Why a run would not start, where the page has a field for it."""
SWITCHED = {"--skip-bad": "desk.needs_skip", "--rebuy": "desk.needs_rebuy"}
"""The same where it has a switch in place of an option."""


def understood(sheet: Path, choices: PageChoices, config: Path | None) -> dict[str, JSON]:
    """One sheet with these choices, for the page. Nothing is sent or written."""
    with readable(workspace_of(sheet)) as workspace:
        known = workspace.loaded()
        if known is not None and known.sheet != sheet.name:
            known = None
        settings = settings_for(
            sheet,
            workspace,
            choices,
            remembered=known.options if known is not None else None,
            config=config,
        )
        found = check_sheet(sheet, workspace, settings, known, count=1)
    return {
        "sheet": sheet.name,
        "read_as": " · ".join(how_read(found.layout)) if found.layout else "",
        "rows": found.plan.staged if found.plan is not None else None,
        "columns": list(_columns(found)),
        "more_columns": max(len(found.headers) - MAX_COLUMNS, 0),
        "fields": list(_fields(settings)),
        "findings": [_finding(one) for one in _told(found)],
        "asks": _asks(found),
        "missing_pictures": _missing_pictures(found),
        "request": _request(found),
        "ahead": _ahead(found),
        "stops": [redacted(one) for one in found.stops if _missing(one) is None],
        "missing": [words for one in found.stops if (words := _missing(one)) is not None],
        "chosen": _chosen(settings, known),
        "key": key_state(settings),
        "price": price_state(settings),
    }


def _missing(stop: str) -> str | None:
    """What the page has a field for, in the page's words; None for another reason to stop."""
    for key, words in MISSING.items():
        if stop.startswith(say(key)):
            return say(words)
    return next((say(words) for option, words in SWITCHED.items() if option in stop), None)


def _told(found: CheckResult) -> Sequence[Finding]:
    """What to correct first, then what is worth knowing."""
    every = [*found.problems, *found.findings]
    order = {"error": 0, "warning": 1}
    return sorted(every, key=lambda one: order.get(one.severity, 2))[:MAX_FINDINGS]


def _finding(finding: Finding) -> JSON:
    return {
        "severity": finding.severity,
        "text": redacted(describe(finding)),
        "row": finding.row,
        "column": finding.column,
    }


def _columns(found: CheckResult) -> Iterator[JSON]:
    """Each column with what it became and its first cells."""
    cells = _first_cells(found)
    guessed = {found.headers[index] for index in found.columns.guessed} if found.columns else set()
    for index, header in enumerate(found.headers[:MAX_COLUMNS]):
        sent_as = found.fields.get(header)
        yield {
            "header": header,
            "field": sent_as,
            "guessed": header in guessed,
            "templated": header in found.templated,
            "cells": [row[index] if index < len(row) else "" for row in cells],
        }


def _first_cells(found: CheckResult) -> list[list[str]]:
    try:
        opened = open_with_settings(found.sheet, found.settings)
        rows = list(islice(opened.rows(), SHOWN_ROWS))
    except SheetError:
        return []
    return [
        ["" if cell is None else excerpt(str(cell), MAX_CELL_CHARACTERS) for cell in cells]
        for _, cells in rows
    ]


def _fields(settings: Settings) -> Iterator[JSON]:
    """The fields that a column may become, the required ones first."""
    endpoint = ENDPOINTS.get(settings.endpoint or "")
    if endpoint is None:
        for name in ("prompt", "image"):
            yield {"name": name, "help": "", "required": False}
        return
    fields = sorted(fields_of(endpoint.inputs), key=lambda one: not one.required)
    for one in fields:
        yield {"name": one.name, "help": translated(one.help), "required": one.required}


def _asks(found: CheckResult) -> JSON:
    """The questions that the sheet raises: rows that cannot be sent, rows that are hidden."""
    bad = found.plan.bad if found.plan is not None else 0
    skipped = found.plan.skipped if found.plan is not None else 0
    return {
        "bad": bad,
        "empty": skipped,
        "skip_bad": bool(bad or found.problems or found.settings.skip_bad),
        "rebuy": found.plan is not None and would_rebuy(found.plan),
        "hidden": bool(found.layout.get("hidden_rows")) or found.settings.visible_only,
    }


def _missing_pictures(found: CheckResult) -> list[JSON]:
    """Looked for where rows are bad: reading the whole sheet once more takes a moment."""
    if not found.problems and not (found.plan is not None and found.plan.bad):
        return []
    return list(missing_pictures(found.sheet, found.settings, found.columns))


def _request(found: CheckResult) -> JSON:
    """The first request as it would be sent; the key is not in it."""
    if not found.requests:
        return None
    row, request = found.requests[0]
    if isinstance(request, str):
        return {"row": row, "problem": redacted(detail(request))}
    return {"row": row, "line": f"{request.method} {request.url}", "body": _body(request)}


def _body(request: Preview) -> str:
    if request.parts:
        return "\n".join(f"{part.name}: {redacted(part.content)}" for part in request.parts)
    return json_text(without_long_texts(request.body), indent=2)


def _ahead(found: CheckResult) -> JSON:
    if found.forecast is None:
        return None
    return {
        "calls": found.forecast.calls,
        "price": range_words(found.forecast),
        "time": time_words(found.forecast),
        "unpriced": list(found.forecast.unknown),
    }


def _chosen(settings: Settings, known: LoadedSheet | None) -> JSON:
    """The choices in force, whoever made them."""
    preset = PRESETS.get(settings.provider.name)
    is_preset = preset is not None and preset.base_url == settings.base_url
    return {
        "endpoint": settings.endpoint or "",
        "model": settings.model or "",
        "prompt": settings.prompt or "",
        "provider": settings.provider.name if is_preset else "",
        "base-url": settings.base_url,
        "lane": settings.lane or "",
        "max-cost": str(settings.max_cost) if settings.max_cost is not None else "",
        "columns": dict(settings.column),
        "skip-bad": settings.skip_bad,
        "visible-only": settings.visible_only,
        "is_loaded": known is not None,
        "is_own": settings.address_is_own,
    }


def key_state(settings: Settings) -> JSON:
    """Whether there is a key, and where it is set; never the key."""
    try:
        place = key_place(settings, os.environ)
        stored = site(settings.base_url) in stored_keys(key_file())
    except KeyRefusal as refusal:
        return {"state": "trouble", "words": refusal.message}
    if place is not None:
        return {"state": "set", "words": say("desk.key_elsewhere", place=place)}
    if stored:
        return {"state": "set", "words": say("desk.key_stored", site=site(settings.base_url))}
    if settings.address_is_own and is_loopback(settings.base_url):
        return {"state": "unneeded", "words": say("desk.key_unneeded")}
    return {"state": "missing", "words": say("desk.key_missing", site=site(settings.base_url))}


def price_state(settings: Settings) -> JSON:
    """What one model costs, and who says so."""
    if not settings.model:
        return None
    listing = last_listing(settings.base_url)
    prices = PriceList(own=settings.prices, gateway=listing.tariffs if listing else {})
    tariff = prices.of(settings.model)
    if tariff is None:
        return {"known": False, "words": say("desk.price_unknown", model=settings.model)}
    by = say(f"desk.price_by_{tariff.source}")
    return {"known": True, "words": by, "own": settings.model in settings.prices}


def endpoints() -> list[JSON]:
    """The kinds of request, in words."""
    return [
        {"name": name, "help": translated(one.summary), "model": _needs_model(one)}
        for name, one in ENDPOINTS.items()
    ]


def _needs_model(endpoint: AnyEndpoint) -> bool:
    return any(one.name == "model" and one.required for one in fields_of(endpoint.inputs))
