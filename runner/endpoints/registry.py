"""The registry of endpoints by name."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TypeVar

from runner.endpoints.endpoint import AnyEndpoint
from runner.endpoints.fields import describe

T = TypeVar("T")

NAMES = (
    *("chat", "chat-image", "messages", "responses", "gemini", "image", "image-edit"),
    *("mj-imagine", "mj-blend", "mj-action", "video", "music"),
    *("embedding", "rerank", "speech", "transcribe"),
)
"""In display order; `runner/endpoints/` has a file for each."""


class ByName(Mapping[str, T]):
    """Values by endpoint name, each made on first access; if `make` returns None, there is none."""

    def __init__(self, make: Callable[[str], T | None]) -> None:
        self._make = cache(make)

    def __getitem__(self, name: str) -> T:
        value = self._make(name) if name in NAMES else None
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return name in NAMES and self._make(str(name)) is not None

    def __iter__(self) -> Iterator[str]:
        return (name for name in NAMES if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Endpoints(ByName[AnyEndpoint]):
    """All endpoints. Listing their names imports none of them."""

    def __contains__(self, name: object) -> bool:
        return name in NAMES

    def __len__(self) -> int:
        return len(NAMES)


def _load_endpoint(name: str) -> AnyEndpoint:
    found: AnyEndpoint = import_module(f"runner.endpoints.{name.replace('-', '_')}").ENDPOINT
    return found


ENDPOINTS: Mapping[str, AnyEndpoint] = _Endpoints(_load_endpoint)
"""The endpoints by name. Each file is imported on first access."""


def needed_fields(name: str | None) -> frozenset[str]:
    """The required fields of an endpoint; if `name` is None, those that nearly all require."""
    if name is None:
        return frozenset({"model", "prompt"})
    found = endpoint(name)
    if isinstance(found, UnknownEndpoint):
        return frozenset()  # the rows report the unknown endpoint
    return frozenset(item.name for item in describe(found.inputs) if item.required)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEndpoint:
    """No endpoint has this name; `likely` is the closest match."""

    name: str
    likely: str | None
    names: tuple[str, ...]

    def __str__(self) -> str:
        hint = f"did you mean {self.likely}? " if self.likely else ""
        return f"there is no endpoint {self.name!r}; {hint}There are: {', '.join(self.names)}"


def endpoint(name: str) -> AnyEndpoint | UnknownEndpoint:
    """The endpoint of that name; ignores case and treats spaces and underscores as hyphens."""
    plain = name.strip().lower().replace("_", "-").replace(" ", "-")
    if plain in NAMES:
        return ENDPOINTS[plain]
    likely = difflib.get_close_matches(plain, NAMES, n=1, cutoff=0.5)
    return UnknownEndpoint(name=name, likely=next(iter(likely), None), names=NAMES)


def sharing_endpoints() -> tuple[str, ...]:
    """The names of the endpoints whose rows may share a call."""
    return tuple(name for name, item in ENDPOINTS.items() if item.sharing is not None)


@cache
def known_fields() -> frozenset[str]:
    """Every column name that any endpoint accepts."""
    return frozenset(field.name for item in ENDPOINTS.values() for field in describe(item.inputs))
