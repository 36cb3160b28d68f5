"""Describes the pictures in a request."""

import base64
import binascii
import io

from runner.mock.validation import InvalidRequest

_MAGIC = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"RIFF": "WEBP"}


def look(url: str) -> str | InvalidRequest:
    """`PNG 64×48` for a data URI with a picture; addresses are not checked."""
    if not url.startswith("data:"):
        return "one at an address"
    head, _, data = url.partition(",")
    if not head.endswith(";base64"):
        return _bad("The image is not one of PNG, JPEG, GIF and WebP.")
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return _bad("The image data is not valid base64.")
    found = measured(content)
    return found if isinstance(found, InvalidRequest) else f"{found[0]} {found[1]}×{found[2]}"


def measured(content: bytes) -> tuple[str, int, int] | InvalidRequest:
    """Format, width and height of a readable picture."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - needed for pictures only

    kind = next((name for magic, name in _MAGIC.items() if content.startswith(magic)), None)
    if kind is None:
        return _bad("The image is not one of PNG, JPEG, GIF and WebP.")
    try:
        with Image.open(io.BytesIO(content), formats=[kind]) as image:
            image.load()
            return kind, image.width, image.height
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        return _bad("The image cannot be read.")


def _bad(message: str) -> InvalidRequest:
    return InvalidRequest(message=message, param="messages", code="invalid_image")
