"""The user's own price of a model, apart from the rest since every command reads the settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrice:
    """One `[prices."MODEL"]`: per call, per picture, per million tokens in and out, or per unit.

    The units are those of `prices.units`.
    """

    call: float | None = None
    picture: float | None = None
    input: float | None = None
    output: float | None = None
    second: float | None = None
    minute: float | None = None
    million_characters: float | None = None
    song: float | None = None
    search: float | None = None
    currency: str = "USD"
