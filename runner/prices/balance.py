"""Parses a gateway's answer about the remaining credit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from jobs.job import JSON
from runner.prices.gateway_prices import UNITS_PER_DOLLAR
from runner.prices.money import ZERO

UNLIMITED_HARD_LIMIT = 100_000_000
"""Protocol fact: the hard limit reported for a key without a limit."""
_MAX_DOLLARS = 20_000  # dollars; larger whole numbers are quota units
_CENTS_PER_DOLLAR = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Credit in the gateway's dollars. `left` is None if there is no limit."""

    left: Decimal | None
    used: Decimal | None = None


def read_token_usage(body: bytes) -> Balance | None:
    """The answer of /api/usage/token, always in quota units. None for any other content."""
    found = _object(body)
    data = found.get("data")
    if not isinstance(data, dict) or found.get("code") not in (True, 0, 200, "success"):
        return None
    left, used = _number(data.get("total_available")), _number(data.get("total_used"))
    if data.get("unlimited_quota") is True:
        return Balance(left=None, used=None if used is None else used / UNITS_PER_DOLLAR)
    if left is None:
        return None
    return Balance(
        left=left / UNITS_PER_DOLLAR, used=None if used is None else used / UNITS_PER_DOLLAR
    )


def read_billing(subscription: bytes, usage: bytes) -> Balance | None:
    """The answers of /v1/dashboard/billing, in dollars and cents, or in quota units if the operator
    displays those. None if the remaining credit is unknown.

    Protocol fact: the hard limit is the remaining plus the used credit.
    """
    limit = _number(_object(subscription).get("hard_limit_usd"))
    used = _number(_object(usage).get("total_usage"))
    if limit is None:
        return None
    spent = None if used is None else used / _CENTS_PER_DOLLAR
    if limit == UNLIMITED_HARD_LIMIT:
        return Balance(left=None, used=spent)
    if spent is None:
        return None  # the limit alone does not say how much is left
    if limit > _MAX_DOLLARS and limit == limit.to_integral_value():
        limit, spent = limit / UNITS_PER_DOLLAR, spent / UNITS_PER_DOLLAR
    return Balance(left=max(limit - spent, ZERO), used=spent)


def _object(body: bytes) -> Mapping[str, JSON]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and "error" not in found else {}


def _number(value: JSON) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    return number if number.is_finite() else None
