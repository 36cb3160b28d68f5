"""`rowmill retry`: put rows back and run them."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click

from jobs.job import RETRIABLE, FailureClass, State
from jobs.store import Store, Transaction
from jobs.store.batches import LoadedSheet
from jobs.store.queries.totals import by_class, counts, failures
from jobs.store.queue.choices import RowChoice, again, retry, retry_named
from runner.catalogue import say
from runner.console import options
from runner.console.screen import print_message
from runner.exits import Exit, Refusal
from runner.intake.corrections import NamedRows, RowsFileKind, read_named
from runner.launch.launch import launch
from runner.launch.locate import bring_forward, sheet_and_workspace, tell_absent
from runner.launch.request import RunRequest
from runner.settings.settings import Settings
from runner.workspace.lookup import find
from runner.workspace.workspace import SHEET_ID, Workspace

KEYS_AT_ONCE = 10_000  # what one statement may name
PutBack = Callable[[Transaction, int, RowChoice], int]


@options.argument("sheet", required=False)
def _retry(sheet: str | None) -> int:
    bring_forward(Path(sheet) if sheet is not None else None)
    if sheet is None:
        workspace = find(None, options.workspace_folder(None))
        loaded = _loaded(workspace)
        path = workspace.sheet_of(loaded)
    else:
        path, workspace = sheet_and_workspace(Path(sheet))
        loaded = _loaded(workspace)
    settings = options.settings(
        folder=path.absolute().parent, remembered=loaded.options, workspace=workspace.folder
    )
    if settings.from_ is not None and settings.rows is not None:
        raise click.UsageError(say("from.not_with_rows"), click.get_current_context())
    named = _named(settings, workspace, loaded)
    if settings.again and settings.rows is None and settings.class_ is None and named is None:
        raise Refusal(say("retry.again_needs_rows"), code=Exit.USAGE)
    if workspace.is_running():
        return _beside_a_run(Store.open(workspace.table), path.name, settings, named)
    if named is not None and not settings.quiet:
        for sentence in _told(named, settings):
            print_message(sentence)
    return launch(
        RunRequest(
            sheet=path,
            workspace=workspace,
            settings=settings,
            before=lambda tx: _put_back(tx, settings, named),
            edits=named.edits if named is not None else (),
        )
    )


def _loaded(workspace: Workspace) -> LoadedSheet:
    found = workspace.loaded()
    if found is None:
        raise Refusal(say("workspace.none", folder=str(workspace.folder)))
    return found


def _named(settings: Settings, workspace: Workspace, loaded: LoadedSheet) -> NamedRows | None:
    """The rows of --from; where a class or --again says more, all those of a results file."""
    if settings.from_ is None:
        return None
    chosen = settings.again or settings.class_ is not None
    return read_named(
        settings.from_, workspace, loaded, statuses=None if chosen else frozenset({State.FAILED})
    )


def _told(named: NamedRows, settings: Settings) -> Iterator[str]:
    """What the file asks for."""
    if not named.keys:
        yield say("from.empty", file=str(named.file))
    elif named.source is not RowsFileKind.FIXES:
        yield say("from.rows", file=str(named.file), rows=f"{len(named.keys):,}")
    else:
        edited, rows = f"{len(named.edited):,}", f"{len(named.keys):,}"
        yield say("from.fixes", file=str(named.file), edited=edited, rows=rows)
        if named.unchanged and not (settings.again or settings.class_):
            yield say("from.unchanged", count=f"{len(named.unchanged):,}")


def _beside_a_run(store: Store, sheet: str, settings: Settings, named: NamedRows | None) -> int:
    """While a run is going on, rows are only put back; it takes them up by itself."""
    waiting = len(named.edited) if named is not None else 0
    if named is not None and waiting:
        print_message(say("from.beside_run", count=f"{waiting:,}", file=str(named.file)))
        named = replace(named, keys=named.unchanged, edits=())
    try:
        with store.write() as tx:
            tell_absent(tx, sheet, settings.rows)
            told = _put_back(tx, settings, named)
    finally:
        store.close()
    for sentence in (*told, say("retry.running")):
        print_message(sentence)
    return Exit.DONE


def _put_back(tx: Transaction, settings: Settings, named: NamedRows | None) -> list[str]:
    """Put back what the options name; returns the sentences that say so."""
    before = _settled(tx)
    put = _how(settings, named)
    count = sum(put(tx, SHEET_ID, choice) for choice in _choices(settings, named))
    if count:
        moved = before - _settled(tx)
        words = ", ".join(f"{number:,} × {kind}" for kind, number in moved.items())
        return [say("retry.put_back", count=f"{count:,}", classes=words)]
    if named is not None and named.edits:
        return []  # the corrected rows are new requests, and counted as such
    others = [str(kind) for kind in by_class(failures(tx, SHEET_ID)) if kind not in RETRIABLE]
    if others and settings.class_ is None:
        return [say("retry.nothing", classes=", ".join(sorted(others)))]
    return [say("retry.none")]


def _settled(tx: Transaction) -> Counter[str]:
    """How many rows a person could put back, by failure class or by status."""
    standing = counts(tx, SHEET_ID)
    failed = {str(kind): count for kind, count in by_class(failures(tx, SHEET_ID)).items()}
    others = {name: getattr(standing, name) for name in ("in_doubt", "done", "skipped")}
    return Counter({**failed, **others})


def _how(settings: Settings, named: NamedRows | None) -> PutBack:
    """Rows that a person pointed at go back whatever failed; a list of failures, by class."""
    now = time.time()
    pointed = settings.rows is not None or (
        named is not None and named.source is RowsFileKind.TICKS
    )
    if settings.again:
        return lambda tx, batch, choice: again(tx, batch, choice, now=now)
    if pointed and settings.class_ is None:
        return lambda tx, batch, choice: retry_named(tx, batch, choice, now=now)
    return lambda tx, batch, choice: retry(tx, batch, choice, now=now)


def _choices(settings: Settings, named: NamedRows | None) -> Iterator[RowChoice]:
    """What is to be put back, in pieces that one statement can name."""
    choice = _by_class(settings)
    if named is None:
        yield choice
        return
    keys = _keys(settings, named)
    for start in range(0, len(keys), KEYS_AT_ONCE):
        yield replace(choice, keys=keys[start : start + KEYS_AT_ONCE])


def _keys(settings: Settings, named: NamedRows) -> Sequence[str]:
    """Corrected rows are ready by themselves; those left as they were only where asked for."""
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
