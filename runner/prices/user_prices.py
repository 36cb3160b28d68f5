"""What the user's settings say a model costs. Every command reads it; few of them reckon."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrice:
    """One `[prices."MODEL"]`: per call, per picture, or per million tokens in and out."""

    call: float | None = None
    picture: float | None = None
    input: float | None = None
    output: float | None = None
    currency: str = "USD"
