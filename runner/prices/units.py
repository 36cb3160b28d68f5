"""The units of prices that go by length or number: seconds, characters, songs, searches."""

from collections.abc import Mapping
from decimal import Decimal

MEASURE_BY_UNIT: Mapping[str, tuple[str, Decimal]] = {
    "second": ("seconds", Decimal(1)),
    "minute": ("seconds", Decimal(60)),
    "million_characters": ("characters", Decimal(1_000_000)),
    "song": ("songs", Decimal(1)),
    "search": ("searches", Decimal(1)),
}
"""What each unit of a price measures, and how much of it one unit is."""


def unit_price(units: Mapping[str, Decimal], measure: str) -> Decimal | None:
    """The price of one second, character and so on; None if no price goes by this measure."""
    for unit, price in units.items():
        of, size = MEASURE_BY_UNIT[unit]
        if of == measure:
            return price / size
    return None
