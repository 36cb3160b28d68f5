"""Amounts of money: exact decimals during calculation, whole billionths for sums."""

from decimal import ROUND_HALF_EVEN, ROUND_UP, Decimal

NANO = 1_000_000_000
MILLION = Decimal(1_000_000)
ZERO = Decimal(0)


def exact(value: float | str | Decimal) -> Decimal:
    """The number as written: 0.1 is exactly a tenth. Raises ArithmeticError if it is no number."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def nanos(amount: Decimal | float, *, up: bool = False) -> int:
    """The amount in whole billionths; `up` rounds up, for the most that a call may cost."""
    rounding = ROUND_UP if up else ROUND_HALF_EVEN
    return int((exact(amount) * NANO).to_integral_value(rounding))


def as_float(amount: Decimal) -> float:
    """The amount as it is stored: a float of at most nine places."""
    return nanos(amount) / NANO


def rounded_up(amount: float) -> str:
    """An amount to be typed: rounded up to two significant digits, at least a billionth."""
    number = max(exact(amount), Decimal(1) / NANO)
    step = Decimal(1).scaleb(max(number.adjusted() - 1, -9))
    return f"{number.quantize(step, rounding=ROUND_UP).normalize():f}"
