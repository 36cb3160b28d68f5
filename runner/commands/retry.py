"""`rowmill retry`: put rows back and run them."""

import time
from pathlib import Path

from jobs.job import FailureClass, State
from jobs.store import Store, Transaction
from jobs.store.choices import RETRIABLE, Choice, again, retry, retry_named
from jobs.store.readings import failed_by_class
from runner.catalogue import say
from runner.commands import options
from runner.commands.launch import Launch, launch
from runner.commands.run import sheet_and_workspace
from runner.exits import Exit, Refusal
from runner.screen import tell
from runner.settings import Settings
from runner.workspace import BATCH_ID, find


@options.argument("sheet", required=False)
def _retry(sheet: str | None) -> int:
    if sheet is None:
        workspace = find(None)
        loaded = workspace.loaded()
        if loaded is None:
            raise Refusal(say("workspace.none", folder=str(workspace.folder)))
        path = workspace.sheet_of(loaded)
    else:
        path, workspace = sheet_and_workspace(Path(sheet))
        loaded = workspace.loaded()
        if loaded is None:
            raise Refusal(say("workspace.none", folder=str(workspace.folder)))
    settings = options.settings(folder=path.absolute().parent, remembered=loaded.options)
    if settings.again and settings.rows is None and settings.class_ is None:
        raise Refusal(say("retry.again_needs_rows"), code=Exit.USAGE)
    if workspace.is_running():
        return _beside_a_run(Store.open(workspace.table), settings)
    return launch(
        Launch(
            sheet=path,
            workspace=workspace,
            settings=settings,
            before=lambda tx: _put_back(tx, settings),
        )
    )


def _beside_a_run(store: Store, settings: Settings) -> int:
    """While a run is going on, rows are only put back; it takes them up by itself."""
    try:
        with store.write() as tx:
            told = _put_back(tx, settings)
    finally:
        store.close()
    for sentence in (*told, say("retry.running")):
        tell(sentence)
    return Exit.DONE


def _put_back(tx: Transaction, settings: Settings) -> list[str]:
    """Put back what the options name; returns the sentences that say so."""
    now = time.time()
    before = failed_by_class(tx, BATCH_ID)
    choice = _choice(settings)
    if settings.again:
        count = again(tx, BATCH_ID, choice, now=now)
    elif settings.rows is not None and settings.class_ is None:
        count = retry_named(tx, BATCH_ID, choice, now=now)
    else:
        count = retry(tx, BATCH_ID, choice, now=now)
    left = failed_by_class(tx, BATCH_ID)
    if count:
        moved = {kind: number - left.get(kind, 0) for kind, number in before.items()}
        words = ", ".join(f"{number:,} × {kind}" for kind, number in moved.items() if number)
        return [say("retry.put_back", count=f"{count:,}", classes=words or "-")]
    named = [str(kind) for kind in before if kind not in RETRIABLE]
    if named and settings.class_ is None:
        return [say("retry.nothing", classes=", ".join(sorted(named)))]
    return [say("retry.none")]


def _choice(settings: Settings) -> Choice:
    names = settings.class_
    if names is None:
        return Choice(positions=settings.rows)
    return Choice(
        positions=settings.rows,
        classes=frozenset(FailureClass(name) for name in names if name != State.IN_DOUBT),
        in_doubt=str(State.IN_DOUBT) in names,
    )


command = options.command(
    "retry",
    examples=(
        "rowmill retry prompts.xlsx",
        "rowmill retry prompts.xlsx --class refused,truncated",
        "rowmill retry prompts.xlsx --rows 12,30-40 --again",
    ),
)(_retry)
