"""A value that must never be printed."""

import re
import sys
from contextlib import suppress
from urllib.parse import quote

# Compiled by the first text that may hold such a thing: most commands meet none.
_LOOKS_LIKE_KEY = (
    r"(?<![A-Za-z0-9])(?:sk|pk|rk)-(?=[A-Za-z0-9_\-]*[0-9A-Z])[A-Za-z0-9_\-]{12,}"
    r"|(?<![A-Za-z0-9])AIza[A-Za-z0-9_\-]{30,}"
    r"|(?i:bearer)\s+[A-Za-z0-9._~+/\-]{16,}=*"
)
_USERINFO = r"([A-Za-z][A-Za-z0-9+.\-]*://)(?:[^\s/@:]*:[^\s/@]+|[^\s/@:]{16,})@"
_alive: set[str] = set()  # every secret of this process, so that no text can carry one out


def keep_out_of_dumps() -> None:
    """From now on this process leaves no copy of its memory when it dies: the key is in there."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - exists on Unix only

        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Secret:
    """Holds a key or a password: only `reveal()` gives it out, every other look is masked."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        if self.is_telling:
            _alive.update((value, quote(value, safe="")))

    @property
    def is_telling(self) -> bool:
        """Does a text that holds it hold it because it is the secret?

        What people give to a server of their own that asks for no key ("test", "ollama",
        "lm-studio") stands in answers as any other word, which taking it out would damage.
        """
        length = len(self._value)
        return length >= 16 or (length >= 8 and any(map(str.isdigit, self._value)))

    def reveal(self) -> str:
        """The value itself, for the one header that needs it."""
        return self._value

    def masked(self) -> str:
        """Enough to tell two keys apart: `sk-…a1b2`. A short one shows nothing of itself."""
        if len(self._value) < 16:
            return "…"
        prefix = "sk-" if self._value.startswith("sk-") else ""
        return f"{prefix}…{self._value[-4:]}"

    def __repr__(self) -> str:
        return f"Secret({self.masked()})"

    def __str__(self) -> str:
        return self.masked()

    def __format__(self, spec: str) -> str:
        return format(self.masked(), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is not written to a file")


def redacted(text: str) -> str:
    """The text without the secrets of this process, without key-like words and URL passwords."""
    for value in _alive:
        if value in text:
            text = text.replace(value, "[key]")
    if _may_hold_key(text):
        text = re.sub(_LOOKS_LIKE_KEY, "[key]", text)
    return re.sub(_USERINFO, r"\1[hidden]@", text) if "://" in text else text


def holds_secret(text: str) -> bool:
    """Does this look like a key, or like a URL with a password in it?"""
    return bool(
        (_may_hold_key(text) and re.search(_LOOKS_LIKE_KEY, text))
        or ("://" in text and re.search(_USERINFO, text))
    )


def _may_hold_key(text: str) -> bool:
    """Most texts do not, and finding that out by the pattern takes ten times as long."""
    return "k-" in text or "AIza" in text or "bearer" in text.lower()
