"""Makes pictures fit a service's limits: fewer bytes, fewer pixels, another format."""

import io
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from runner.files.attachments import AttachmentError
from runner.protocol.pictures import (
    Attachment,
    CutPictureError,
    NotAPictureError,
    PictureFormat,
    inspect,
)

if TYPE_CHECKING:  # Pillow is imported when the first picture has to be changed
    from PIL.Image import Image

MAX_PIXELS = 64_000_000  # 192 MB unpacked; more is an accident or an attack
MAX_EDGE_PIXELS = 8000  # Anthropic's limit for the longer edge
TARGET_SHARE = 0.9  # share of the limit: some gateways count a little differently
JPEG_QUALITIES = (90, 80, 70)  # JPEG qualities to try before reducing pixels
EDGE_FACTOR = 0.75  # factor for each edge, from one try to the next
MAX_TRIES = 16  # 0.75 ** 16 leaves one pixel in a hundred

ORIENTATION_TAG = 0x0112
TRANSPOSED = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
"""Pillow's name of the change that makes a picture of this orientation upright."""
DAMAGED = (
    # everything that Pillow has been seen to raise on damaged pictures and tags
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    struct.error,
)


def fit(attachment: Attachment, most: int) -> Attachment:
    """The picture within `most` bytes and 8,000 pixels a side; unchanged if it fits.

    The aspect ratio stays. An opaque picture becomes a JPEG, a transparent one stays a PNG, and of
    an animation the first frame is kept. Raises AttachmentError.
    """
    if attachment.data is None:
        return attachment
    size = _size(attachment, needed=len(attachment.data) > most)
    if size is None or (
        len(attachment.data) <= most and max(size.width, size.height) <= MAX_EDGE_PIXELS
    ):
        return attachment
    return _changed(attachment, size, lambda image: _shrunk(image, int(most * TARGET_SHARE)))


def as_png(attachment: Attachment) -> Attachment:
    """The same picture as a PNG. Raises AttachmentError."""
    if attachment.data is None:
        return attachment
    size = _size(attachment, needed=True)
    if size is None or size.media_type == "image/png":
        return attachment
    return _changed(attachment, size, lambda image: (_packed(_plain(image), "PNG"), "image/png"))


def _size(attachment: Attachment, *, needed: bool) -> PictureFormat | None:
    """Format and size by the header; None for a damaged picture, left to the service."""
    assert attachment.data is not None
    try:
        return inspect(attachment.data)
    except (NotAPictureError, CutPictureError) as error:
        if not needed:
            return None
        raise AttachmentError(f"{_name(attachment)}: {error}", "a whole picture") from error


def _upright(image: "Image") -> "Image":
    """The picture as its camera held it. Odd tags beside the orientation do not matter.

    Pillow's own exif_transpose writes all tags back, and fails at one of an odd type.
    """
    from PIL.Image import Transpose  # noqa: PLC0415 - as above

    try:
        name = TRANSPOSED.get(image.getexif().get(ORIENTATION_TAG, 1))
    except DAMAGED:
        name = None
    return image if name is None else image.transpose(Transpose[name])


def _changed(
    attachment: Attachment, size: PictureFormat, change: Callable[["Image"], tuple[bytes, str]]
) -> Attachment:
    """The attachment with its picture changed; Pillow's errors are translated here."""
    from PIL import Image  # noqa: PLC0415 - slow to import

    assert attachment.data is not None
    if size.width * size.height > MAX_PIXELS:
        raise AttachmentError(
            f"{_name(attachment)} of {size.width:,}×{size.height:,} pixels",
            f"at most {MAX_PIXELS // 1_000_000} megapixels",
        )
    kind = size.media_type.removeprefix("image/").upper()
    try:
        with Image.open(io.BytesIO(attachment.data), formats=[kind]) as image:
            data, media_type = change(_upright(image))
    except DAMAGED as error:
        raise AttachmentError(f"{_name(attachment)}: {error}", "a whole picture") from error
    return replace(
        attachment, data=data, media_type=media_type, name=_renamed(attachment.name, media_type)
    )


def _shrunk(image: "Image", most: int) -> tuple[bytes, str]:
    image = _plain(image)
    opaque = image.mode == "RGB"
    image.thumbnail((MAX_EDGE_PIXELS, MAX_EDGE_PIXELS))
    for _ in range(MAX_TRIES):
        for quality in JPEG_QUALITIES if opaque else (0,):
            data = _packed(image, "JPEG" if opaque else "PNG", quality=quality)
            if len(data) <= most:
                return data, "image/jpeg" if opaque else "image/png"
        image.thumbnail((max(image.width * EDGE_FACTOR, 1), max(image.height * EDGE_FACTOR, 1)))
    raise ValueError(f"it cannot be made smaller than {most:,} bytes")


def _plain(image: "Image") -> "Image":
    """RGB, or RGBA if any pixel is transparent."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen_through = image.convert("RGBA")
    lowest = seen_through.getchannel("A").getextrema()[0]
    return seen_through if lowest != 255 else seen_through.convert("RGB")


def _packed(image: "Image", kind: str, *, quality: int = 0) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **({"quality": quality} if kind == "JPEG" else {}))
    return out.getvalue()


def _renamed(name: str, media_type: str) -> str:
    ending = ".png" if media_type == "image/png" else ".jpg"
    return PurePath(name).with_suffix(ending).name if name else ""


def _name(attachment: Attachment) -> str:
    return repr(attachment.name) if attachment.name else "the data URI"
