"""What a run will cost and take, told before it; and what the balance says after it."""

import shutil
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from jobs.store import Store
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.log import remember_options
from jobs.store.queries.totals import spent
from runner.catalogue import say
from runner.catalogue.durations import at_words, format_duration
from runner.catalogue.money import format_amount, format_amounts
from runner.console.screen import print_message
from runner.exits import Refusal
from runner.preflight.batch_fit import BatchFit, batch_fit
from runner.preflight.budget import Budget, decide
from runner.preflight.forecast import Forecast, forecast, lanes_words, range_words
from runner.preflight.gateway_info import GatewayInfo, read_balance
from runner.preflight.lane_check import unsold_lane
from runner.preflight.pending_work import PendingWork
from runner.prices.balance import Balance
from runner.prices.price_list import PriceList
from runner.prices.request import MAX_CHAT_PICTURES, UNLIMITED_ANSWER_TOKENS
from runner.protocol.lane_rule import BATCH, FLEX
from runner.settings.locations import file_for_lines
from runner.settings.schema import Cap
from runner.settings.settings import Settings
from runner.transport.client import Target
from runner.views.records import EstimateRecord
from runner.workspace.workspace import SHEET_ID

GIGABYTE = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEstimate:
    """What a run will cost, as far as that is known before it."""

    calls: int
    forecast: Forecast
    prices: PriceList
    balance: Balance | None
    budget: Budget | None
    target: Target | None = field(repr=False, default=None)
    fit: BatchFit | None = None  # where not all rows of a batch fit under the cap


def estimate_run(
    settings: Settings, work: PendingWork, info: GatewayInfo, target: Target | None = None
) -> CostEstimate:
    """Forecast the run with the gateway's prices. Raises Refusal for a cap that cannot be kept."""
    calls = work.calls(settings.limit)
    if (unsold := unsold_lane(settings, work.groups)) is not None:
        raise Refusal(unsold)
    prices = PriceList(
        own=settings.prices, gateway=info.listing.tariffs if info.listing is not None else {}
    )
    ahead = forecast(work.groups, calls, prices, settings, work.past)
    lines_file = file_for_lines(settings.own_files)
    budget = decide(settings.max_cost, ahead, work.committed, lines_file=lines_file)
    return CostEstimate(
        calls=calls,
        forecast=ahead,
        prices=prices,
        balance=info.balance,
        budget=budget,
        target=target,
        fit=batch_fit(settings, work.groups, prices, budget),
    )


def lane_lines(settings: Settings, ahead: Forecast) -> list[str]:
    """The prices side by side, and what the lane means that was asked for."""
    lines = [line for line in (lanes_words(ahead),) if line is not None]
    if settings.lane == FLEX:
        lines.append(say("lane.flex", price=range_words(ahead)))
    if settings.lane == BATCH:
        online = settings.online_from
        at = at_words(online.moment(time.time())) if online is not None else ""
        lines.append(say("lane.batch_until" if online is not None else "lane.batch", at=at))
    if ahead.cached is not None:
        lines.append(say("cli.warning", text=ahead.cached.words()))
    return lines


def keep_cap(store: Store, loaded: LoadedSheet, budget: Budget | None) -> None:
    """Remember the cap for later runs, or that there is none; +20 becomes a total."""
    options = {name: value for name, value in loaded.options.items() if name != "max_cost"}
    if budget is not None:
        options["max_cost"] = str(Cap(amount=budget.amount))
    if options != loaded.options:
        with store.write() as tx:
            remember_options(tx, SHEET_ID, options)


# --- before ---------------------------------------------------------------------------------------


def tell_ahead(
    estimate: CostEstimate, settings: Settings, what: str, folder: Path, *, for_real: str = ""
) -> None:
    """Print rows, endpoint, host and price; then time and disk; then balance and cap.

    `for_real` stands before time and disk in a rehearsal, whose own take next to nothing.
    """
    host = urlsplit(settings.base_url).netloc
    ahead = estimate.forecast
    if not estimate.calls:
        print_message(say("run.start_unpaid", endpoints=what, host=host))
        return
    price = range_words(ahead)
    print_message(
        say("run.start", rows=f"{estimate.calls:,}", endpoints=what, host=host, price=price)
    )
    for line in lane_lines(settings, ahead):
        print_message(line)
    free = shutil.disk_usage(folder).free
    print_message(
        for_real
        + say("run.ahead", time=time_words(ahead), disk=disk_words(ahead), free=size_words(free))
    )
    if ahead.disk[0] > free:
        print_message(say("cli.warning", text=say("run.disk_short")))
    if estimate.balance is not None:
        print_message(balance_words(estimate.balance, estimate))
    if estimate.budget is not None:
        for line in budget_lines(estimate.budget, ahead):
            print_message(line)
    if estimate.fit is not None:
        print_message(estimate.fit.words())


def time_words(ahead: Forecast) -> str:
    """The time range, and what it is based on."""
    if ahead.seconds is None:
        return "-"
    low, high = ahead.seconds
    key = "ahead.measured" if ahead.measured else "ahead.usual"
    if format_duration(low) == format_duration(high):
        return say(f"{key}_one", time=format_duration(high))
    return say(key, low=format_duration(low), high=format_duration(high))


def disk_words(ahead: Forecast) -> str:
    """How much disk space the results will take."""
    low, high = map(size_words, ahead.disk)
    return high if low == high else say("ahead.disk", low=low, high=high)


def size_words(size: float) -> str:
    """Bytes for a person."""
    if size >= GIGABYTE:
        return f"{size / GIGABYTE:,.1f} GB"
    return f"{max(size / 1e6, 0.1):,.1f} MB"


def balance_words(balance: Balance, estimate: CostEstimate) -> str:
    """The credit that is left, and for how many of the rows it is enough."""
    if balance.left is None:
        return say("till.unlimited")
    left = f"{format_amount(float(balance.left))} USD"
    rows = _lasts_for(balance.left, estimate)
    if rows is None:
        return say("till.left", left=left)
    if rows >= estimate.calls:
        return say("till.enough", left=left, calls=f"{estimate.calls:,}")
    return say("till.lasts", left=left, rows=f"{rows:,}", calls=f"{estimate.calls:,}")


def _lasts_for(left: Decimal, estimate: CostEstimate) -> int | None:
    """Rows at the middle of the price range; None if it is unknown or not in dollars."""
    ahead = estimate.forecast
    if ahead.unknown or set(ahead.amounts) != {"USD"} or not estimate.calls:
        return None
    low, high = ahead.amounts["USD"]
    each = (low + high) / 2 / estimate.calls
    return None if not each else min(int(float(left) / each), 10**9)


def budget_lines(budget: Budget, ahead: Forecast) -> list[str]:
    """The cap, what it leaves, and the models for which it rests on an assumption."""
    words = {
        "cap": f"{format_amount(budget.amount)} {budget.currency}",
        "spent": format_amount(budget.spent),
        "left": format_amount(budget.left),
    }
    lines = [say("budget.cap", **words)]
    if budget.uncounted:
        lines.append(say("budget.uncounted", count=f"{budget.uncounted:,}"))
    if ahead.unlimited:
        models = ", ".join(ahead.unlimited)
        lines.append(say("budget.unlimited", models=models, tokens=f"{UNLIMITED_ANSWER_TOKENS:,}"))
    if ahead.unbounded_pictures:
        models = ", ".join(ahead.unbounded_pictures)
        lines.append(say("budget.unbounded_pictures", models=models, count=MAX_CHAT_PICTURES))
    return lines


# --- after ----------------------------------------------------------------------------------------


def balance_after(estimate: CostEstimate, store: Store, *, since: float) -> str | None:
    """What the gateway charged meanwhile, beside our own books; None if it has no balance."""
    if estimate.balance is None or estimate.target is None:
        return None
    now = read_balance(estimate.target)
    if now is None or now.left is None:
        return None
    with store.read() as tx:
        used = spent(tx, SHEET_ID, since=since)
    ours = format_amounts(used.costs) if used.costs else say("money.unknown")
    left = f"{format_amount(float(now.left))} USD"
    if estimate.balance.left is None:
        return say("till.now", left=left)
    taken = format_amount(float(estimate.balance.left - now.left))
    return say("till.after", taken=f"{taken} USD", ours=ours, left=left)


def estimate_record(estimate: CostEstimate | None) -> EstimateRecord:
    """The cap and the balance as public data."""
    budget = estimate.budget if estimate is not None else None
    balance = estimate.balance if estimate is not None else None
    return {
        "max_cost": None if budget is None else budget.amount,
        "max_cost_currency": None if budget is None else budget.currency,
        "till_before": None if balance is None or balance.left is None else float(balance.left),
    }
