"""Texts that every table takes."""

REPLACEMENT = "\ufffd"


def fitting(text: str) -> str:
    """The text without NUL and without halves of surrogate pairs, which are no characters."""
    if "\x00" in text:
        text = text.replace("\x00", REPLACEMENT)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
