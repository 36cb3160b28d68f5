"""Whether batches would cost more than online calls, whose prompts the provider has cached."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jobs.job import JSON
from jobs.result import Result, Usage
from jobs.store.queries.paid_samples import PaidSample
from runner.catalogue import say
from runner.catalogue.money import format_amount
from runner.endpoints.dialects.gemini import gemini_usage
from runner.endpoints.dialects.usage import read_usage
from runner.prices.price_list import Price, PriceList
from runner.steps.priced_request import priced_request


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedInput:
    """What earlier online calls cost, and what they would have cost without a cache, by batch."""

    calls: int
    share: float  # of the prompts' tokens that came from a cache
    online: float
    batch: float
    currency: str

    def words(self) -> str:
        """That batches would have been dearer."""
        return say(
            "lane.cached",
            calls=f"{self.calls:,}",
            percent=f"{100 * self.share:.0f}",
            online=f"{format_amount(self.online)} {self.currency}",
            batch=f"{format_amount(self.batch)} {self.currency}",
        )


def cached_input(
    samples: Sequence[PaidSample], prices: PriceList, factor: float
) -> CachedInput | None:
    """The comparison where these calls show that batches are dearer; None if they do not.

    Protocol fact: providers mostly give no discount for cached prompts inside a batch.
    """
    calls, prompts, cached = 0, 0, 0
    online = batch = 0.0
    currencies: set[str] = set()
    for one in samples:
        usage = _usage(one)
        with_cache = _price(one, usage, prices)
        without = _price(one, usage and _uncached(usage), prices)
        if usage is None or with_cache is None or without is None:
            continue
        calls, prompts = calls + 1, prompts + (usage.prompt_tokens or 0)
        cached += usage.cached_tokens or 0
        online, batch = online + with_cache.amount, batch + without.amount * factor
        currencies.add(with_cache.currency)
    if not cached or len(currencies) != 1 or batch <= online:
        return None
    share = min(cached / max(prompts, 1), 1.0)
    return CachedInput(
        calls=calls, share=share, online=online, batch=batch, currency=currencies.pop()
    )


def _usage(sample: PaidSample) -> Usage | None:
    return gemini_usage(sample.usage) if sample.endpoint == "gemini" else read_usage(sample.usage)


def _price(sample: PaidSample, usage: Usage | None, prices: PriceList) -> Price | None:
    if usage is None:
        return None
    request = priced_request(sample.endpoint, sample.model, sample.fields)
    return prices.cost(request, Result(usage=usage))


def _uncached(usage: Usage) -> Usage:
    """The same usage as if nothing had come from a cache."""
    prompt, answer = usage.prompt_tokens, usage.completion_tokens
    raw: dict[str, JSON] = {"prompt_tokens": prompt, "completion_tokens": answer}
    return replace(usage, raw=raw, cached_tokens=None)
