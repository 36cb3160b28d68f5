"""Makes untrusted text safe to print on a terminal."""

import unicodedata

_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: str, limit: int = 500) -> str:
    """One safe line: control, bidi and format characters escaped, cut at `limit` characters."""
    # Cut before escaping too, so that a cell of ten megabytes is not scanned for one line.
    head = text[: limit + 1]
    shown = head if head.isascii() and head.isprintable() else "".join(map(_escape, head))
    return shown if len(shown) <= limit else shown[: max(limit - 1, 0)] + "…"


def _escape(character: str) -> str:
    if unicodedata.category(character) not in _ESCAPED:
        return character
    known = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if known:
        return known
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def visible(text: str) -> str:
    """Lines without what a terminal acts on; the escapes are JSON's, so that JSON stays JSON."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(map(_as_json_escape, text))


def _as_json_escape(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _ESCAPED:
        return character
    units = character.encode("utf-16-be", errors="surrogatepass")  # as JSON writes them
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
