"""The user's own price of a model, apart from the rest since every command reads the settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrice:
    """One `[prices."MODEL"]`: per call, per picture, or per million tokens in and out."""

    call: float | None = None
    picture: float | None = None
    input: float | None = None
    output: float | None = None
    currency: str = "USD"
