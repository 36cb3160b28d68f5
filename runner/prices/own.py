"""What the user's settings say a model costs."""

from dataclasses import dataclass
from decimal import Decimal

from runner.prices.money import exact
from runner.prices.tariff import Source, Tariff


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrice:
    """One `[prices."MODEL"]`: per call, per picture, or per million tokens in and out."""

    call: float | None = None
    picture: float | None = None
    input: float | None = None
    output: float | None = None
    currency: str = "USD"

    def tariff(self) -> Tariff:
        """The same as prices are reckoned with."""
        return Tariff(
            source=Source.SETTINGS,
            currency=self.currency,
            call=_exact(self.call),
            picture=_exact(self.picture),
            input=_exact(self.input),
            output=_exact(self.output),
        )


def _exact(amount: float | None) -> Decimal | None:
    return None if amount is None else exact(amount)
