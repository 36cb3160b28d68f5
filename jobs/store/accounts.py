"""What hosts that use the same key share of its limits: a row of the database for each account."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text, update

from jobs.store import Store
from jobs.store.statements import inserting
from jobs.store.team import accounts, salt


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """The last minute of an account. Times are Unix seconds of the database's clock."""

    at: float
    starts: tuple[int, ...]  # calls begun, by second
    credit: float
    allowance: float = math.inf  # tokens
    paused_until: float = -math.inf


def account_salt(connection: Connection) -> bytes:
    """The secret of this database: without it a guessed key cannot be checked against a row."""
    found: bytes = connection.execute(select(salt.c.value)).scalar_one()
    return bytes(found)


def lose_at_worst(connection: Connection) -> None:
    """Do not wait for the disk: a crash of the server may forget the last changes of limits."""
    connection.execute(text("SET LOCAL synchronous_commit = off"))


_COLUMNS = (
    func.extract("epoch", func.clock_timestamp()).label("now"),
    *(accounts.c.at, accounts.c.starts, accounts.c.credit, accounts.c.allowance),
    accounts.c.paused_until,
)


def read_account(
    connection: Connection, account: bytes, *, lock: bool = False
) -> tuple[AccountRow | None, float]:
    """The row of an account, None if it has none yet, with the time of the database."""
    found = select(*_COLUMNS).where(accounts.c.id == account)
    row = connection.execute(found.with_for_update() if lock else found).one_or_none()
    if row is None:
        now: float = connection.execute(select(_COLUMNS[0])).scalar_one()
        return None, float(now)
    known = AccountRow(
        at=row.at,
        starts=tuple(json.loads(row.starts)),
        credit=row.credit,
        allowance=row.allowance,
        paused_until=row.paused_until,
    )
    return known, float(row.now)


def write_account(
    connection: Connection, account: bytes, row: AccountRow, *, is_known: bool
) -> bool:
    """Write the row that `read_account` locked, or that it did not find.

    False if another host wrote the first one meanwhile: then read it again.
    """
    values = {
        "at": row.at,
        "starts": json.dumps(row.starts),
        "credit": row.credit,
        "allowance": row.allowance,
        "paused_until": row.paused_until,
    }
    if is_known:
        connection.execute(update(accounts).where(accounts.c.id == account).values(**values))
        return True
    first = inserting(connection.dialect, accounts).values(id=account, **values)
    written = first.on_conflict_do_nothing().returning(accounts.c.id)
    return connection.execute(written).first() is not None


class AccountTable:
    """The rows of accounts, by a store of their own: nothing waits for them but limits."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, account: bytes) -> tuple[AccountRow | None, float]:
        """The row, and the time of the database's clock."""
        with self._store.read() as tx:
            return read_account(tx, account)

    def change(
        self, account: bytes, change: Callable[[AccountRow | None, float], AccountRow]
    ) -> None:
        """Replace the row by what `change` makes of it and of the time."""
        written = False
        while not written:
            with self._store.write() as tx:
                lose_at_worst(tx)
                row, now = read_account(tx, account, lock=True)
                written = write_account(tx, account, change(row, now), is_known=row is not None)
