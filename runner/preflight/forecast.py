"""Forecasts a run: price, time and disk space, each as a range."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from statistics import quantiles

from jobs.store.queries.spending import RequestGroup
from runner.catalogue import say
from runner.catalogue.money import format_amount
from runner.endpoints.registry import ENDPOINTS
from runner.pacing.pace import auto_calls
from runner.preflight.cached_input import CachedInput, cached_input
from runner.preflight.lane_prices import KindPrice, Ranges, lane_factors, lane_prices
from runner.preflight.pending_work import PastCalls
from runner.prices.book import book
from runner.prices.price_list import PriceList
from runner.prices.request import PricedRequest
from runner.prices.tariff import Source
from runner.protocol.lane_rule import BATCH, FLEX, FLEX_SECONDS
from runner.settings.schema import AUTO
from runner.settings.settings import Settings
from runner.steps.priced_request import priced_request
from runner.views.preflight_records import ForecastRecord

MIN_MEASURED_CALLS = 10  # answered here before they predict the next ones
MIN_TIMED_CALLS = 3  # … and before their times do: a trial has three rows
FEW_CALLS_RANGE = (0.5, 2.0)  # of the times of so few
MEAN_RANGE = (0.8, 1.2)  # of the mean cost so far
BATCH_SECONDS = (600.0, 86_400.0)  # a few lines take ten minutes, and nothing is promised sooner
ROW_BYTES = (2_000, 16_000)  # of the table, for a row
PICTURE_BYTES = (1_000_000, 3_000_000)  # of one picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The forecast of a run. `calls` is the maximum, without repeats.

    `amounts` are by currency, for the models whose price is known; `unknown` are the others.
    """

    calls: int
    amounts: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    estimate: bool = False
    sources: frozenset[Source] = frozenset()
    unlimited: tuple[str, ...] = ()  # models priced by tokens whose rows do not limit the answer
    unbounded_pictures: tuple[str, ...] = ()  # chat models that are paid by the picture
    seconds: tuple[float, float] | None = None
    measured: bool = False  # True if the seconds are those of earlier calls
    disk: tuple[int, int] = (0, 0)  # bytes
    lane: str | None = None  # that was asked for
    lanes: Mapping[str, Ranges] = field(default_factory=dict)  # prices on each lane that is sold
    cached: CachedInput | None = None  # where batches are dearer than online calls

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies that the known prices are in."""
        return tuple(self.amounts)

    def exceeds(self, amount: float) -> bool:
        """True if the run may cost more than `amount` in any currency, or its price is unknown."""
        return bool(self.unknown) or any(high > amount for _, high in self.amounts.values())


def forecast(
    kinds: Sequence[RequestGroup],
    calls: int,
    prices: PriceList,
    settings: Settings,
    past: PastCalls,
) -> Forecast:
    """The forecast for `calls` of these rows; a limit may allow fewer than there are."""
    total = sum(kind.rows for kind in kinds) or 1
    share = calls / total
    amounts: dict[str, tuple[float, float]] = {}
    unknown: list[str] = []
    estimate, sources, unlimited, unbounded = False, set(), set(), set()
    priced: list[KindPrice] = []
    for kind in kinds:
        tariff = prices.of(kind.model)
        each = _each(kind, prices, past)
        if tariff is None or each is None:
            unknown.append(kind.model)
            continue
        low, high = amounts.get(tariff.currency, (0.0, 0.0))
        least, most = (one * kind.rows * share for one in each)
        amounts[tariff.currency] = (low + least, high + most)
        priced.append(KindPrice(kind=kind, currency=tariff.currency, low=least, high=most))
        estimate = estimate or tariff.is_estimate or tariff.by_tokens
        sources.add(tariff.source)
        if tariff.by_tokens and _is_unlimited(kind):
            unlimited.add(kind.model)
        by_picture = tariff.picture is not None or bool(tariff.drawings)
        if by_picture and any(one.chats_pictures for one in _asks(kind)):
            unbounded.add(kind.model)
    measured = len(past.seconds) >= MIN_TIMED_CALLS
    return Forecast(
        calls=calls,
        amounts={name: (_rounded(low), _rounded(high)) for name, (low, high) in amounts.items()},
        unknown=tuple(dict.fromkeys(unknown)),
        estimate=estimate,
        sources=frozenset(sources),
        unlimited=tuple(sorted(unlimited)),
        unbounded_pictures=tuple(sorted(unbounded)),
        seconds=_seconds(kinds, calls, settings, past.seconds if measured else ()),
        measured=measured,
        disk=_disk(kinds, share, past),
        lane=settings.lane,
        lanes={} if unknown else lane_prices(settings, priced),
        cached=_cached(settings, kinds, past, prices),
    )


def _cached(
    settings: Settings, kinds: Sequence[RequestGroup], past: PastCalls, prices: PriceList
) -> CachedInput | None:
    """Whether batches cost more than online calls, as earlier calls of the sheet show it."""
    factors = lane_factors(settings, BATCH, kinds) if past.samples and kinds else None
    return cached_input(past.samples, prices, min(factors)) if factors else None


def forecast_record(ahead: Forecast) -> ForecastRecord:
    """The forecast as public data."""
    return {
        "calls": ahead.calls,
        "price": {
            "ranges": {name: [low, high] for name, (low, high) in ahead.amounts.items()},
            "unknown": list(ahead.unknown),
            "estimate": ahead.estimate,
            "sources": [str(one) for one in sorted(ahead.sources)],
            "lanes": {
                lane: {name: [low, high] for name, (low, high) in ranges.items()}
                for lane, ranges in ahead.lanes.items()
            },
        },
        "seconds": None if ahead.seconds is None else list(ahead.seconds),
        "seconds_measured": ahead.measured,
        "disk_needed": list(ahead.disk),
    }


def range_words(ahead: Forecast) -> str:
    """The price range in words, with the models whose price is unknown."""
    words = []
    if ahead.amounts:
        known = ranges_words(ahead.amounts)
        if ahead.lane == BATCH and BATCH in ahead.lanes:
            known = say("lane.batch_price", batch=ranges_words(ahead.lanes[BATCH]), online=known)
        words.append(say("money.at_least" if ahead.unknown else "money.about", amount=known))
        words += _whose(ahead)
    if ahead.unknown:
        words.append(say("money.no_price", models=", ".join(ahead.unknown[:8])))
    return "; ".join(words) or say("money.unknown")


def ranges_words(amounts: Ranges) -> str:
    """The price ranges in their currencies."""
    return " + ".join(_range(name, *one) for name, one in amounts.items())


def lanes_words(ahead: Forecast) -> str | None:
    """The price on each lane side by side; None if there is only the usual one."""
    if len(ahead.lanes) < 2:
        return None
    prices = (f"{lane} {ranges_words(ranges)}" for lane, ranges in ahead.lanes.items())
    return say("lane.prices", prices=" · ".join(prices))


def _range(currency: str, low: float, high: float) -> str:
    least, most = format_amount(low), format_amount(high)
    if least == most:
        return f"{most} {currency}"
    return say("money.between", low=least, high=most, currency=currency)


def _whose(ahead: Forecast) -> list[str]:
    words = []
    if Source.GATEWAY in ahead.sources:
        words.append(say("money.by_gateway"))
    if Source.BOOK in ahead.sources:
        words.append(say("money.by_book", date=book().date))
    return words


def _each(kind: RequestGroup, prices: PriceList, past: PastCalls) -> tuple[float, float] | None:
    """The probable price range of one row of this kind; None if unknown."""
    tariff = prices.of(kind.model)
    if tariff is None:
        return None
    mean, count = past.costs.get((kind.model, tariff.currency), (0.0, 0))
    if count >= MIN_MEASURED_CALLS and tariff.by_tokens:
        return mean * MEAN_RANGE[0], mean * MEAN_RANGE[1]
    spans = [prices.span(ask) for ask in _asks(kind)]
    known = [span for span in spans if span is not None]
    if not known:
        return None
    low = sum((one[0] for one in known), Decimal(0)) / len(known)
    high = sum((one[1] for one in known), Decimal(0)) / len(known)
    return float(low), float(high)


def _asks(kind: RequestGroup) -> list[PricedRequest]:
    return [priced_request(kind.endpoint, kind.model, fields) for fields in kind.examples]


def _is_unlimited(kind: RequestGroup) -> bool:
    return any(one.is_unlimited for one in _asks(kind))


def _rounded(amount: float) -> float:
    return round(amount, 6)


def _seconds(
    kinds: Sequence[RequestGroup], calls: int, settings: Settings, before: Sequence[float]
) -> tuple[float, float] | None:
    """From the middle half of earlier calls' times, else usual ones; never faster than --rpm."""
    if not calls:
        return None
    if settings.lane == BATCH:
        return BATCH_SECONDS
    patient = settings.lane == FLEX
    auto = settings.concurrency == AUTO
    hands = min(auto_calls(patient=patient) if auto else int(settings.concurrency), calls)
    least = 60 * calls / settings.rpm if settings.rpm is not None else 0.0
    if before:
        quick, slow = _quick_and_slow(before)
        return max(calls * quick / hands, quick, least), max(calls * slow / hands, slow, least)
    total = sum(kind.rows for kind in kinds) or 1
    times = [ENDPOINTS[kind.endpoint].usual_seconds for kind in kinds]
    work = [
        sum(kind.rows * each[side] for kind, each in zip(kinds, times, strict=True)) / total
        for side in (0, 1)
    ]
    longest = [max((each[side] for each in times), default=0.0) for side in (0, 1)]
    longest[1] = max(longest[1], FLEX_SECONDS if patient else 0.0)
    low, high = (max(calls * work[side] / hands, longest[side], least) for side in (0, 1))
    return low, high


def _quick_and_slow(before: Sequence[float]) -> tuple[float, float]:
    """The middle half of many times; a wide range around a few."""
    if len(before) < MIN_MEASURED_CALLS:
        return min(before) * FEW_CALLS_RANGE[0], max(before) * FEW_CALLS_RANGE[1]
    quick, _, slow = quantiles(before, n=4)
    return quick, slow


def _disk(kinds: Sequence[RequestGroup], share: float, past: PastCalls) -> tuple[int, int]:
    low = high = 0.0
    for kind in kinds:
        rows = kind.rows * share
        low, high = low + rows * ROW_BYTES[0], high + rows * ROW_BYTES[1]
        found = ENDPOINTS.get(kind.endpoint)
        if found is None or not found.pictures:
            continue
        asks = _asks(kind)
        pictures = rows * (sum(ask.n for ask in asks) / len(asks) if asks else 1)
        small, large = PICTURE_BYTES
        if past.file_size is not None:
            small, large = int(past.file_size * MEAN_RANGE[0]), int(past.file_size * MEAN_RANGE[1])
        low, high = low + pictures * small, high + pictures * large
    return int(low), int(high)


def share_of(ahead: Forecast, share: float) -> Forecast:
    """The forecast of a part of the calls."""
    lanes = {lane: _scaled(ranges, share) for lane, ranges in ahead.lanes.items()}
    return replace(ahead, amounts=_scaled(ahead.amounts, share), lanes=lanes)


def _scaled(ranges: Ranges, share: float) -> Ranges:
    return {name: (low * share, high * share) for name, (low, high) in ranges.items()}
