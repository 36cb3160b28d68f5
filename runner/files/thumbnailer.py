"""The child process that makes thumbnails; it imports Pillow and nothing of rowmill.

Pictures come from strangers, so they are decoded here, where a bomb or a decoder's bug does no
harm. Each line on stdin is a JSON list [source, target, edge], or [source, target, "quarter-2"] for
a piece of a grid; each line on stdout is the answer: an empty JSON string, or the reason why there
is no picture.
"""

import json
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

if sys.platform != "win32":
    import resource

DECODED_FORMATS = (
    "PNG",
    "JPEG",
    "GIF",
    "WEBP",
)  # the formats that rowmill saves; no other decoder is loaded
MAX_PIXELS = 50_000_000  # 200 MB unpacked; more is an accident or an attack
MAX_MEMORY_BYTES = 1 << 30  # bytes of address space
CPU_SECONDS = 20  # CPU seconds per picture
JPEG_QUALITY = 82
HOW_TO_SAVE: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
}
"""So that a piece looks like its whole."""
BACKGROUND_COLOUR = (255, 255, 255)  # the background of transparent pictures


def main() -> None:
    """Make thumbnails one by one until stdin ends."""
    warnings.simplefilter("error")  # Pillow only warns about some decompression bombs
    _limit_memory()
    for line in sys.stdin:
        source, target, edge = json.loads(line)
        _limit_seconds()
        try:
            if isinstance(edge, str):
                cut(Path(source), Path(target), int(edge.removeprefix("quarter-")))
            else:
                make(Path(source), Path(target), edge)
            answer = ""
        except Exception as error:  # noqa: BLE001 - whatever a decoder raises, the next picture waits
            answer = f"{type(error).__name__}: {error}"[:300]
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def make(source: Path, target: Path, edge: int) -> None:
    """Write a JPEG of at most `edge` pixels a side, whole or not at all. Raises Pillow's errors."""
    part = target.with_name(f".{target.name}.part")
    try:
        with Image.open(source, formats=DECODED_FORMATS) as image:
            width, height = image.size  # from the header; nothing is decoded yet
            if width * height > MAX_PIXELS:
                raise ValueError(f"{width}x{height} pixels are too many")
            image.draft("RGB", (2 * edge, 2 * edge))  # a JPEG need not be decoded in full
            small = ImageOps.exif_transpose(image)
            small.thumbnail((edge, edge), reducing_gap=3.0)
            _on_paper(small).save(part, "JPEG", quality=JPEG_QUALITY, optimize=True)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def cut(source: Path, target: Path, number: int) -> None:
    """Write one quarter of a picture in the picture's own format. Raises Pillow's errors."""
    with Image.open(source, formats=DECODED_FORMATS) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise ValueError(f"{width}x{height} pixels are too many")
        right, lower = (number - 1) % 2, (number - 1) // 2
        across, down = (0, width // 2, width), (0, height // 2, height)
        box = (across[right], down[lower], across[right + 1], down[lower + 1])
        image.crop(box).save(target, image.format, **HOW_TO_SAVE.get(str(image.format), {}))


def _on_paper(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen_through = image.convert("RGBA")
    paper = Image.new("RGB", image.size, BACKGROUND_COLOUR)
    paper.paste(seen_through, mask=seen_through.getchannel("A"))
    return paper


def _limit_memory() -> None:
    if sys.platform != "win32":
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_seconds() -> None:
    """Allow that many more CPU seconds; the system ends a process that exceeds them."""
    if sys.platform != "win32":
        with suppress(OSError, ValueError):
            used = resource.getrusage(resource.RUSAGE_SELF)
            until = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
            resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
