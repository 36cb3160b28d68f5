"""All prices of a run, each from the first source that has one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from jobs.result import Result
from runner.prices.book import book
from runner.prices.money import NANO, as_float, exact, nanos
from runner.prices.request import PricedRequest
from runner.prices.tariff import Cost, Source, Tariff, ceiling, cost, span
from runner.prices.units import MEASURE_BY_UNIT
from runner.prices.user_prices import OwnPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """An amount as it is stored with its call."""

    amount: float
    currency: str
    estimate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """Tariffs by the name of the requested model: from the settings, the gateway or the book."""

    own: Mapping[str, OwnPrice] = field(default_factory=dict)
    gateway: Mapping[str, Tariff] = field(default_factory=dict)
    _known: dict[str, Tariff | None] = field(default_factory=dict, compare=False, repr=False)

    def of(self, model: str) -> Tariff | None:
        """The tariff of a model, or None."""
        if model not in self._known:
            own = self.own.get(model)
            listed = self.gateway.get(model)
            self._known[model] = _tariff(own) if own else listed or book().of(model)
        return self._known[model]

    def cost(self, request: PricedRequest, result: Result | None) -> Price | None:
        """The cost of an answered call, or None if it is unknown."""
        tariff = self.of(request.model)
        found = cost(tariff, request, result) if tariff is not None else None
        if found is None:
            return None
        amount, currency = as_float(found.amount), found.currency
        return Price(amount=amount, currency=currency, estimate=found.estimate)

    def ceiling(self, request: PricedRequest) -> Price | None:
        """The most that a call may cost, before it is sent; never rounded down."""
        tariff = self.of(request.model)
        amount = ceiling(tariff, request) if tariff is not None else None
        if tariff is None or amount is None:
            return None
        return Price(amount=nanos(amount, up=True) / NANO, currency=tariff.currency)

    def span(self, request: PricedRequest) -> tuple[Decimal, Decimal] | None:
        """The range (low, high) of a call's probable cost, or None if it is unknown."""
        tariff = self.of(request.model)
        return span(tariff, request) if tariff is not None else None


def _tariff(own: OwnPrice) -> Tariff:
    """The user's price as a tariff."""
    return Tariff(
        source=Source.SETTINGS,
        currency=own.currency,
        call=_exact(own.call),
        picture=_exact(own.picture),
        input=_exact(own.input),
        output=_exact(own.output),
        units={
            unit: exact(price)
            for unit in MEASURE_BY_UNIT
            if (price := getattr(own, unit)) is not None
        },
    )


def _exact(amount: float | None) -> Decimal | None:
    return None if amount is None else exact(amount)


__all__ = ["Cost", "OwnPrice", "Price", "PriceList", "Source"]
