"""All prices of a run, from whoever says them first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from jobs.result import Result
from runner.prices.book import book
from runner.prices.money import NANO, as_float, exact, nanos
from runner.prices.request import PricedRequest
from runner.prices.tariff import Cost, Source, Tariff, ceiling, cost, span
from runner.prices.user_prices import OwnPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """An amount as it is kept with its call."""

    amount: float
    currency: str
    estimate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """Tariffs by the requested model's name: settings, gateway, book. Unknown stays unknown."""

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
        """What an answered call cost, as far as that is known."""
        tariff = self.of(request.model)
        found = cost(tariff, request, result) if tariff is not None else None
        if found is None:
            return None
        amount, currency = as_float(found.amount), found.currency
        return Price(amount=amount, currency=currency, estimate=found.estimate)

    def ceiling(self, request: PricedRequest) -> Price | None:
        """What a call may cost at most, before it is sent; never rounded down."""
        tariff = self.of(request.model)
        most = ceiling(tariff, request) if tariff is not None else None
        if tariff is None or most is None:
            return None
        return Price(amount=nanos(most, up=True) / NANO, currency=tariff.currency)

    def span(self, request: PricedRequest) -> tuple[Decimal, Decimal] | None:
        """Between what a call probably costs."""
        tariff = self.of(request.model)
        return span(tariff, request) if tariff is not None else None


def _tariff(own: OwnPrice) -> Tariff:
    """The user's price as prices are reckoned with."""
    return Tariff(
        source=Source.SETTINGS,
        currency=own.currency,
        call=_exact(own.call),
        picture=_exact(own.picture),
        input=_exact(own.input),
        output=_exact(own.output),
    )


def _exact(amount: float | None) -> Decimal | None:
    return None if amount is None else exact(amount)


__all__ = ["Cost", "OwnPrice", "Price", "PriceList", "Source"]
