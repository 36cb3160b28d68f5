"""Which providers sell batches of which requests, and the form in which each words them."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from runner.lanes.batch_forms.anthropic import AnthropicForm
from runner.lanes.batch_forms.gemini import GeminiForm
from runner.lanes.batch_forms.openai import OpenAIForm
from runner.lanes.batch_forms.openrouter import OpenRouterForm
from runner.lanes.batch_sites import is_at
from runner.lanes.batch_wire import BatchForm, BatchOffer
from runner.protocol.lane_rule import LaneRule

_PATHS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "embedding": "/v1/embeddings",
    "image": "/v1/images/generations",
    "image-edit": "/v1/images/edits",
}
"""The paths of the calls of our endpoints; those of gemini hold the model."""
_FORMS: Mapping[str, Callable[[BatchOffer], BatchForm]] = {
    "openai": OpenAIForm,
    "anthropic": AnthropicForm,
    "gemini": GeminiForm,
    "openrouter": OpenRouterForm,
}


def batch_offer(
    base_url: str, own: LaneRule | None, endpoint: str, model: str
) -> BatchOffer | None:
    """How batches of this endpoint and model are bought; None if they are not sold.

    `own` is what the person's settings say about batches; it replaces what is shipped.
    """
    found = _offer_at(urlsplit(base_url).hostname or "") if own is None else _own_offer(own)
    if found is None or endpoint not in found.endpoints:
        return None
    models = found.offer.models
    fits = models is None or re.fullmatch(models, model) is not None
    return found.offer if fits else None


def form_of(offer: BatchOffer) -> BatchForm:
    """The form in which an offer's batches are worded."""
    return _FORMS[offer.form](offer)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sold:
    offer: BatchOffer
    endpoints: frozenset[str]


@cache
def _shipped() -> tuple[_Sold, ...]:
    text = files("runner.lanes").joinpath("batches.toml").read_text(encoding="utf-8")
    return tuple(map(_sold, tomllib.loads(text)["batch"]))


def _sold(entry: Mapping[str, Any]) -> _Sold:
    prefix = entry.get("url_prefix", "/v1")
    paths = [_PATHS[one] for one in entry["endpoints"] if one in _PATHS]
    offer = BatchOffer(
        form=entry["form"],
        site=entry["site"],
        factor=float(entry["factor"]),
        urls={path: prefix + path.removeprefix("/v1") for path in paths},
        models=entry.get("models"),
        one_model=entry.get("one_model", True),
        same_body=tuple(entry.get("same_body", ())),
        max_rows=entry.get("max_rows", 0),
        max_bytes=entry.get("max_bytes", 0),
        max_line_bytes=entry.get("max_line_bytes", 0),
        window=float(entry["window"]),
        kept=float(entry.get("kept", 0)),
        keeps_partial=entry.get("keeps_partial", True),
        create=entry.get("create", {}),
        digest_key=entry.get("digest_key", "rowmill_digest"),
    )
    return _Sold(offer=offer, endpoints=frozenset(entry["endpoints"]))


def _offer_at(host: str) -> _Sold | None:
    return next((one for one in _shipped() if is_at(one.offer.site, host)), None)


def _own_offer(own: LaneRule) -> _Sold:
    """What the first provider of that form sells, with what the person's settings say instead."""
    found = next(one for one in _shipped() if one.offer.form == own.form)
    offer = replace(
        found.offer,
        site="",
        base_url=own.base_url or None,
        factor=own.factor,
        models=own.models,
        max_rows=own.max_rows or found.offer.max_rows,
        max_bytes=own.max_bytes or found.offer.max_bytes,
    )
    return _Sold(offer=offer, endpoints=found.endpoints)
