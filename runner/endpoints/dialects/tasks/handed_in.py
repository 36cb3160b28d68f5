"""Where this process has its task dialects from: the settings hand them in.

It imports next to nothing, since every command hands them in and few use them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.protocol.task_dialect import TaskDialect


@dataclass(slots=True)
class _HandedIn:
    load: "Callable[[], Mapping[str, TaskDialect]]"
    provider: str = ""
    dialects: "Mapping[str, TaskDialect] | None" = None


_HANDED_IN = _HandedIn(load=dict)


def hand_in(load: "Callable[[], Mapping[str, TaskDialect]]", provider: str) -> None:
    """Set the dialects, which are loaded on first use, and the provider that requests go to."""
    _HANDED_IN.load, _HANDED_IN.provider, _HANDED_IN.dialects = load, provider, None


def dialects() -> "Mapping[str, TaskDialect]":
    """The dialects by name."""
    if _HANDED_IN.dialects is None:
        _HANDED_IN.dialects = _HANDED_IN.load()
    return _HANDED_IN.dialects


def provider() -> str:
    """The name of the provider that requests go to."""
    return _HANDED_IN.provider
