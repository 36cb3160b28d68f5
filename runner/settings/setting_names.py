"""What a setting is called elsewhere than on the command line."""

from functools import cache
from keyword import iskeyword


@cache
def field_of(option: str) -> str:
    """The name of a long option in `Settings`, in a settings file, and in the environment."""
    field = option.replace("-", "_")
    return f"{field}_" if iskeyword(field) else field


@cache
def variable_of(option: str) -> str:
    """The environment variable of a long option."""
    return f"ROWMILL_{option.replace('-', '_').upper()}"
