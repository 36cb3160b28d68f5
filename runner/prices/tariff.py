"""The prices of one model, and the cost of a request calculated from them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from jobs.result import Result
from runner.prices.money import MILLION, ZERO, exact
from runner.prices.request import PricedRequest
from runner.prices.tokens import Tokens, tokens_of
from runner.prices.units import unit_price

ONE = Decimal(1)


class Source(StrEnum):
    """Where a price comes from, in order of precedence."""

    SETTINGS = "settings"
    GATEWAY = "gateway"
    BOOK = "book"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The price of one picture of a size and quality. `size` is WxH, square, oblong or any."""

    price: Decimal
    size: str = "any"
    quality: str = "any"

    def fits(self, size: str, quality: str) -> bool:
        """True if this price applies to a picture of this size and quality.

        A size of "auto" fits only a price for any size.
        """
        return self.quality in ("any", quality) and self.size in ("any", size, _shape(size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Prices of one model, each None if unknown; token prices are per million tokens.

    `spread`: lowest and highest group ratio of the gateway, relative to the usual group.
    `by_picture`: at endpoints that only draw, the price per call applies to each picture.
    `units`: prices by a unit of `prices.units`; one that fits replaces the price by tokens.
    """

    source: Source
    currency: str = "USD"
    call: Decimal | None = None
    by_picture: bool = False
    picture: Decimal | None = None
    drawings: tuple[Drawing, ...] = ()
    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None
    written: Decimal | None = None
    written_hour: Decimal | None = None
    picture_input: Decimal | None = None
    units: Mapping[str, Decimal] = field(default_factory=dict)
    spread: tuple[Decimal, Decimal] = (ONE, ONE)

    @property
    def by_tokens(self) -> bool:
        """True if the price goes by tokens."""
        return self.input is not None or self.output is not None

    @property
    def is_estimate(self) -> bool:
        """True for a price of the book, or if the key may belong to groups of different ratios."""
        return self.source is Source.BOOK or self.spread != (ONE, ONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of a request; `estimate` if a list price or a guess went into it."""

    amount: Decimal
    currency: str
    estimate: bool = False


def cost(tariff: Tariff, request: PricedRequest, result: Result | None) -> Cost | None:
    """The cost of an answered call; None if a price or a count that it depends on is unknown."""
    total, estimate = ZERO, tariff.is_estimate
    known = tariff.call is not None
    if tariff.call is not None:
        total += tariff.call * _call_factor(tariff, request)
    if tariff.picture is not None:
        count = _picture_count(request, result)
        if count is None:
            return None
        total, known = total + tariff.picture * count, True
    each = unit_price(tariff.units, request.measure)
    if each is not None:
        measured = request.measured(result)
        if measured is None:
            return None
        total, known = total + each * measured, True
    if (tariff.by_tokens or tariff.drawings) and each is None:
        part = _cost_by_use(tariff, request, result)
        if part is None:
            return None
        total, known = total + part[0], True
        estimate = estimate or part[1]
    if not known:
        return None
    return Cost(amount=total, currency=tariff.currency, estimate=estimate)


def ceiling(tariff: Tariff, request: PricedRequest) -> Decimal | None:
    """The most that a call may cost, before it is sent; None if no price is known."""
    total, known = ZERO, False
    if tariff.call is not None:
        total, known = total + tariff.call * _call_factor(tariff, request), True
    if tariff.picture is not None:
        total, known = total + tariff.picture * request.max_pictures, True
    each = unit_price(tariff.units, request.measure)
    if each is not None and request.bound is not None:
        total, known = total + each * exact(request.bound), True
    parts = []
    if tariff.by_tokens:
        parts.append(_max_token_cost(tariff, request))
    if tariff.drawings:
        parts.append(request.max_pictures * max(_possible_prices(tariff.drawings, request)))
    if parts:
        total, known = total + max(parts), True
    return total * tariff.spread[1] if known else None


def span(tariff: Tariff, request: PricedRequest) -> tuple[Decimal, Decimal] | None:
    """The range (low, high) of a call's probable cost; None if no price is known."""
    low = high = ZERO
    known = False
    if tariff.call is not None:
        flat = tariff.call * _call_factor(tariff, request)
        low, high, known = low + flat, high + flat, True
    if tariff.picture is not None:
        flat = tariff.picture * request.n
        low, high, known = low + flat, high + flat, True
    each = unit_price(tariff.units, request.measure)
    if each is not None and request.likely is not None:
        low, high, known = low + each * request.likely[0], high + each * request.likely[1], True
    elif tariff.drawings:
        prices = _possible_prices(tariff.drawings, request)
        low, high, known = low + min(prices) * request.n, high + max(prices) * request.n, True
    elif tariff.by_tokens:
        min_cost, max_cost = _likely_token_cost(tariff, request)
        low, high, known = low + min_cost, high + max_cost, True
    return (low * tariff.spread[0], high * tariff.spread[1]) if known else None


# --- by call and picture -------------------------------------------------------------------------


_DALLE_SIZE_FACTORS = {"256x256": Decimal("0.4"), "512x512": Decimal("0.45")}


def _call_factor(tariff: Tariff, request: PricedRequest) -> Decimal:
    """The factor on the price per call: New API charges it per picture, with factors for dall-e."""
    if not (tariff.by_picture and request.draws):
        return ONE
    factor = Decimal(request.n)
    if request.model.startswith("dall-e"):
        wide = _shape(request.size) == "oblong"
        factor *= Decimal(2) if wide else _DALLE_SIZE_FACTORS.get(request.size, ONE)
        if request.quality == "hd":
            factor *= Decimal("1.5") if wide else Decimal(2)
    return factor


def _picture_count(request: PricedRequest, result: Result | None) -> int | None:
    if request.is_task:
        return 1  # charged with the submit, before there is a picture
    return None if result is None else len(result.pictures)


def _possible_prices(drawings: Sequence[Drawing], request: PricedRequest) -> list[Decimal]:
    """Every price that the picture may have; several if the model chooses size or quality."""
    size, quality = _size_and_quality(request)
    fitting = [
        one
        for one in drawings
        if (quality == "auto" or one.quality in ("any", quality))
        and (size == "auto" or one.size in ("any", size, _shape(size)))
    ]
    return [one.price for one in fitting or drawings]


def _size_and_quality(request: PricedRequest) -> tuple[str, str]:
    """Size and quality with dall-e's defaults filled in; other models choose for themselves."""
    size, quality = request.size, request.quality
    if request.model.startswith("dall-e"):
        size = "1024x1024" if size == "auto" else size
        quality = "standard" if quality == "auto" else quality
    return size, quality


def _shape(size: str) -> str:
    found = re.fullmatch(r"(\d+)x(\d+)", size)
    if found is None:
        return size
    return "square" if found[1] == found[2] else "oblong"


# --- by tokens --------------------------------------------------------------------------------


def _cost_by_use(
    tariff: Tariff, request: PricedRequest, result: Result | None
) -> tuple[Decimal, bool] | None:
    """The cost by tokens, or else by pictures received; and whether it includes a guess."""
    usage = result.usage if result is not None else None
    tokens = tokens_of(usage) if usage is not None and tariff.by_tokens else None
    if tokens is not None:
        return _token_cost(tariff, tokens)
    size, quality = _size_and_quality(request)
    each = next((one.price for one in tariff.drawings if one.fits(size, quality)), None)
    if each is None or result is None or not result.pictures:
        return None
    return each * len(result.pictures), False


def _token_cost(tariff: Tariff, tokens: Tokens) -> tuple[Decimal, bool]:
    """The cost by tokens, and whether it is a guess: a kind without a price is charged as input."""
    plain = tariff.input or ZERO
    kinds = (
        (tokens.cached, tariff.cached),
        (tokens.written, tariff.written),
        (tokens.written_hour, tariff.written_hour),
        (tokens.pictures, tariff.picture_input),
    )
    total = tokens.fresh * plain + tokens.output * (tariff.output or ZERO)
    total += sum((count * (plain if price is None else price) for count, price in kinds), ZERO)
    guessed = any(count and price is None for count, price in kinds[:3])
    return total / MILLION, guessed


def _max_token_cost(tariff: Tariff, request: PricedRequest) -> Decimal:
    prices = (tariff.input, tariff.written, tariff.written_hour, tariff.picture_input)
    highest_price = max(price for price in (*prices, ZERO) if price is not None)
    return (
        request.max_input() * highest_price + request.max_output() * (tariff.output or ZERO)
    ) / MILLION


def _likely_token_cost(tariff: Tariff, request: PricedRequest) -> tuple[Decimal, Decimal]:
    sums = [
        (going_in * (tariff.input or ZERO) + coming_out * (tariff.output or ZERO)) / MILLION
        for going_in, coming_out in zip(
            request.likely_input(), request.likely_output(), strict=True
        )
    ]
    return sums[0], sums[1]
