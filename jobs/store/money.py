"""Money as whole billionths in queries: their sums are exact, sums of floats are not."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, func

NANO = 1_000_000_000


def nanos_of(amount: Any) -> ColumnElement[int]:
    """An amount in whole billionths; NULL stays NULL."""
    return cast(func.round(amount * NANO), BigInteger)
