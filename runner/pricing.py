"""What a call costs, by the requested model's name; unknown stays unknown."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.outcome import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrice:
    """What the user says a model costs: per call, per picture, or per million tokens in and out."""

    call: float | None = None
    picture: float | None = None
    input: float | None = None
    output: float | None = None
    currency: str = "USD"

    def of(self, result: Result | None) -> float | None:
        """The price of one answered call; None where what it depends on is unknown."""
        total, known = 0.0, False
        if self.call is not None:
            total, known = total + self.call, True
        if self.picture is not None:
            if result is None:
                return None
            total, known = total + self.picture * len(result.pictures), True
        if self.input is not None or self.output is not None:
            usage = result.usage if result else None
            if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
                return None
            tokens_in = usage.prompt_tokens * (self.input or 0.0)
            tokens_out = usage.completion_tokens * (self.output or 0.0)
            total, known = total + (tokens_in + tokens_out) / 1e6, True
        return total if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """An amount in a currency."""

    amount: float
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """The prices that the settings give, by model."""

    own: Mapping[str, OwnPrice] = field(default_factory=dict)

    def cost(self, model: str, result: Result | None) -> Price | None:
        """What an answered call of this model cost, as far as that is known."""
        price = self.own.get(model)
        amount = price.of(result) if price is not None else None
        return (
            None
            if price is None or amount is None
            else Price(amount=amount, currency=price.currency)
        )
