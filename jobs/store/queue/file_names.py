"""Reserves the names of files before their bytes are put where several hosts put theirs."""

import hashlib
import unicodedata
from enum import Enum

from sqlalchemy import Connection, select

from jobs.store.schema import file_names
from jobs.store.statements import inserting


class Reservation(Enum):
    """What became of the wish for a name."""

    NEW = "new"
    AGAIN = "again"  # reserved before for the same bytes: somebody may have begun to put them
    TAKEN = "taken"


def reserve_name(connection: Connection, name: str, sha256: bytes) -> Reservation:
    """Reserve a name for these bytes, unless it, or its twin in other case, is another file's.

    A reservation stays: who dies before the bytes are put finds it again by the same bytes.
    """
    folded = fold(name)
    own = {"folded": folded, "name": name, "sha256": sha256}
    insert = inserting(connection.dialect, file_names).values(own).on_conflict_do_nothing()
    if connection.execute(insert.returning(file_names.c.name)).first() is not None:
        return Reservation.NEW
    found = connection.execute(
        select(file_names.c.name, file_names.c.sha256).where(file_names.c.folded == folded)
    ).one()
    same = (found.name, bytes(found.sha256)) == (name, sha256)
    return Reservation.AGAIN if same else Reservation.TAKEN


def fold(name: str) -> bytes:
    """The same for all names that some file system takes for one."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()
