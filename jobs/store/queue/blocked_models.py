"""Models that a run sends nothing to, for now or for good."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, tuple_

from jobs.store.schema import jobs


class Block(NamedTuple):
    """A model, at all endpoints or (if only its form or address is refused) at one."""

    model: str
    endpoint: str | None = None


NOT_BLOCKED: ColumnElement[bool] = and_(
    jobs.c.model.not_in(bindparam("b_models", expanding=True)),
    tuple_(jobs.c.model, jobs.c.endpoint).not_in(bindparam("b_forms", expanding=True)),
)
"""True for a job that may be sent; execute it with `block_parameters`."""


def block_parameters(bars: Collection[Block]) -> dict[str, Any]:
    """The parameters of `NOT_BLOCKED`."""
    return {
        "b_models": sorted(bar.model for bar in bars if bar.endpoint is None),
        "b_forms": sorted((bar.model, bar.endpoint) for bar in bars if bar.endpoint is not None),
    }
