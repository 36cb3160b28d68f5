"""The loaded sheet of a table."""

import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from jobs.job import JSON
from jobs.store.schema import batches


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSheet:
    """What the table keeps about its sheet."""

    id: int
    sheet: str
    sheet_digest: bytes
    options_digest: bytes
    headers: tuple[str, ...]
    layout: dict[str, JSON]
    id_column: str | None
    options: dict[str, JSON]
    attached: list[list[JSON]]
    loaded_at: float


def loaded_sheet(connection: Connection, sheet_id: int) -> LoadedSheet | None:
    """The loaded sheet, or None for an empty table."""
    found = connection.execute(select(batches).where(batches.c.id == sheet_id)).one_or_none()
    if found is None:
        return None
    return LoadedSheet(
        id=found.id,
        sheet=found.sheet,
        sheet_digest=found.sheet_digest,
        options_digest=found.options_digest,
        headers=tuple(json.loads(found.headers)),
        layout=json.loads(found.layout),
        id_column=found.id_column,
        options=json.loads(found.options),
        attached=json.loads(found.attached),
        loaded_at=found.loaded_at,
    )


def digest_of_options(options: JSON) -> bytes:
    """BLAKE2b over options as canonical JSON."""
    text = json.dumps(options, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
