"""Names values outside the ranges that a service documents; they are sent all the same."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from jobs.job import JSON
from jobs.sheet.finding import Finding

MAX_SPOKEN_CHARACTERS = 4_096
GPT_IMAGE = re.compile(r"(?:.*/)?gpt-image-(?:1(?:\.5|-mini)?|2)(?:-\d{4}-\d{2}-\d{2})?")
GPT_IMAGE_2 = re.compile(r"(?:.*/)?gpt-image-2(?:-\d{4}-\d{2}-\d{2})?")
GPT_VOICE = re.compile(r"tts-1(?:-hd)?(?:-\d{4})?|gpt-4o-mini-tts(?:-.+)?")
_SIDES = re.compile(r"(\d{2,5})\s*[x×*]\s*(\d{2,5})", re.IGNORECASE)
_PICTURES = ("image", "image-edit")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRange:
    """What the models whose whole name matches are known to take in one column."""

    endpoints: tuple[str, ...]
    models: re.Pattern[str]
    column: str
    expected: str
    fits: Callable[[str], bool]


def _one_of(*words: str) -> tuple[str, Callable[[str], bool]]:
    return " or ".join(words), lambda text: text.strip().lower() in words


def _gpt_image_2_size(text: str) -> bool:
    """True for auto, and for sides divisible by 16, from 1:3 to 3:1, of at most 4K."""
    found = _SIDES.fullmatch(text.strip())
    if found is None:
        return text.strip().lower() == "auto"
    width, height = int(found[1]), int(found[2])
    long, short = max(width, height), min(width, height)
    within = long <= 3_840 and width * height <= 3_840 * 2_160 and long <= 3 * short
    return within and not width % 16 and not height % 16


def _choice(models: re.Pattern[str], column: str, *words: str) -> KnownRange:
    expected, fits = _one_of(*words)
    return KnownRange(
        endpoints=_PICTURES, models=models, column=column, expected=expected, fits=fits
    )


KNOWN_RANGES = (
    KnownRange(
        endpoints=_PICTURES,
        models=GPT_IMAGE_2,
        column="size",
        expected="auto, 16n x 16n, 1:3 … 3:1, ≤ 3840x2160",
        fits=_gpt_image_2_size,
    ),
    _choice(GPT_IMAGE, "quality", "low", "medium", "high", "auto"),
    _choice(GPT_IMAGE, "background", "transparent", "opaque", "auto"),
    _choice(GPT_IMAGE, "output_format", "png", "jpeg", "webp"),
    _choice(GPT_IMAGE, "moderation", "auto", "low"),
    _choice(GPT_IMAGE, "input_fidelity", "low", "high"),
    KnownRange(
        endpoints=("speech",),
        models=GPT_VOICE,
        column="prompt",
        expected=f"≤ {MAX_SPOKEN_CHARACTERS:,}",
        fits=lambda text: len(text) <= MAX_SPOKEN_CHARACTERS,
    ),
)
"""As public documentation of November 2026 has them."""


def outside_known_ranges(first: Iterable[tuple[int, str, str]]) -> list[Finding]:
    """A finding for each kind of value of the first rows that is outside what is known."""
    found: dict[tuple[str, str, str], Finding] = {}
    for row, endpoint, text in first:
        fields = json.loads(text)
        for one, value in _outside(endpoint, fields):
            shown = f"{len(value):,}" if one.column == "prompt" else value[:80]
            model = str(fields.get("model"))
            finding = Finding(
                kind="outside_known_range",
                severity="warning",
                row=row,
                column=one.column,
                found=shown,
                expected=one.expected,
                values=(("model", model),),
            )
            key = (model, one.column, "" if one.column == "prompt" else value)
            found.setdefault(key, finding)
    return list(found.values())


def _outside(endpoint: str, fields: Mapping[str, JSON]) -> Iterator[tuple[KnownRange, str]]:
    model = str(fields.get("model") or "")
    for one in KNOWN_RANGES:
        value = fields.get(one.column)
        applies = endpoint in one.endpoints and one.models.fullmatch(model) is not None
        if applies and isinstance(value, str) and value.strip() and not one.fits(value):
            yield one, value
