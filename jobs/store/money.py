"""Money as whole billionths inside a query: sums of them are exact, those of floats drift."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, func

NANO = 1_000_000_000


def nanos_of(amount: Any) -> ColumnElement[int]:
    """A column's amount in whole billionths; NULL stays NULL."""
    return cast(func.round(amount * NANO), BigInteger)
