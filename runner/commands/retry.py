"""`rowmill retry`: puts rows back and runs exactly these."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import click

from jobs.job import RETRIABLE, FailureClass, State
from jobs.store import Transaction
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.queries.totals import by_class, counts, failures
from jobs.store.queue.choices import RowChoice, again, candidates, retry, retry_named
from jobs.store.queue.put_back import free_at, put_back_at, ready_of_keys
from runner.catalogue import say
from runner.console import options
from runner.console.screen import print_message
from runner.console.workspaces import find_workspace
from runner.exits import Exit, Refusal
from runner.files.targets import with_target
from runner.intake.corrections import NamedRows, RowsFileKind, read_named
from runner.launch.launch import launch, put_back_beside_run
from runner.launch.locate import bring_forward, sheet_and_workspace, warn_of_missing_rows
from runner.launch.request import PutBack, RunRequest
from runner.settings.settings import Settings
from runner.workspace.workspace import SHEET_ID, Workspace

KEYS_IN_ONE_STATEMENT = 10_000  # what one statement may name
Mover = Callable[[Transaction, int, RowChoice], int]


@options.argument("sheet", required=False)
@click.option("--agreed", cls=options.CommandOption, metavar="PLAN|ask")
def _retry(sheet: str | None, *, agreed: str | None) -> int:
    named_sheet = options.sheet_path(sheet)
    bring_forward(named_sheet)
    if named_sheet is None:
        workspace = find_workspace(None)
        loaded = _loaded(workspace)
        path = workspace.sheet_of(loaded)
    else:
        path, workspace = sheet_and_workspace(named_sheet)
        loaded = _loaded(workspace)
    is_here = not workspace.place.shared or path.is_file()
    settings = options.settings(
        folder=path.absolute().parent if is_here else None,
        remembered=loaded.options,
        workspace=workspace.folder,
    )
    if settings.from_ is not None and settings.rows is not None:
        raise click.UsageError(say("from.not_with_rows"), click.get_current_context())
    named = _named(settings, workspace, loaded)
    if settings.again and settings.rows is None and settings.class_ is None and named is None:
        raise Refusal(say("retry.again_needs_rows"), code=Exit.USAGE)
    beside = workspace.is_running()
    if named is not None and not settings.quiet and not beside:
        for sentence in _told(named, settings):
            print_message(sentence)
    if named is not None and beside:
        named = _without_edits(named)
    request = RunRequest(
        sheet=path,
        sheet_is_here=is_here,
        workspace=with_target(workspace, settings),
        settings=settings,
        put_back=lambda tx: _put_back(tx, settings, named, path.name),
        edits=named.edits if named is not None else (),
        agreed=agreed,
    )
    return put_back_beside_run(request) if beside else launch(request)


def _loaded(workspace: Workspace) -> LoadedSheet:
    found = workspace.loaded()
    if found is None:
        raise Refusal(say("workspace.none", folder=str(workspace.folder)))
    return found


def _named(settings: Settings, workspace: Workspace, loaded: LoadedSheet) -> NamedRows | None:
    """The rows that --from names: with --class or --again, all rows of a results file."""
    if settings.from_ is None:
        return None
    chosen = settings.again or settings.class_ is not None
    return read_named(
        settings.from_, workspace, loaded, statuses=None if chosen else frozenset({State.FAILED})
    )


def _told(named: NamedRows, settings: Settings) -> Iterator[str]:
    """Sentences about the rows that the file names."""
    if not named.keys:
        yield say("from.empty", file=str(named.file))
    elif named.source is not RowsFileKind.FIXES:
        yield say("from.rows", file=str(named.file), rows=f"{len(named.keys):,}")
    else:
        edited, rows = f"{len(named.edited):,}", f"{len(named.keys):,}"
        yield say("from.fixes", file=str(named.file), edited=edited, rows=rows)
        if named.unchanged and not (settings.again or settings.class_):
            yield say("from.unchanged", count=f"{len(named.unchanged):,}")


def _without_edits(named: NamedRows) -> NamedRows:
    """Corrected rows are loaded when no run is going on; the others are put back now."""
    if waiting := len(named.edited):
        print_message(say("from.beside_run", count=f"{waiting:,}", file=str(named.file)))
    return replace(named, keys=named.unchanged, edits=())


def _put_back(tx: Transaction, settings: Settings, named: NamedRows | None, sheet: str) -> PutBack:
    """Put back what the options name."""
    warn_of_missing_rows(tx, sheet, settings.rows)
    before, now = _settled(tx), time.time()
    put = _how(settings, named, now)
    count = sum(put(tx, SHEET_ID, choice) for choice in _choices(settings, named))
    jobs = put_back_at(tx, SHEET_ID, now=now)
    if named is not None and named.source is RowsFileKind.FIXES:
        jobs = (*jobs, *ready_of_keys(tx, SHEET_ID, named.keys))
    elif named is None and settings.rows is None and settings.class_ is None:
        # And those that an interrupted retry put back and did not reach.
        jobs = tuple(one.id for one in candidates(tx, SHEET_ID, requeued=True))
    free = free_at(tx, SHEET_ID, now=now)
    sentences = _words(count, free, before - _settled(tx))
    if not count and not jobs:
        sentences = [_nothing(tx, settings)]
    return PutBack(jobs=jobs, free=free, sentences=tuple(sentences))


def _words(count: int, free: int, moved: Counter[str]) -> list[str]:
    if not count:
        return []  # corrected rows are new requests, and told as such
    classes = ", ".join(f"{number:,} × {kind}" for kind, number in moved.items())
    told = [say("retry.put_back", count=f"{count:,}", classes=classes)]
    return [*told, say("retry.free", count=f"{free:,}")] if free else told


def _nothing(tx: Transaction, settings: Settings) -> str:
    """Why there is nothing to retry, and what else there is to do."""
    others = [str(kind) for kind in by_class(failures(tx, SHEET_ID)) if kind not in RETRIABLE]
    if others and settings.class_ is None and settings.rows is None:
        return say("retry.nothing", classes=",".join(sorted(others)))
    if pending := counts(tx, SHEET_ID).pending:
        return say("retry.not_run_yet", count=f"{pending:,}")
    return say("retry.none")


def _settled(tx: Transaction) -> Counter[str]:
    """The number of rows that could be put back, by failure class or status."""
    standing = counts(tx, SHEET_ID)
    failed = {str(kind): count for kind, count in by_class(failures(tx, SHEET_ID)).items()}
    others = {name: getattr(standing, name) for name in ("in_doubt", "done", "skipped")}
    return Counter({**failed, **others})


def _how(settings: Settings, named: NamedRows | None, now: float) -> Mover:
    """How to put rows back: named rows in whatever state they ended, others by class."""
    pointed = settings.rows is not None or (
        named is not None and named.source is RowsFileKind.TICKS
    )
    if settings.again:
        # What `again` leaves, since its answer is paid for, goes back to its download.
        return lambda tx, sheet_id, choice: (
            again(tx, sheet_id, choice, now=now)
            + (retry_named(tx, sheet_id, choice, now=now) if choice.classes is None else 0)
        )
    if pointed and settings.class_ is None:
        return lambda tx, sheet_id, choice: retry_named(tx, sheet_id, choice, now=now)
    return lambda tx, sheet_id, choice: retry(tx, sheet_id, choice, now=now)


def _choices(settings: Settings, named: NamedRows | None) -> Iterator[RowChoice]:
    """The rows to put back, in pieces that fit into one statement."""
    choice = _by_class(settings)
    if named is None:
        yield choice
        return
    keys = _keys(settings, named)
    for start in range(0, len(keys), KEYS_IN_ONE_STATEMENT):
        yield replace(choice, keys=keys[start : start + KEYS_IN_ONE_STATEMENT])


def _keys(settings: Settings, named: NamedRows) -> Sequence[str]:
    """Keys to put back: corrected rows are ready already, unchanged ones only if asked for."""
    if named.source is not RowsFileKind.FIXES:
        return named.keys
    return named.unchanged if settings.again or settings.class_ is not None else ()


def _by_class(settings: Settings) -> RowChoice:
    names = settings.class_
    if names is None:
        return RowChoice(positions=settings.rows)
    return RowChoice(
        positions=settings.rows,
        classes=frozenset(FailureClass(name) for name in names if name != State.IN_DOUBT),
        in_doubt=str(State.IN_DOUBT) in names,
    )


command = options.command(
    "retry",
    examples=(
        "rowmill retry prompts.xlsx",
        "rowmill retry prompts.xlsx --from fixes.xlsx",
        "rowmill retry prompts.xlsx --rows 12,30-40 --again",
    ),
)(_retry)
