"""A shared run in a store, with hosts that are only rows."""

from sqlalchemy import insert, select, update

from jobs.claimed import Holding
from jobs.store import Store
from jobs.store.schema import hosts, runs
from jobs.store.shared_run import NewRun, open_shared_run

RUN = 7


def open_run_of(store: Store, *names: str, cap: float | None = None, repeats: int = 0) -> None:
    """Open run 7 and let these hosts join it, heard just now."""
    with store.write() as tx:
        new = NewRun(program="test", cap=cap, repeats=repeats)
        open_shared_run(tx, holding_of("starter"), new, now=1000.0)
    for number, name in enumerate(names):
        add_host(store, name, number=number)


def add_host(store: Store, name: str, *, number: int, heard_at: float = 4e9) -> None:
    """One more host; it was heard of then."""
    with store.write() as tx:
        values = {"pid": 1, "program": "test", "state": "live", "joined_at": 0.0}
        heard = {"heard_at": heard_at, "heard_since": heard_at}
        tx.execute(
            insert(hosts).values(
                owner=name, number=number, run_id=RUN, name=name, **values, **heard
            )
        )


def change_host(store: Store, name: str, **values: object) -> None:
    """Change the row of a host."""
    with store.write() as tx:
        tx.execute(update(hosts).where(hosts.c.owner == name).values(**values))


def holding_of(name: str) -> Holding:
    """What a host of this run holds."""
    return Holding(sheet_id=1, run_id=RUN, owner=name)


def run_row(store: Store) -> dict[str, object]:
    """The row of the run."""
    with store.read() as tx:
        return dict(tx.execute(select(runs).where(runs.c.id == RUN)).one()._mapping)
