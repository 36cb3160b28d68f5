"""Where a job table is: in a file of a folder, or in a PostgreSQL database under a name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from jobs.errors import TableError
from jobs.store import Store

if TYPE_CHECKING:
    from jobs.store.postgres import Address
    from jobs.store.server_facts import ServerFacts

# The imports inside the functions below load the driver of PostgreSQL, which a folder needs not.


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderPlace:
    """A table in a file of its own, for the processes of one machine."""

    shared: ClassVar[bool] = False
    table: Path

    def open(self) -> Store:
        """Open the table as its only writer; it is made or migrated as needed."""
        return Store.open(self.table)

    def look(self) -> Store:
        """Open an existing table to read it, also during a run."""
        return Store.look(self.table)

    def stage(self) -> Store:
        """Open the table to compare a sheet with it."""
        return Store.stage(self.table)

    def exists(self) -> bool:
        """True if there is a table."""
        return self.table.exists() and self.table.stat().st_size > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabasePlace:
    """A table in a PostgreSQL database, for any number of machines.

    `url` is one of libpq, without a password and without `#NAME`; it may say `prepare=no`, for a
    pooler that knows no prepared statements. `origin` (JSON) says where the
    sheet comes from, for a table that is made.
    """

    shared: ClassVar[bool] = True
    url: str
    name: str
    password: str | None = field(default=None, repr=False)
    origin: str = "{}"

    def open(self) -> Store:
        """Open the table to write in it; it is made or migrated as needed."""
        from jobs.store.shared_store import open_shared  # noqa: PLC0415 - see above

        return open_shared(self._address(), self.name, origin=self.origin)

    def look(self) -> Store:
        """Open an existing table to read it, also during a run."""
        from jobs.store.shared_store import look_at_shared  # noqa: PLC0415 - see above

        return look_at_shared(self._address(), self.name)

    def stage(self) -> Store:
        """Open an existing table to compare a sheet with it; nothing may be committed."""
        from jobs.store.shared_store import compare_with_shared  # noqa: PLC0415 - see above

        return compare_with_shared(self._address(), self.name)

    def exists(self) -> bool:
        """True if the database has a table of this name."""
        return self.recorded_origin() is not None

    def recorded_origin(self) -> str | None:
        """Where the sheet of the table came from, as it was when the table was made."""
        from jobs.store.shared_store import shared_origin  # noqa: PLC0415 - see above

        return shared_origin(self._address(), self.name)

    def record_origin(self) -> None:
        """Record that the sheet comes from our origin from now on."""
        from jobs.store.shared_store import move_origin  # noqa: PLC0415 - see above

        move_origin(self._address(), self.name, self.origin)

    def _address(self) -> "Address":
        return _address(self.url, self.password)


Place: TypeAlias = FolderPlace | DatabasePlace


def names_in(url: str, password: str | None = None) -> list[str]:
    """The names of all tables that a database has."""
    address = _address(url, password)
    from jobs.store.shared_store import shared_names  # noqa: PLC0415 - see above

    return shared_names(address)


def answers_in(table: Path) -> int:
    """How many answers a folder's table has; 0 if there is none, or it was moved."""
    if not table.exists():
        return 0
    from jobs.store.move import answers_in as found  # noqa: PLC0415 - see above

    return found(table)


def move_table(table: Path, place: DatabasePlace) -> None:
    """Copy a folder's table into a database, whole, and mark the old one as moved."""
    from jobs.store.move import move  # noqa: PLC0415 - see above

    with place.open() as shared:
        move(table, shared, to=f"{place.url}#{place.name}")


def server_facts(url: str, password: str | None, name: str | None) -> "ServerFacts":
    """What a server says of itself and of one workspace, for people who set it up."""
    address = _address(url, password)
    from jobs.store.server_facts import server_facts_of  # noqa: PLC0415 - see above

    return server_facts_of(address, name)


def _address(url: str, password: str | None) -> "Address":
    if url.startswith("sqlite:"):
        raise TableError("database_sqlite")
    if not url.startswith(("postgresql://", "postgres://")):
        raise TableError("database_url")
    with _driver_needed():
        from jobs.store.postgres import Address  # noqa: PLC0415 - see above

    return Address.read(url, password)


@contextmanager
def _driver_needed() -> Iterator[None]:
    """Say how the driver of PostgreSQL is installed, where it is not."""
    try:
        yield
    except ImportError as error:
        raise TableError("database_driver", reason=str(error)) from error
