"""Input pictures are made to fit, and changed no more than necessary."""

import io
import struct
import zlib

import pytest
from PIL import Image

from runner.endpoints.messages import MAX_PICTURE_BYTES
from runner.files.attachments import AttachmentError
from runner.files.resize import MAX_EDGE_PIXELS, as_png, fit
from runner.protocol.pictures import Attachment


def packed(image: Image.Image, kind: str, **options: object) -> Attachment:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return Attachment(data=out.getvalue(), media_type=f"image/{kind.lower()}", name=f"a.{kind}")


def noise(mode: str, width: int, height: int) -> Image.Image:
    """A picture that no format compresses well."""
    return Image.merge(mode, [Image.effect_noise((width, height), 90) for _ in mode])


def opened(attachment: Attachment) -> Image.Image:
    assert attachment.data is not None
    image = Image.open(io.BytesIO(attachment.data))
    image.load()
    return image


def announced(width: int, height: int) -> Attachment:
    """A PNG whose header declares more pixels than it has."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rest = chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return Attachment(
        data=b"\x89PNG\r\n\x1a\n" + header + rest, media_type="image/png", name="b.png"
    )


def test_what_fits_is_not_touched() -> None:
    small = packed(noise("RGB", 60, 40), "PNG")
    assert fit(small, MAX_PICTURE_BYTES) is small
    address = Attachment(url="https://pics.example.com/a.png")
    assert fit(address, 10) is address
    assert as_png(address) is address


def test_an_opaque_picture_becomes_a_jpeg_of_the_same_shape() -> None:
    large = packed(noise("RGB", 600, 300), "PNG")
    fitted = fit(large, 60_000)
    assert fitted.data is not None
    assert len(fitted.data) <= 54_000
    assert (fitted.media_type, fitted.name) == ("image/jpeg", "a.jpg")
    image = opened(fitted)
    assert image.format == "JPEG"
    assert abs(image.width / image.height - 2) < 0.02


def test_quality_goes_before_pixels() -> None:
    large = packed(noise("RGB", 600, 300), "PNG")
    most = len(packed(opened(large), "JPEG", quality=80).data or b"") / 0.9
    assert opened(fit(large, int(most) + 1)).size == (600, 300)


def test_what_is_seen_through_stays_so() -> None:
    large = packed(noise("RGBA", 300, 300), "PNG")
    fitted = fit(large, 100_000)
    assert fitted.media_type == "image/png"
    assert opened(fitted).mode == "RGBA"
    assert len(fitted.data or b"") <= 100_000


def test_an_alpha_channel_that_shows_nothing_is_dropped() -> None:
    image = noise("RGB", 300, 300)
    image.putalpha(255)
    assert fit(packed(image, "PNG"), 50_000).media_type == "image/jpeg"


@pytest.mark.parametrize("tag", [282, 283, 296, 34665, 34853, 40961])
def test_a_photo_with_a_tag_of_an_odd_type_is_sent_upright(tag: int) -> None:
    orientation = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    odd = struct.pack("<HHI4s", tag, 2, 4, b"abc\0")  # text where a number belongs
    head = b"II*\0" + struct.pack("<IH", 8, 2)
    tags = b"Exif\0\0" + head + orientation + odd + bytes(4)
    photo = packed(noise("RGB", 1200, 600), "JPEG", exif=tags, quality=95)
    sent = opened(fit(photo, 200_000))
    assert sent.height > sent.width


def test_a_long_edge_is_shortened_though_the_bytes_fit() -> None:
    banner = packed(Image.new("RGB", (MAX_EDGE_PIXELS + 1000, 90), "red"), "PNG")
    image = opened(fit(banner, MAX_PICTURE_BYTES))
    assert image.size == (MAX_EDGE_PIXELS, 80)


def test_a_photo_stays_upright() -> None:
    image = noise("RGB", 300, 200)
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter turn
    fitted = fit(packed(image, "JPEG", quality=98, exif=turned), 20_000)
    assert opened(fitted).width < opened(fitted).height


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_other_kinds_are_read(kind: str) -> None:
    large = packed(noise("RGB", 300, 300), kind)
    assert opened(fit(large, 20_000)).format == "JPEG"


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(AttachmentError, match=r"30,000×30,000 pixels.*64 megapixels"):
        fit(announced(30_000, 30_000), MAX_PICTURE_BYTES)
    with pytest.raises(AttachmentError, match="whole picture"):
        fit(announced(9000, 10), MAX_PICTURE_BYTES)


def test_a_damaged_picture_is_left_to_the_service_while_it_fits() -> None:
    whole = packed(noise("RGB", 60, 40), "PNG").data or b""
    cut = Attachment(data=whole[:-20], media_type="image/png", name="c.png")
    assert fit(cut, MAX_PICTURE_BYTES) is cut
    with pytest.raises(AttachmentError, match=r"c\.png"):
        fit(cut, 100)


def test_a_jpeg_becomes_a_png_with_the_same_pixels() -> None:
    photo = packed(noise("RGB", 40, 30), "JPEG")
    png = as_png(photo)
    assert (png.media_type, png.name) == ("image/png", "a.png")
    assert opened(png).format == "PNG"
    assert opened(png).tobytes() == opened(photo).tobytes()
    assert as_png(png) is png
