"""`rowmill export`: writes the results in any format, to a file or to stdout."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from jobs.export import (
    FORMATS,
    ExportOptions,
    Written,
    format_for,
    property_columns,
    stream_results,
    unknown_fields,
    write_results,
)
from jobs.export.into_copy import COPIED_FORMATS, Original, write_into_copy
from jobs.loading.columns import RESULT_COLUMNS
from jobs.sheet.result_names import result_name
from jobs.sheet.write.writers import Tally
from jobs.store import Store, Transaction
from jobs.store.exported import confirm, give_back, take_new
from jobs.store.loaded_sheets import LoadedSheet, loaded_sheet
from jobs.store.log import last_run
from jobs.store.picks import picked_files
from jobs.store.queries.results import results
from jobs.store.queries.totals import spent
from runner.catalogue import say
from runner.catalogue.phrases import label
from runner.catalogue.reasons import reason
from runner.console import options
from runner.console.screen import data_stream, print_message
from runner.console.workspaces import find_workspace
from runner.exits import Exit, Refusal
from runner.files.picked import copy_picks
from runner.files.remote_results import is_address, remote_results
from runner.files.targets import files_address, with_target
from runner.intake.pick_list import keep_pick_list
from runner.launch.results import thumbnails_for
from runner.workspace.workspace import SHEET_ID, Workspace

STATUSES = ("done", "failed", "pending", "in_doubt", "skipped", "parked")
STDOUT = "-"
BINARY_FORMATS = frozenset({"xlsx", "parquet"})


class _Statuses(click.ParamType):  # type: ignore[type-arg]  # it has none before click 8.5
    """Statuses, separated by commas."""

    name = "statuses"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> frozenset[str]:
        if isinstance(value, frozenset):
            return value
        words = str(value).lower().replace("-", "_").split(",")
        chosen = frozenset(word.strip() for word in words) - {""}
        if not chosen or not chosen <= set(STATUSES):
            self.fail(say("export.statuses", known=", ".join(STATUSES)), param, ctx)
        return chosen

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The statuses."""
        del ctx, param  # click's signature
        return options.completions(incomplete, STATUSES)


class _Fields(click.ParamType):  # type: ignore[type-arg]  # it has none before click 8.5
    """Names of columns, separated by commas."""

    name = "fields"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> frozenset[str]:
        del param, ctx  # click's signature; the names are checked once the sheet is known
        if isinstance(value, frozenset):
            return value
        return frozenset(map(result_name, str(value).split(","))) - {""}


@dataclass(frozen=True, slots=True, kw_only=True)
class _ExportRequest:
    """The options of one export. Without a `target` it goes to stdout."""

    target: Path | None
    remote: str | None  # the address that the target is sent to afterwards
    format: str
    only: frozenset[str] | None
    new: bool
    thumbs: bool
    into_copy: bool
    expand: bool
    safe_csv: bool
    fields: frozenset[str] | None
    headers: str = "en"
    export: int | None = None  # of the new rows, once they are taken


@options.argument("sheet", required=False)
@click.option("-o", "--output", cls=options.RowmillOption, metavar="FILE", default=STDOUT)
@click.option(
    "--format", cls=options.RowmillOption, type=click.Choice(FORMATS), metavar="|".join(FORMATS)
)
@click.option("--only", cls=options.RowmillOption, type=_Statuses(), metavar="STATUSES")
@click.option("--new", cls=options.RowmillOption, is_flag=True)
@click.option("--fields", cls=options.RowmillOption, type=_Fields(), metavar="LIST")
@click.option("--thumbs", cls=options.RowmillOption, is_flag=True)
@click.option("--into-copy", cls=options.RowmillOption, is_flag=True)
@click.option("--expand", cls=options.RowmillOption, is_flag=True)
@click.option("--safe-csv", cls=options.RowmillOption, is_flag=True)
@click.option("--picks", cls=options.RowmillOption, metavar="DIR")
def _export(
    sheet: str | None,
    *,
    output: str,
    format: str | None,  # noqa: A002 - click calls it by the option's name
    picks: str | None,
    **asked: bool | frozenset[str] | None,
) -> None:
    if picks is not None:
        _refuse_beside_picks(output, {"format": format, **asked})
        _export_picks(sheet, Path(picks))
        return
    remote = output if is_address(output) else None
    target = None if output == STDOUT else Path(output.rpartition("/")[2] if remote else output)
    copied = bool(asked["into_copy"])
    form = "xlsx" if copied else (format or _format(output))
    request = _ExportRequest(target=target, remote=remote, format=form, **asked)  # type: ignore[arg-type]  # click's own names
    _check(request)
    named = options.sheet_path(sheet)
    settings = options.settings(folder=options.sheet_folder(named))
    if settings.from_ is not None:
        raise click.UsageError(say("picks.from_alone"), click.get_current_context())
    request = replace(request, headers=settings.headers)
    workspace = with_target(find_workspace(named), settings)
    written, place = _written(workspace, request)
    if not settings.quiet:
        _tell(written, request, place)


def _refuse_beside_picks(output: str, asked: Mapping[str, object]) -> None:
    """Raises UsageError for an option that says how results are written."""
    given = next((name for name, value in asked.items() if value), None)
    if output != STDOUT or given is not None:
        option = "-o" if output != STDOUT else f"--{str(given).replace('_', '-')}"
        raise click.UsageError(say("picks.alone", option=option), click.get_current_context())


def _export_picks(sheet: str | None, folder: Path) -> None:
    """Copy the picked files, those of a list included, into a folder."""
    named = options.sheet_path(sheet)
    settings = options.settings(folder=options.sheet_folder(named))
    workspace = with_target(find_workspace(named), settings)
    with _looking(workspace) as store, store.read() as tx:
        _loaded(tx, workspace)
    if settings.from_ is not None:
        keep_pick_list(settings.from_, workspace)
    with _looking(workspace) as store, store.read() as tx:
        picked = picked_files(tx, SHEET_ID)
    if not picked:
        raise Refusal(say("picks.none"))
    copied = copy_picks(workspace, picked, folder)
    if not settings.quiet:
        told = {"folder": str(folder), "file": str(copied.list)}
        print_message(say("picks.copied", count=f"{copied.files:,}", **told))
    if copied.lost:
        count, name = f"{len(copied.lost):,}", copied.lost[0]
        raise Refusal(say("picks.lost", count=count, name=name), code=Exit.OUTPUT)


def _format(output: str) -> str:
    if output == STDOUT:
        return "csv"
    found = format_for(output)
    if found is None:
        raise click.UsageError(say("export.ending", known=", ".join(FORMATS)))
    return found


def _check(request: _ExportRequest) -> None:
    """Refuse options that exclude each other."""
    if request.target is None and request.format in BINARY_FORMATS and sys.stdout.isatty():
        raise click.UsageError(say("export.terminal", format=request.format))
    if request.into_copy:
        ending = request.target.suffix.lower().lstrip(".") if request.target is not None else ""
        if ending not in COPIED_FORMATS:
            raise click.UsageError(say("export.copy_needs_file"))
        if request.fields is not None:
            raise click.UsageError(say("export.copy_has_all_fields"))
    if request.thumbs and request.format != "xlsx":
        raise click.UsageError(say("export.thumbs_need_workbook"))


def _written(workspace: Workspace, asked: _ExportRequest) -> tuple[Written | Tally, str]:
    """Write the results; returns what was written and where it is, for people."""
    with _taken(workspace, asked) as request:
        if request.remote is None or request.target is None:
            written = _write(workspace, request)
            return written, str(written.path) if isinstance(written, Written) else ""
        with remote_results(request.remote, name=request.target.name) as sent:
            written = _write(workspace, replace(request, target=sent.local))
            address = sent.send()
            assert isinstance(written, Written)
            return replace(written, moved=sent.moved), address


def _write(workspace: Workspace, request: _ExportRequest) -> Written | Tally:
    with _looking(workspace) as store, store.read() as tx:
        # One transaction: the rows are those of one moment, also while a run goes on.
        loaded = _loaded(tx, workspace)
        if unknown := unknown_fields(sorted(request.fields or ()), loaded.headers):
            known = ", ".join(RESULT_COLUMNS)
            raise click.UsageError(say("export.fields", found=unknown[0], known=known))
        given = _options(tx, workspace, request)
        if request.into_copy:
            assert request.target is not None
            return _into_copy(tx, workspace, loaded, request.target, (request, given))
        rows = results(tx, SHEET_ID, only=request.only, export=request.export)
        if request.target is None:
            stream = data_stream()
            tally = stream_results(rows, loaded, stream, format=request.format, options=given)
            stream.flush()
            return tally
        return write_results(rows, loaded, request.target, format=request.format, options=given)


@contextmanager
def _looking(workspace: Workspace) -> Iterator[Store]:
    with workspace.place.look() as store:
        yield store


@contextmanager
def _taken(workspace: Workspace, request: _ExportRequest) -> Iterator[_ExportRequest]:
    """With --new: reserve the new rows, and confirm them once the file is written."""
    if not request.new:
        yield request
        return
    with _looking(workspace):
        pass  # refuses an older table: an export does not migrate it
    number = time.time_ns()
    with workspace.place.open() as store:
        with store.write() as tx:
            take_new(tx, SHEET_ID, export=number, only=request.only)
        try:
            yield replace(request, export=number)
        except BaseException:
            with store.write() as tx:
                give_back(tx, export=number)
            raise
        with store.write() as tx:
            confirm(tx, export=number)


def _options(tx: Transaction, workspace: Workspace, request: _ExportRequest) -> ExportOptions:
    found = (
        results(tx, SHEET_ID, only=request.only, export=request.export) if request.expand else ()
    )
    return ExportOptions(
        workspace=workspace.folder,
        files_at=_files_at(tx, workspace, request),
        safe=request.safe_csv,
        spent=spent(tx, SHEET_ID),
        label=label,
        properties=property_columns(found),
        fields=request.fields,
        headers=request.headers,
        thumbs=thumbnails_for(tx, workspace, format=request.format, wanted=request.thumbs),
    )


def _files_at(tx: Transaction, workspace: Workspace, request: _ExportRequest) -> str | None:
    """The folder of the files as results name it; None for the workspace's, seen from them."""
    address = files_address(workspace, last_run(tx, SHEET_ID))
    if address is None and request.remote is not None:
        return workspace.files.resolve().as_posix()
    return address


def _into_copy(
    tx: Transaction,
    workspace: Workspace,
    loaded: LoadedSheet,
    target: Path,
    asked: tuple[_ExportRequest, ExportOptions],
) -> Written:
    request, given = asked
    original = Original(path=workspace.sheet_of(loaded), loaded=loaded)
    ending = original.path.suffix.lower()
    if ending.lstrip(".") in COPIED_FORMATS and target.suffix.lower() != ending:
        raise click.UsageError(say("export.copy_ending", ending=ending))
    return write_into_copy(
        lambda: results(tx, SHEET_ID, only=request.only, export=request.export),
        original,
        target,
        options=given,
    )


def _loaded(tx: Transaction, workspace: Workspace) -> LoadedSheet:
    found = loaded_sheet(tx, SHEET_ID)
    if found is None:
        raise Refusal(say("export.nothing", folder=str(workspace.folder)))
    return found


def _tell(written: Written | Tally, request: _ExportRequest, place: str) -> None:
    """Print what was written, on stderr, since stdout is for data."""
    if isinstance(written, Written):
        if written.unfit:
            print_message(say("export.unfit", reason=reason(written.unfit)))
        print_message(say("export.written", rows=f"{written.rows:,}", file=place))
        if written.moved:
            wanted = request.remote or str(request.target)
            print_message(say("export.moved", file=wanted))
    if written.replaced:
        print_message(say("export.replaced", count=f"{written.replaced:,}", format=request.format))
    if written.texts:
        print_message(say("export.texts", count=f"{written.texts:,}"))


command = options.command(
    "export",
    examples=(
        "rowmill export prompts.xlsx -o results.csv",
        'rowmill export prompts.xlsx --into-copy -o "prompts with results.xlsx"',
        "rowmill export prompts.xlsx --picks chosen",
    ),
)(_export)
