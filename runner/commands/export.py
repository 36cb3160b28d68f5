"""`rowmill export`: the results, in any format, to a file or to stdout."""

import sys
from dataclasses import dataclass
from pathlib import Path

import click

from jobs.export import (
    FORMATS,
    Options,
    Written,
    format_for,
    stream_results,
    write_results,
)
from jobs.sheet.writers import Tally
from jobs.store import Store, Transaction
from jobs.store.readings import Batch, batch, results, spent
from runner.catalogue import say
from runner.commands import options
from runner.exits import Refusal
from runner.screen import tell
from runner.workspace import BATCH_ID, Workspace, find

STATUSES = ("done", "failed", "pending", "in_doubt", "skipped", "parked")
STDOUT = "-"
BINARY = frozenset({"xlsx", "parquet"})


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What was asked for: where to (None: stdout), in which format, which rows."""

    target: Path | None
    format: str
    only: frozenset[str] | None
    safe: bool


@options.argument("sheet", required=False)
@click.option("-o", "--output", cls=options.ToldOption, metavar="FILE", default=STDOUT)
@click.option(
    "--format", cls=options.ToldOption, type=click.Choice(FORMATS), metavar="|".join(FORMATS)
)
@click.option("--only", cls=options.ToldOption, type=_Statuses(), metavar="STATUSES")
@click.option("--safe-csv", cls=options.ToldOption, is_flag=True)
def _export(
    sheet: str | None,
    *,
    output: str,
    format: str | None,  # noqa: A002 - click calls it by the option's name
    only: frozenset[str] | None,
    safe_csv: bool,
) -> None:
    wish = _Wish(
        target=None if output == STDOUT else Path(output),
        format=format or _format(output),
        only=only,
        safe=safe_csv,
    )
    if wish.target is None and wish.format in BINARY and sys.stdout.isatty():
        raise click.UsageError(say("export.terminal", format=wish.format))
    named = Path(sheet) if sheet is not None else None
    settings = options.settings(folder=named.absolute().parent if named is not None else None)
    workspace = find(named, settings.workspace)
    written = _write(workspace, wish)
    if not settings.quiet:
        _tell(written, wish)


def _format(output: str) -> str:
    if output == STDOUT:
        return "csv"
    found = format_for(output)
    if found is None:
        raise click.UsageError(say("export.ending", known=", ".join(FORMATS)))
    return found


def _write(workspace: Workspace, wish: _Wish) -> Written | Tally:
    store = Store.look(workspace.table)
    try:
        # One transaction: the rows are those of one moment, also while a run goes on.
        with store.read() as tx:
            loaded = _loaded(tx, workspace)
            given = Options(workspace=workspace.folder, safe=wish.safe, spent=spent(tx, BATCH_ID))
            rows = results(tx, BATCH_ID, only=wish.only)
            if wish.target is None:
                return stream_results(
                    rows, loaded, sys.stdout.buffer, format=wish.format, options=given
                )
            return write_results(rows, loaded, wish.target, format=wish.format, options=given)
    finally:
        store.close()


def _loaded(tx: Transaction, workspace: Workspace) -> Batch:
    found = batch(tx, BATCH_ID)
    if found is None:
        raise Refusal(say("export.nothing", folder=str(workspace.folder)))
    return found


def _tell(written: Written | Tally, wish: _Wish) -> None:
    """What was written where; on stderr, since stdout is for data."""
    if isinstance(written, Written):
        tell(say("export.written", rows=f"{written.rows:,}", file=str(written.path)))
        if written.moved:
            tell(say("export.moved", file=str(wish.target)))
    if written.replaced:
        tell(say("export.replaced", count=f"{written.replaced:,}", format=wish.format))
    if written.texts:
        tell(say("export.texts", count=f"{written.texts:,}"))


command = options.command(
    "export",
    examples=(
        "rowmill export prompts.xlsx -o results.csv",
        "rowmill export prompts.xlsx -o failed.xlsx --only failed,in_doubt",
        "rowmill export prompts.xlsx --format jsonl > results.jsonl",
    ),
)(_export)
