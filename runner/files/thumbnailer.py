"""The child process that makes thumbnails; it knows Pillow and nothing else of rowmill.

Pictures come from strangers, so they are decoded here, where a bomb or a decoder's bug can hurt
nobody. Each line on stdin is a JSON list [source, target, edge]; each line on stdout is the answer:
an empty JSON string, or why there is no thumbnail.
"""

import json
import sys
import warnings
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")  # what rowmill saves; all other decoders stay asleep
MOST_PIXELS = 50_000_000  # unpacked they take 200 MB; more is an accident or an attack
MEMORY = 1 << 30  # bytes of address space
SECONDS = 20  # of the processor, a picture
QUALITY = 82
PAPER = (255, 255, 255)  # what shows through a picture with holes


def main() -> None:
    """One picture after the other, until stdin ends."""
    warnings.simplefilter("error")  # Pillow only warns of many a bomb
    _limit_memory()
    for line in sys.stdin:
        source, target, edge = json.loads(line)
        _limit_seconds()
        try:
            make(Path(source), Path(target), edge)
            answer = ""
        except Exception as error:  # noqa: BLE001 - whatever a decoder raises, the next picture waits
            answer = f"{type(error).__name__}: {error}"[:300]
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def make(source: Path, target: Path, edge: int) -> None:
    """A JPEG of at most `edge` pixels a side, whole or not at all. Raises what Pillow raises."""
    part = target.with_name(f".{target.name}.part")
    try:
        with Image.open(source, formats=FORMATS) as image:
            width, height = image.size  # by the header; nothing is decoded yet
            if width * height > MOST_PIXELS:
                raise ValueError(f"{width}x{height} pixels are too many")
            image.draft("RGB", (2 * edge, 2 * edge))  # a JPEG need not be decoded in full
            small = ImageOps.exif_transpose(image)
            small.thumbnail((edge, edge), reducing_gap=3.0)
            _on_paper(small).save(part, "JPEG", quality=QUALITY, optimize=True)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _on_paper(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen_through = image.convert("RGBA")
    paper = Image.new("RGB", image.size, PAPER)
    paper.paste(seen_through, mask=seen_through.getchannel("A"))
    return paper


def _limit_memory() -> None:
    with suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - exists on Unix only

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_seconds() -> None:
    """So many more seconds from now on; the system ends a process that needs more."""
    with suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - as above

        used = resource.getrusage(resource.RUSAGE_SELF)
        until = int(used.ru_utime + used.ru_stime) + SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
