"""The column that says how a row's call is bought."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from jobs.job import JSON
from runner.endpoints.fields import PARAMS_COLUMN, InputError

Lane: TypeAlias = Literal["online", "flex", "batch"]
LANE_HELP = "flex or batch: slower for less, where the provider sells it; online otherwise"


def check_lane(fields: Mapping[str, JSON]) -> None:
    """Raises InputError if a row names a lane and a tier of its own."""
    params = fields.get(PARAMS_COLUMN)
    both = {**(params if isinstance(params, dict) else {})}
    for name in ("service_tier", "serviceTier"):
        tier = fields.get(f"body.{name}", both.get(name))
        if tier is not None and fields["lane"] is not None:
            raise InputError(name, expected="nothing beside `lane`", found="a value in both")
