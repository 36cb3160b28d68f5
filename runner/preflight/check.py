"""Checks a sheet as a run would, without sending or writing anything."""

import errno
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from jobs.job import JSON
from jobs.loading.columns import ColumnMap, map_columns
from jobs.loading.template import Template, TemplateError
from jobs.sheet.finding import Finding, SheetError
from jobs.store import Store
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.queries.pace import recent_seconds
from jobs.store.queries.spending import (
    Committed,
    RequestGroup,
    committed,
    mean_costs,
    mean_file_size,
)
from jobs.store.queries.totals import counts
from jobs.store.spans import Absence
from jobs.store.staging import LoadPlan
from runner.catalogue import say
from runner.catalogue.findings import describe, finding_text
from runner.catalogue.missing_rows import format_missing_rows
from runner.catalogue.phrases import phrase
from runner.endpoints.fields import describe as describe_inputs
from runner.endpoints.fields import field_named
from runner.endpoints.registry import ENDPOINTS, known_fields, needed_fields
from runner.exits import Exit, Refusal
from runner.files.inputs import InputPlace
from runner.intake.guard import EmptyRowsError, check_empty_rows, would_rebuy
from runner.intake.intake import DryRun, dry_run
from runner.intake.loaded import Intake
from runner.intake.opening import open_with_settings
from runner.intake.recipes import BODY
from runner.intake.understand import plain_layout
from runner.preflight.batch_fit import BatchFit, batch_fit
from runner.preflight.budget import Budget, decide
from runner.preflight.forecast import Forecast, forecast, forecast_record
from runner.preflight.gateway_info import last_listing
from runner.preflight.known_ranges import outside_known_ranges
from runner.preflight.lane_check import unsold_lane
from runner.preflight.pending_work import PastCalls, samples_for
from runner.preflight.preview import (
    NoRequestError,
    Preview,
    PreviewContext,
    preview,
    without_long_texts,
)
from runner.preflight.silent_changes import silent_changes
from runner.prices.price_list import PriceList
from runner.settings.file import SecretPlace
from runner.settings.keys import KeyRefusal, find_key, missing_key
from runner.settings.locations import file_for_lines
from runner.settings.notices import is_loopback
from runner.settings.settings import Settings
from runner.views.preflight_records import (
    CheckRecord,
    FindingRecord,
    ForecastRecord,
    NoPreviewRecord,
    PlanRecord,
    PreviewRecord,
)
from runner.workspace.workspace import SHEET_ID, Workspace

EXAMPLE_ROWS = 200  # first requests from which the price of all is forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """All that is known about a sheet before a run. `stops` says why a run would not start."""

    sheet: Path
    workspace: Path
    settings: Settings
    is_new: bool
    layout: Mapping[str, JSON] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    columns: ColumnMap | None = None
    identity: str | None = None
    plan: LoadPlan | None = None
    findings: tuple[Finding, ...] = ()
    problems: tuple[Finding, ...] = ()
    models: Mapping[str, int] = field(default_factory=dict)
    requests: tuple[tuple[int, Preview | str], ...] = ()
    forecast: Forecast | None = None
    fit: BatchFit | None = None  # where not all rows of a batch fit under the cap
    listed_at: float | None = None  # when the gateway's price list was fetched
    disk_free: int | None = None
    key_note: str | None = None
    absence: Absence | None = None  # rows that --rows names and the sheet does not have
    stops: tuple[str, ...] = ()

    @property
    def exit_code(self) -> Exit:
        """The exit code of a run that stops before anything is sent."""
        return Exit.UNUSABLE if self.stops else Exit.DONE

    @property
    def fields(self) -> dict[str, str]:
        """Header → field, for the columns that are sent."""
        return {self.headers[index]: name for index, name in self._sent()}

    @property
    def templated(self) -> tuple[str, ...]:
        """Headers of further columns that the template puts into the prompt."""
        try:
            template = Template.parse(self.settings.prompt or "", self.headers)
        except TemplateError:
            return ()  # it is told as what stops the run
        sent = {index for index, _ in self._sent()}
        return tuple(self.headers[index] for index in template.columns if index not in sent)

    @property
    def carried(self) -> tuple[str, ...]:
        """Headers of the columns that are not sent."""
        if self.columns is None:
            return ()
        sent = {index for index, _ in self._sent()}
        rest = (one for index, one in enumerate(self.headers) if index not in sent)
        return tuple(one for one in rest if one not in self.templated)

    def _sent(self) -> Iterable[tuple[int, str]]:
        """Columns and their fields, without those that the one endpoint of all rows ignores."""
        found = self.columns.fields if self.columns is not None else ()
        endpoint = ENDPOINTS.get(self.settings.endpoint or "")
        if endpoint is None or any(name == "endpoint" for _, name in found):
            return found
        known = {one.name for one in describe_inputs(endpoint.inputs)}
        return [one for one in found if one[1] in known or one[1].startswith(BODY)]


def check_sheet(
    sheet: Path, workspace: Workspace, settings: Settings, known: LoadedSheet | None, *, count: int
) -> CheckResult:
    """Check a sheet as `run` would. What makes it unusable is part of the result."""
    bare = CheckResult(
        sheet=sheet,
        workspace=workspace.folder,
        settings=settings,
        is_new=known is None,
        disk_free=_disk_free(workspace.folder),
        key_note=_key_note(settings),
    )
    store = Store.scratch() if known is None else workspace.place.stage()
    try:
        looks = DryRun(workspace=workspace, known=known, count=max(count, EXAMPLE_ROWS))
        intake = dry_run(store, sheet, settings, looks)
        listing = last_listing(settings.base_url)
        prices = PriceList(own=settings.prices, gateway=listing.tariffs if listing else {})
        found = _forecast(store, intake, settings, prices)
        budget = _budget(settings, *found) if found is not None else None
    except SheetError as error:
        stop = say("check.unusable", sheet=sheet.name)
        errors = tuple(one for one in error.findings if one.severity == "error")
        return _half_known(replace(bare, problems=errors, stops=(stop,)))
    except TemplateError as error:
        return _half_known(replace(bare, stops=(describe(error.finding),)))
    except Refusal as error:
        return _half_known(replace(bare, stops=(str(error),)))
    finally:
        store.close()
    return replace(
        bare,
        layout=intake.layout,
        headers=intake.headers,
        columns=intake.columns,
        identity=intake.identity,
        plan=intake.plan,
        findings=(
            *intake.findings,
            *silent_changes(intake.first),
            *outside_known_ranges(intake.first),
        ),
        problems=intake.problems,
        models=intake.models,
        absence=intake.absence,
        requests=tuple(_requests(intake, sheet, settings, count)),
        forecast=found[0] if found is not None else None,
        fit=None
        if isinstance(budget, str)
        else batch_fit(settings, _kinds(intake, settings), prices, budget),
        listed_at=listing.at if listing is not None else None,
        stops=(
            *_stops(intake, workspace, settings, known),
            *filter(None, [unsold_lane(settings, _kinds(intake, settings))]),
            *((budget,) if isinstance(budget, str) else ()),
            *(_unwritable(workspace.folder)),
        ),
    )


# --- sheets that cannot be run --------------------------------------------------------------------


def _half_known(found: CheckResult) -> CheckResult:
    """Add what reading the sheet shows, so that one check lists everything to correct."""
    settings = found.settings
    try:
        opened = open_with_settings(found.sheet, settings)
    except SheetError:
        return found
    headers = opened.layout.headers
    columns = map_columns(headers, known_fields(), given=settings.column, id_column=settings.id)
    findings = [*opened.findings, *columns.findings]
    missing = [one for one in _missing(columns, settings) if not found.stops[0].startswith(one)]
    return replace(
        found,
        layout=plain_layout(opened),
        headers=headers,
        columns=columns,
        findings=tuple(one for one in findings if one not in found.problems),
        stops=(*found.stops, *missing),
    )


def _missing(columns: ColumnMap, settings: Settings) -> Iterable[str]:
    """Required options that are missing; a run names only the first."""
    given = {name for _, name in columns.fields} | set(settings.set)
    if settings.endpoint is None and "endpoint" not in given:
        yield say("run.no_endpoint")
    missing = frozenset() if "endpoint" in given else needed_fields(settings.endpoint) - given
    if settings.model is None and "model" in missing:
        yield say("run.no_model")
    if settings.prompt is None and "prompt" in missing:
        yield say("run.no_prompt")


def _stops(
    intake: Intake, workspace: Workspace, settings: Settings, known: LoadedSheet | None
) -> Iterable[str]:
    """Every reason for which a run would stop, not only the first."""
    ours = intake.sheet.name
    if known is not None and known.sheet != ours and not settings.same_sheet:
        folder = str(workspace.folder)
        yield say("workspace.other_sheet", folder=folder, theirs=known.sheet, ours=ours)
    if intake.elsewhere:
        yield intake.elsewhere
    if intake.absence is not None and intake.absence.entire:
        yield format_missing_rows(intake.absence, ours)
    plan = intake.plan
    if plan is None:
        return
    if plan.bad and not settings.skip_bad:
        yield say("check.bad_rows", count=f"{plan.bad:,}")
    if not settings.skip_bad:
        try:
            check_empty_rows(intake)
        except EmptyRowsError as refusal:
            yield refusal.message
    if would_rebuy(plan) and not settings.rebuy:
        rows, done = f"{plan.bought_again:,}", f"{plan.done_before:,}"
        yield say("check.would_rebuy", rows=rows, done=done)


# --- what lies ahead ------------------------------------------------------------------------------


def _requests(
    intake: Intake, sheet: Path, settings: Settings, count: int
) -> Iterable[tuple[int, Preview | str]]:
    folder = sheet.absolute().parent
    inputs = InputPlace(folder=folder, allowed=settings.files_from)
    place = PreviewContext(base_url=settings.base_url, inputs=inputs)
    for row, endpoint, fields in intake.first[:count]:
        try:
            yield row, preview(endpoint, json.loads(fields), place)
        except NoRequestError as error:
            yield row, str(error)


def _forecast(
    store: Store, intake: Intake, settings: Settings, prices: PriceList
) -> tuple[Forecast, Committed] | None:
    plan = intake.plan
    if plan is None:
        return None
    with store.read() as tx:
        waiting = counts(tx, SHEET_ID).waiting
        due = PastCalls(
            costs=mean_costs(tx, SHEET_ID),
            seconds=recent_seconds(tx, SHEET_ID),
            file_size=mean_file_size(tx, SHEET_ID),
            samples=samples_for(tx, settings),
        )
        before = committed(tx, SHEET_ID)
    fresh = plan.new + plan.changed + plan.returned - plan.answered_already
    calls = max(min(waiting + fresh, plan.staged - plan.bad - plan.skipped), 0)
    if settings.rows is not None:
        named = sum(high - low + 1 for low, high in settings.rows)
        absent = intake.absence.count if intake.absence is not None else 0
        calls = min(calls, max(named - absent, 0))
    if settings.limit is not None:
        calls = min(calls, settings.limit)
    return forecast(_kinds(intake, settings), calls, prices, settings, due), before


def _kinds(intake: Intake, settings: Settings) -> list[RequestGroup]:
    """Each model with examples from the first rows; a model without examples is priced, too."""
    examples: dict[str, list[tuple[str, dict[str, JSON]]]] = {}
    for _, name, fields in intake.first:
        read = json.loads(fields)
        examples.setdefault(_model_of(name, read), []).append((name, read))
    kinds = []
    for model, rows in intake.models.items():
        found = examples.get(model) or [(settings.endpoint or "chat", {})]
        kinds.append(
            RequestGroup(
                endpoint=found[0][0],
                model=model,
                rows=rows,
                examples=tuple(fields for _, fields in found),
            )
        )
    return kinds


def _model_of(name: str, fields: Mapping[str, JSON]) -> str:
    """The model of a request; that of a Midjourney request is its endpoint's default."""
    if "model" in fields:
        return str(fields["model"])
    found = ENDPOINTS.get(name)
    own = field_named(found.inputs, "model") if found is not None else None
    return str(own.default) if own is not None and own.default else ""


def _budget(settings: Settings, ahead: Forecast, before: Committed) -> Budget | str | None:
    """The budget, or why a run would not start because of its cap."""
    lines_file = file_for_lines(settings.own_files)
    try:
        return decide(settings.max_cost, ahead, before, lines_file=lines_file)
    except Refusal as refusal:
        return refusal.message


def _unwritable(folder: Path) -> Iterable[str]:
    there = _existing(folder)
    if there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return
    why = os.strerror(errno.ENOTDIR if there and not there.is_dir() else errno.EACCES)
    yield say("check.cannot_write", folder=str(folder), reason=phrase(why))


def _existing(folder: Path) -> Path | None:
    """The folder itself, or its nearest existing parent."""
    return next((one for one in (folder, *folder.parents) if one.exists()), None)


def _disk_free(folder: Path) -> int | None:
    there = _existing(folder)
    try:
        return shutil.disk_usage(there).free if there is not None else None
    except OSError:
        return None


def _key_note(settings: Settings) -> str | None:
    """A note if a run would find no key. A key command is not run for this."""
    if any(source.kind is SecretPlace.COMMAND for source in settings.provider.keys):
        return None
    try:
        found = find_key(settings, os.environ)
    except KeyRefusal as refusal:
        return refusal.message
    if found is not None or (settings.address_is_own and is_loopback(settings.base_url)):
        return None
    return missing_key(settings, os.environ)


# --- as data --------------------------------------------------------------------------------------


def check_record(found: CheckResult) -> CheckRecord:
    """The result as public data."""
    plan, ahead = found.plan, found.forecast
    nothing: ForecastRecord = {"calls": None, "price": None}
    return {
        "schema": 1,
        "sheet": str(found.sheet),
        "workspace": str(found.workspace),
        "base_url": found.settings.base_url,
        "layout": dict(found.layout),
        "columns": [[header, found.fields.get(header)] for header in found.headers],
        "id_column": found.identity,
        "endpoint": found.settings.endpoint,
        "models": dict(found.models),
        "rows": None if plan is None else plan.staged,
        "bad_rows": None if plan is None else plan.bad,
        "plan": None if plan is None else _plan_record(plan),
        "findings": [_finding_record(one) for one in found.findings],
        "problems": [_finding_record(one) for one in found.problems],
        "requests": [_preview_record(row, one) for row, one in found.requests],
        **(nothing if ahead is None else forecast_record(ahead)),
        "prices_from": found.listed_at,
        "disk_free": found.disk_free,
        "stops": list(found.stops),
        "exit_code": int(found.exit_code),
    }


def _plan_record(plan: LoadPlan) -> PlanRecord:
    counts = {name: getattr(plan, name) for name in PlanRecord.__annotations__}
    return cast("PlanRecord", counts)


def _preview_record(row: int, one: Preview | str) -> PreviewRecord | NoPreviewRecord:
    if isinstance(one, str):
        return {"row": row, "problem": one}
    return {"row": row, **one.as_json(), "body": without_long_texts(one.body)}


def _finding_record(finding: Finding) -> FindingRecord:
    """Data is English, whatever language people read."""
    said = finding_text(finding, "en")
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "row": finding.row,
        "column": finding.column,
        "found": said.found,
        "expected": said.expected,
        "message": said.message,
    }
