"""Decides the cap of a run: its amount and currency, and whether it can be kept."""

from dataclasses import dataclass
from pathlib import Path

from jobs.store.queries.spending import Committed
from runner.catalogue import say
from runner.catalogue.money import settings_line
from runner.exits import Refusal
from runner.preflight.forecast import Forecast
from runner.prices.money import NANO
from runner.settings.schema import Cap


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most that this workspace may ever spend, and what it has spent."""

    amount: float
    currency: str
    spent: float
    uncounted: int = 0  # earlier calls whose price is unknown

    @property
    def left(self) -> float:
        """What may still be spent."""
        return max(self.amount - self.spent, 0.0)


def decide(
    cap: Cap | None, ahead: Forecast, before: Committed, *, lines_file: Path
) -> Budget | None:
    """The budget, or None without a cap. Raises Refusal if a cap could not be kept.

    `lines_file` is the settings file in which the lines it asks for will count.
    """
    if cap is None or cap.lifted:
        return None
    if ahead.unknown:
        line = settings_line(ahead.unknown[0], str(lines_file))
        raise Refusal(say("budget.unpriced", models=", ".join(ahead.unknown)) + f"\n{line}")
    past = [name for name, amount in before.amounts.items() if amount]
    currencies = sorted({*ahead.currencies, *past})
    if len(currencies) > 1:
        raise Refusal(say("budget.mixed", currencies=", ".join(currencies)))
    spent = sum(before.amounts.values()) / NANO
    return Budget(
        amount=round(cap.amount + (spent if cap.more else 0.0), 9),
        currency=currencies[0] if currencies else "USD",
        spent=spent,
        uncounted=before.uncounted,
    )
