"""Finds the task dialect that a row, or else its provider, has."""

from runner.endpoints.dialects.tasks.handed_in import dialects, provider
from runner.endpoints.fields import InputError
from runner.protocol.task_dialect import TaskDialect

COLUMN = "dialect"
USUAL = {"video": "newapi", "music": "suno", "image": "async-images"}
"""The dialect of an endpoint where neither the row nor the provider's preset names one."""


def dialect_of(endpoint: str, name: str | None) -> TaskDialect:
    """The dialect of that name, or the usual one. Raises InputError for an unknown name."""
    if not name:
        return _usual(endpoint)
    found = dialects().get(name.strip().lower())
    if found is None or endpoint not in found.endpoints:
        raise InputError(COLUMN, expected=" or ".join(names_for(endpoint)), found=name[:40])
    return found


def dialect_named(name: str) -> TaskDialect | None:
    """The dialect of that name, whatever endpoint speaks it."""
    return dialects().get(name)


def names_for(endpoint: str) -> list[str]:
    """The dialects that an endpoint may speak."""
    return sorted(one.name for one in dialects().values() if endpoint in one.endpoints)


def _usual(endpoint: str) -> TaskDialect:
    mine = (
        one
        for one in dialects().values()
        if endpoint in one.endpoints and provider() in one.providers
    )
    return next(mine, None) or dialects()[USUAL.get(endpoint, endpoint)]
