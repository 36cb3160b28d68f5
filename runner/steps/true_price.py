"""The true price of a task, as its finished answer tells it."""

from jobs.claimed import Claimed
from jobs.result import Result
from jobs.store.queue.tickets import TruePrice, price_before
from runner.prices.gateway_prices import UNITS_PER_DOLLAR
from runner.prices.price_list import Price, PriceList
from runner.steps.context import StepServices
from runner.steps.priced_request import priced_call

GATEWAY_CURRENCY = "USD"


async def true_price(job: Claimed, result: Result, services: StepServices) -> TruePrice | None:
    """What the call of this task took; None if it stays as it is in the books."""
    price = price_told(job, result, services.cap.prices)
    before, ceiling = await services.writer.do(lambda tx: price_before(tx, job.call_id))
    if price is None or price.amount == before:
        return None
    return TruePrice(
        amount=price.amount,
        currency=price.currency,
        estimated=price.estimate,
        before=before,
        ceiling=ceiling,
    )


def price_told(job: Claimed, result: Result, prices: PriceList) -> Price | None:
    """By the gateway's own units, else by tokens, seconds or songs as the answer counts them.

    Units are dollars of the gateway: where the person's own price is in another currency, it stays.
    """
    own = prices.own.get(job.model)
    if result.quota is not None and (own is None or own.currency == GATEWAY_CURRENCY):
        return Price(amount=round(result.quota / UNITS_PER_DOLLAR, 9), currency=GATEWAY_CURRENCY)
    return prices.cost(priced_call([job]), result)
