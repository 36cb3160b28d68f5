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

COLUMNS: Mapping[str, str] = {
    "chat": (
        "model prompt system image file detail stream schema response_format tools tool_choice "
        "temperature top_p max_tokens max_completion_tokens n seed stop presence_penalty "
        "frequency_penalty reasoning_effort verbosity lane params"
    ),
    "chat-image": (
        "model prompt image system n size aspect_ratio quality style background modalities seed "
        "stream params"
    ),
    "messages": (
        "model prompt system image file max_tokens stream temperature top_p stop_sequences tools "
        "tool_choice thinking lane params"
    ),
    "responses": (
        "model prompt system image file detail stream schema response_format tools tool_choice "
        "temperature top_p max_output_tokens reasoning_effort verbosity store background lane "
        "params"
    ),
    "gemini": (
        "model prompt system image file stream modalities size aspect_ratio schema "
        "response_format tools tool_choice temperature top_p top_k max_output_tokens n seed stop "
        "thinking safety lane params"
    ),
    "image": (
        "model prompt n size quality style background output_format output_compression moderation "
        "response_format user stream partial_images dialect lane params"
    ),
    "image-edit": (
        "model prompt image mask n size quality background output_format output_compression "
        "moderation input_fidelity response_format user stream partial_images image_field lane "
        "params"
    ),
    "mj-imagine": "prompt model image bot_type split mode params",
    "mj-blend": "image model dimensions bot_type mode params",
    "mj-action": "action model parent custom_id prompt image motion bot_type params",
    "video": (
        "model prompt image last_image seconds size resolution aspect_ratio negative_prompt seed "
        "mode audio watermark dialect params"
    ),
    "music": "prompt model lyrics tags title instrumental dialect params",
    "embedding": "model prompt dimensions encoding_format user rows_per_call lane params",
    "rerank": "model prompt documents top_n params",
    "speech": "model prompt voice instructions response_format speed params",
    "transcribe": (
        "model file task prompt language response_format timestamp_granularities temperature params"
    ),
}
"""The endpoints in display order, each with its columns; `runner/endpoints/` has a file for each.

The columns stand here too, so that a sheet's headers are known before any endpoint is imported.
"""

NAMES = tuple(COLUMNS)
_SHARING = ("embedding",)


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
    return _SHARING


@cache
def known_fields() -> frozenset[str]:
    """Every column name that any endpoint accepts."""
    return frozenset(name for names in COLUMNS.values() for name in names.split())
