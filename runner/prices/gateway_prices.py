"""Parses the price list that gateways of the New API family serve at /api/pricing."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal

from jobs.job import JSON
from runner.prices.money import MILLION
from runner.prices.tariff import ONE, Source, Tariff

UNITS_PER_DOLLAR = 500_000
"""Quota units per dollar. Protocol fact: at a ratio of 1, a token costs one unit."""
_MAX_PRICE = Decimal(10) ** 9  # larger numbers are no prices
_MODEL_NAME_KEYS = ("model_name", "model", "name", "id")
_RATIO_KEYS = (
    "model_ratio",
    "completion_ratio",
    "model_price",
    "cache_ratio",
    "create_cache_ratio",
)


def read_price_list(body: bytes) -> dict[str, Tariff] | None:
    """Tariffs by model; None if this is not a price list (HTML, an error, another shape).

    Sites differ: a list, an object by model, or one object per ratio. Entries that cannot be parsed
    are left out, so that their models fall back to the book.
    """
    try:
        found: JSON = json.loads(body)
    except (ValueError, RecursionError):
        return None
    holder: dict[str, JSON] = found if isinstance(found, dict) else {"data": found}
    if holder.get("success") is False or "error" in holder:
        return None
    entries = _entries(holder.get("data", holder))
    if entries is None:
        return None
    inner = holder.get("data")
    places = [holder, inner if isinstance(inner, dict) else {}]
    reader = _Reader(places)
    tariffs = ((name, reader.tariff(entry)) for name, entry in entries)
    return {name: one for name, one in tariffs if one is not None}


def _entries(data: JSON) -> list[tuple[str, Mapping[str, JSON]]] | None:
    if isinstance(data, list):
        return list(_named_entries(data))
    if not isinstance(data, dict):
        return None
    for key in ("data", "models", "list", "items"):  # pages and wrappers around the list
        if isinstance(data.get(key), list | dict):
            return _entries(data[key])
    if isinstance(data.get("model_ratio"), dict) or isinstance(data.get("model_price"), dict):
        return _by_model(data)
    found = [(name, one) for name, one in data.items() if isinstance(one, dict)]
    priced = [(name, one) for name, one in found if one.keys() & {"quota_type", *_RATIO_KEYS}]
    return [(str(_name(one) or name), one) for name, one in priced] or None


def _named_entries(data: Iterable[JSON]) -> Iterable[tuple[str, Mapping[str, JSON]]]:
    for one in data:
        if isinstance(one, dict) and (name := _name(one)):
            yield name, one


def _by_model(data: Mapping[str, JSON]) -> list[tuple[str, Mapping[str, JSON]]]:
    """One entry per model, from an object with one table of models per ratio."""
    tables = {name: table for name in _RATIO_KEYS if isinstance(table := data.get(name), dict)}
    names = {
        name for key in ("model_ratio", "model_price") if key in tables for name in tables[key]
    }
    turned: list[tuple[str, Mapping[str, JSON]]] = []
    for name in sorted(names):
        entry: dict[str, JSON] = {
            key: table[name] for key, table in tables.items() if name in table
        }
        turned.append((name, entry))
    return turned


def _name(entry: Mapping[str, JSON]) -> str | None:
    return next(
        (str(entry[key]) for key in _MODEL_NAME_KEYS if isinstance(entry.get(key), str)), None
    )


class _Reader:
    """Parses entries with the facts shared by all of them: group ratios and units per dollar."""

    def __init__(self, places: list[dict[str, JSON]]) -> None:
        self.groups = _first_dict(places, "group_ratio")
        self.usable = set(_first_dict(places, "usable_group"))
        units = [_number(one.get("quota_per_unit")) for one in places]
        self.units = next((one for one in units if one), Decimal(UNITS_PER_DOLLAR))

    def tariff(self, entry: Mapping[str, JSON]) -> Tariff | None:
        """The tariff of one model, or None. Prices that contradict `quota_type` overrule it."""
        if entry.get("billing_mode") not in (None, "", "ratio", "default"):
            return None  # priced by an expression that only the gateway can evaluate
        price, ratio = _number(entry.get("model_price")), _number(entry.get("model_ratio"))
        per_call = entry.get("quota_type") in (1, "1")
        if (per_call and not price and ratio) or (not per_call and price and not ratio):
            per_call = not per_call
        usual, low, high = self._ratios(entry.get("enable_groups"))
        spread = (low / usual, high / usual) if usual else (ONE, ONE)
        if per_call:
            if price is None:
                return None
            return Tariff(source=Source.GATEWAY, call=price * usual, by_picture=True, spread=spread)
        if ratio is None:
            return None
        each = ratio * usual * MILLION / self.units
        return Tariff(
            source=Source.GATEWAY,
            input=each,
            output=each * (_number(entry.get("completion_ratio")) or ONE),
            cached=_scaled(each, entry.get("cache_ratio")),
            written=_scaled(each, entry.get("create_cache_ratio")),
            picture_input=_scaled(each, entry.get("image_ratio")),
            spread=spread,
        )

    def _ratios(self, enabled: JSON) -> tuple[Decimal, Decimal, Decimal]:
        """The ratios of the usual, the cheapest and the most expensive group of the model.

        The list does not say which group the key belongs to.
        """
        names = (
            [one for one in enabled if isinstance(one, str)] if isinstance(enabled, list) else []
        )
        names = names or list(self.groups)
        usable = [one for one in names if one in self.usable] or names
        known = {one: _number(self.groups.get(one)) for one in usable}
        ratios = {name: ratio for name, ratio in known.items() if ratio is not None}
        if not ratios:
            return ONE, ONE, ONE
        usual = ratios.get("default", max(ratios.values()))
        return usual, min(ratios.values()), max(ratios.values())


def _scaled(each: Decimal, ratio: JSON) -> Decimal | None:
    factor = _number(ratio)
    return None if factor is None else each * factor


def _first_dict(places: Iterable[Mapping[str, JSON]], key: str) -> dict[str, JSON]:
    return next((found for one in places if isinstance(found := one.get(key), dict)), {})


def _number(value: JSON) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())
    except ArithmeticError:
        return None
    return number if number.is_finite() and 0 <= number <= _MAX_PRICE else None
