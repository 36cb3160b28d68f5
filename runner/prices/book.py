"""Loads the price book that comes with rowmill: public list prices as of one day."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from runner.prices.money import exact
from runner.prices.tariff import Drawing, Source, Tariff
from runner.prices.units import MEASURE_BY_UNIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Tariffs by model name. `date`: the day (ISO) on which these prices were listed."""

    date: str
    entries: tuple[tuple[re.Pattern[str], Tariff], ...]

    def of(self, model: str) -> Tariff | None:
        """The tariff whose pattern matches the full model name, or None."""
        return next((one for name, one in self.entries if name.fullmatch(model)), None)


@cache
def book() -> Book:
    """The price book, loaded on first use."""
    text = files("runner.prices").joinpath("book.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)
    return Book(
        date=str(found["date"]),
        entries=tuple((re.compile(one["model"]), _tariff(one)) for one in found["tariff"]),
    )


def _tariff(entry: Mapping[str, Any]) -> Tariff:
    return Tariff(
        source=Source.BOOK,
        drawings=tuple(
            Drawing(
                price=exact(one["price"]),
                size=one.get("size", "any"),
                quality=one.get("quality", "any"),
            )
            for one in entry.get("drawings", ())
        ),
        call=_amount(entry, "call"),
        input=_amount(entry, "input"),
        output=_amount(entry, "output"),
        cached=_amount(entry, "cached"),
        written=_amount(entry, "written"),
        written_hour=_amount(entry, "written_hour"),
        picture_input=_amount(entry, "picture_input"),
        units={unit: exact(entry[unit]) for unit in MEASURE_BY_UNIT if unit in entry},
    )


def _amount(entry: Mapping[str, Any], name: str) -> Decimal | None:
    return exact(entry[name]) if name in entry else None
