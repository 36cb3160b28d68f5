"""The endpoints there are, by name."""

import difflib
from dataclasses import dataclass
from functools import cache

from runner.endpoint import AnyEndpoint
from runner.endpoints import (
    chat,
    chat_image,
    embedding,
    image,
    image_edit,
    messages,
    mj_blend,
    mj_imagine,
)
from runner.inputs import describe

ENDPOINTS: dict[str, AnyEndpoint] = {
    item.name: item
    for item in (
        chat.ENDPOINT,
        chat_image.ENDPOINT,
        messages.ENDPOINT,
        image.ENDPOINT,
        image_edit.ENDPOINT,
        mj_imagine.ENDPOINT,
        mj_blend.ENDPOINT,
        embedding.ENDPOINT,
    )
}


def needed_fields(name: str | None) -> frozenset[str]:
    """Fields that every row of an endpoint needs; of none (yet), what nearly all need."""
    if name is None:
        return frozenset({"model", "prompt"})
    found = endpoint(name)
    if isinstance(found, UnknownEndpoint):
        return frozenset()  # that it is unknown is told with the rows
    return frozenset(item.name for item in describe(found.inputs) if item.required)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEndpoint:
    """No endpoint has this name; `likely` is the one that was probably meant."""

    name: str
    likely: str | None
    names: tuple[str, ...]

    def __str__(self) -> str:
        hint = f"did you mean {self.likely}? " if self.likely else ""
        return f"there is no endpoint {self.name!r}; {hint}There are: {', '.join(self.names)}"


def endpoint(name: str) -> AnyEndpoint | UnknownEndpoint:
    """The endpoint of that name; case, spaces and underscores do not matter."""
    plain = name.strip().lower().replace("_", "-").replace(" ", "-")
    if plain in ENDPOINTS:
        return ENDPOINTS[plain]
    likely = difflib.get_close_matches(plain, ENDPOINTS, n=1, cutoff=0.5)
    return UnknownEndpoint(name=name, likely=next(iter(likely), None), names=tuple(ENDPOINTS))


@cache
def known_fields() -> frozenset[str]:
    """Every column name that some endpoint understands."""
    return frozenset(field.name for item in ENDPOINTS.values() for field in describe(item.inputs))
