"""Secrets: values that must never be printed."""

import re
import sys
from contextlib import suppress
from functools import cache
from urllib.parse import quote

# Compiled on first use: most commands see no such text.
_LOOKS_LIKE_KEY = (
    r"(?<![A-Za-z0-9])(?:sk|pk|rk)-(?=[A-Za-z0-9_\-]{0,200}[0-9A-Z])[A-Za-z0-9_\-]{12,}"
    r"|(?<![A-Za-z0-9])AIza[A-Za-z0-9_\-]{30,}"
    r"|(?i:bearer)\s+[A-Za-z0-9._~+/\-]{16,}=*"
)
_USERINFO = (
    r"([A-Za-z][A-Za-z0-9+.\-]{0,20}://)(?:[^\s/@:]*:[^\s/@]+"
    r"|(?<!postgres://)(?<!postgresql://)[^\s/@:]{16,})@"  # a database's user is no secret
)
_DATABASE = r"(?i:postgres(?:ql)?(?:\+[a-z0-9]{1,20})?)://"
# A colon before an @ that begins no port; a password may hold / and # where people forget to
# escape them.
_DATABASE_USERINFO = rf"({_DATABASE})[^\s@/?#]*:(?!\d{{0,5}}(?:[/,?#\s]|$))\S*@"
_DATABASE_QUERY = r"([?&](?i:ssl)?(?i:password)=)[^&#\s]+"
_known_values: set[str] = set()  # every secret of this process, so that `redacted` finds it


def keep_out_of_dumps() -> None:
    """Disable core dumps of this process: they would contain the key."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - exists on Unix only

        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Secret:
    """A key or a password: only `reveal()` returns it, everything else shows it masked."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        if self.is_distinctive:
            _known_values.update((value, quote(value, safe=""), *base64_forms(value)))

    @property
    def is_distinctive(self) -> bool:
        """True if its presence in a text means that the secret leaked.

        Words that people use as a key for a local server ("test", "ollama", "lm-studio") occur in
        answers by themselves; masking them would damage the answers.
        """
        length = len(self._value)
        return length >= 16 or (length >= 8 and any(map(str.isdigit, self._value)))

    def reveal(self) -> str:
        """The value itself, for the header that needs it."""
        return self._value

    def masked(self) -> str:
        """Enough to tell two keys apart: `sk-…a1b2`. A short secret shows nothing."""
        if len(self._value) < 16:
            return "…"
        prefix = "sk-" if self._value.startswith("sk-") else ""
        return f"{prefix}…{self._value[-4:]}"

    def taken_out_of(self, body: bytes, mask: bytes) -> bytes:
        """The bytes with the secret masked: plain, as JSON escapes, or inside base64."""
        if not self.is_distinctive:
            return body
        for form in _forms_in_bytes(self._value):
            if form in body:
                body = body.replace(form, mask)
        if b"\\u00" in body:
            body = re.sub(_escaped_form(self._value), mask, body)
        return body

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
        raise TypeError("a secret cannot be pickled")


@cache
def base64_forms(value: str) -> tuple[str, ...]:
    """The value as part of a longer base64 text, at each of the three offsets."""
    import base64  # noqa: PLC0415 - most commands know no secret

    forms = []
    for offset in range(3):
        data = bytes(offset) + value.encode()
        begin, end = -(-offset * 8 // 6), len(data) * 8 // 6  # characters of the value alone
        forms.append(base64.b64encode(data).decode()[begin:end])
        forms.append(base64.urlsafe_b64encode(data).decode()[begin:end])
    return tuple(dict.fromkeys(forms))


@cache
def _forms_in_bytes(value: str) -> tuple[bytes, ...]:
    return tuple(form.encode() for form in (value, *base64_forms(value)))


@cache
def _escaped_form(value: str) -> re.Pattern[bytes]:
    """A pattern of the value in JSON, any of its characters as an escape."""
    signs = (rf"(?:{re.escape(sign)}|\\u(?i:{ord(sign):04x}))" for sign in value)
    return re.compile("".join(signs).encode())


def has_secrets() -> bool:
    """True if this process knows a secret that could stand in a text."""
    return bool(_known_values)


def without_secrets(text: str) -> str:
    """The text without the secrets of this process; everything else stays as it is."""
    for value in _known_values:
        if value in text:
            text = text.replace(value, "[key]")
    return text


def redacted(text: str) -> str:
    """The text without this process's secrets, key-like words and passwords in URLs."""
    text = without_secrets(text)
    if _may_hold_key(text):
        text = re.sub(_LOOKS_LIKE_KEY, "[key]", text)
    if "://" not in text:
        return text
    if _names_database(text):
        text = re.sub(_DATABASE_USERINFO, r"\1[hidden]@", text)
        text = re.sub(_DATABASE_QUERY, r"\1[hidden]", text)
    return re.sub(_USERINFO, r"\1[hidden]@", text)


def holds_secret(text: str) -> bool:
    """True if this contains what looks like a key, or a URL with a password."""
    return bool(
        (_may_hold_key(text) and re.search(_LOOKS_LIKE_KEY, text))
        or ("://" in text and re.search(_USERINFO, text))
        or (
            _names_database(text)
            and (re.search(_DATABASE_USERINFO, text) or re.search(_DATABASE_QUERY, text))
        )
    )


def _names_database(text: str) -> bool:
    return "ostgres" in text.lower() and bool(re.search(_DATABASE, text))


def _may_hold_key(text: str) -> bool:
    """False for most texts, ten times faster than the pattern."""
    return "k-" in text or "AIza" in text or "bearer" in text.lower()
