"""Amounts of money: exact while they are worked out, whole billionths where they are added."""

from decimal import ROUND_HALF_EVEN, ROUND_UP, Decimal

NANO = 1_000_000_000
MILLION = Decimal(1_000_000)
ZERO = Decimal(0)


def exact(value: float | str | Decimal) -> Decimal:
    """The number as it was written: 0.1 is a tenth. Raises ArithmeticError for what is none."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def nanos(amount: Decimal | float, *, up: bool = False) -> int:
    """The amount in whole billionths; `up` rounds against us, for what a call may cost at most."""
    rounding = ROUND_UP if up else ROUND_HALF_EVEN
    return int((exact(amount) * NANO).to_integral_value(rounding))


def as_float(amount: Decimal) -> float:
    """The amount as it is kept: a float of at most nine places."""
    return nanos(amount) / NANO


def rounded_up(amount: float) -> str:
    """An amount for a person to type: two digits that count, never less; at least a billionth."""
    number = max(exact(amount), Decimal(1) / NANO)
    step = Decimal(1).scaleb(max(number.adjusted() - 1, -9))
    return f"{number.quantize(step, rounding=ROUND_UP).normalize():f}"
