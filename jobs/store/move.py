"""Moves a table from its folder into a database, whole, so that nothing is bought again."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, text

from jobs.errors import TableError
from jobs.job import State
from jobs.store import Store, lock_for_load
from jobs.store.database import MOVED, is_moved, revision_of, sqlite_engine
from jobs.store.queue.file_names import fold
from jobs.store.schema import answers, file_names, files, hosts, jobs, metadata, runs
from jobs.store.statements import inserting

AT_ONCE = 1000  # rows of a table that are copied at a time
LAST_NUMBER = 1023  # of hosts; those that the old table leaves are given the last ones


def answers_in(path: Path) -> int:
    """How many answers a folder's table has; 0 if there is none, or it was moved."""
    if not path.exists() or not path.stat().st_size:
        return 0
    engine = sqlite_engine(path, writer=False)
    try:
        found = revision_of(engine)
        if found is None or is_moved(found):
            return 0
        with engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(answers)).scalar_one())
    finally:
        engine.dispose()


def move(path: Path, shared: Store, *, to: str) -> None:
    """Copy a folder's table into an empty shared one, in one transaction, then mark it as moved.

    Jobs that a dead process left running go to hosts that take over, as from a host that is lost.
    A copy that was made before, without the mark, is only marked.
    """
    with Store.open(path) as old:
        with old.read() as source, shared.session() as target, target.begin():
            lock_for_load(target)
            if not _is_copied(source, target):
                _copy(source, target)
        with old.write() as tx:
            tx.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": MOVED + to})


def _is_copied(source: Connection, target: Connection) -> bool:
    """True if the shared table holds this very one. Raises TableError if it holds another."""
    if target.execute(select(jobs.c.id).limit(1)).scalar() is None:
        return False
    ours, theirs = (set(tx.execute(select(runs.c.id)).scalars()) for tx in (source, target))
    if ours and ours <= theirs:
        return True
    raise TableError("move_into_full")


def _copy(source: Connection, target: Connection) -> None:
    for table in metadata.sorted_tables:
        target.execute(table.delete())
        for some in _chunks(source, table):
            target.execute(insert(table), some)
    _reserve_names(source, target)
    left = source.execute(
        select(jobs.c.owner).where(jobs.c.state == State.RUNNING.value).distinct()
    ).scalars()
    silent = [_silent_host(source, owner, number) for number, owner in enumerate(left)]
    if silent:
        target.execute(insert(hosts), silent)


def _reserve_names(source: Connection, target: Connection) -> None:
    """Reserve the names of the files that a folder has, which needed no reservation there."""
    saved = select(files.c.name, files.c.sha256).where(
        files.c.name.is_not(None), files.c.sha256 != b""
    )
    found = source.execution_options(stream_results=True).execute(saved.distinct()).mappings()
    taking = inserting(target.dialect, file_names).on_conflict_do_nothing()
    while some := found.fetchmany(AT_ONCE):
        target.execute(taking, [{**row, "folded": fold(row["name"])} for row in some])


def _chunks(source: Connection, table: Table) -> Iterator[Sequence[dict[str, Any]]]:
    found = source.execution_options(stream_results=True).execute(select(table)).mappings()
    while some := found.fetchmany(AT_ONCE):
        yield [dict(row) for row in some]


def _silent_host(source: Connection, owner: str, number: int) -> dict[str, Any]:
    """A host that was never heard of, for the process that left its jobs."""
    run = source.execute(select(runs).where(runs.c.owner == owner)).first()
    newest = source.execute(select(func.max(runs.c.id))).scalar_one()
    return {
        "owner": owner,
        "number": LAST_NUMBER - number,
        "run_id": run.id if run is not None else newest or 0,
        "name": run.host if run is not None else "?",
        "pid": run.pid if run is not None else 0,
        "program": run.program if run is not None else "?",
        "state": "live",
        "joined_at": 0.0,
        "heard_at": 0.0,
        "heard_since": 0.0,
    }
