"""Decides which lines go into one provider batch: by its provider's limits and by answer size."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.job import JSON
from runner.lanes.batch_wire import MAX_RESULT_BYTES, BatchOffer

MAX_ROWS = 50_000  # of a batch whose provider names no limit
MAX_BYTES = 200_000_000  # of the lines of such a batch
BYTES_A_TOKEN = 4  # of a text, both ways: more would be Chinese, whose characters are tokens
USUAL_TOKENS = 1_000  # of an answer; few use up the limit that their row allows
BYTES_OF_ANSWER = 1_500  # around its text
BYTES_A_NUMBER = 22  # of a vector, as JSON
USUAL_NUMBERS = 3_072
BYTES_A_PIXEL = 3  # of a picture, in base64
USUAL_PIXELS = 1024 * 1024
PIXELS_BY_WORD = {"1k": 1024 * 1024, "2k": 2048 * 2048, "4k": 4096 * 4096}
_SIZE = re.compile(r"(\d{2,5})\s*[x×*]\s*(\d{2,5})", re.IGNORECASE)
_LIMITS = ("max_completion_tokens", "max_output_tokens", "max_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One request as a line of a batch, and what counts for the limits. `alike`: see `Pack`."""

    content: bytes
    url: str
    answer_bytes: int
    alike: tuple[JSON, ...] = ()

    @property
    def tokens(self) -> int:
        """The tokens of its prompt, roughly."""
        return len(self.content) // BYTES_A_TOKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class PackLimits:
    """What one batch may hold. `tokens` None: no limit is known."""

    rows: int
    size: int
    line_size: int | None
    tokens: int | None
    answer_bytes: int = MAX_RESULT_BYTES


def limits_of(offer: BatchOffer, *, queued: int = 0) -> PackLimits:
    """The limits of a provider's batches, where so many tokens wait at the provider already."""
    return PackLimits(
        rows=offer.max_rows or MAX_ROWS,
        size=offer.max_bytes or MAX_BYTES,
        line_size=offer.max_line_bytes or None,
        tokens=max(offer.max_tokens - queued, 0) if offer.max_tokens else None,
    )


class Pack:
    """What is in a batch so far. All lines of one batch have the address and `alike` of the first.

    A line that alone exceeds the limits of answer or tokens goes in a batch of its own.
    """

    def __init__(self, limits: PackLimits, *, separator: bytes) -> None:
        self.rows = self.size = self.tokens = self.answer_bytes = 0
        self.first: Line | None = None
        self._limits = limits
        self._between = len(separator)

    def is_too_long(self, line: Line) -> bool:
        """True if no batch can hold this line."""
        most = self._limits.line_size
        return len(line.content) > self._limits.size or (
            most is not None and len(line.content) > most
        )

    def is_other(self, line: Line) -> bool:
        """True if the line belongs into another batch than the first one."""
        first = self.first
        return first is not None and (line.url, line.alike) != (first.url, first.alike)

    def has_room(self, line: Line) -> bool:
        """True if the line fits beside the others."""
        limits = self._limits
        if self.size + self._between + len(line.content) > limits.size or self.rows >= limits.rows:
            return False
        if limits.tokens is not None and self.tokens + line.tokens > limits.tokens:
            return False
        return not self.rows or self.answer_bytes + line.answer_bytes <= limits.answer_bytes

    def add(self, line: Line) -> None:
        """Count the line."""
        self.first = self.first or line
        self.size += len(line.content) + (self._between if self.rows else 0)
        self.rows += 1
        self.tokens += line.tokens
        self.answer_bytes += line.answer_bytes


def expected_bytes(body: Mapping[str, JSON], *, draws: bool, vectors: bool) -> int:
    """How many bytes the answer to a request will have, roughly and rather too many.

    Result files of many pictures cannot be fetched from some providers, although they were paid
    for; so what counts is the size of the answers, not the number of rows.
    """
    if vectors:
        return BYTES_OF_ANSWER + BYTES_A_NUMBER * _number(body.get("dimensions"), USUAL_NUMBERS)
    if draws:
        count = max(_number(body.get("n"), 1), 1)
        return BYTES_OF_ANSWER + count * BYTES_A_PIXEL * _pixels(body)
    limit = next((body[name] for name in _LIMITS if body.get(name) is not None), None)
    tokens = min(_number(limit, USUAL_TOKENS), USUAL_TOKENS)
    return BYTES_OF_ANSWER + BYTES_A_TOKEN * tokens * max(_number(body.get("n"), 1), 1)


def _number(value: JSON, usual: int) -> int:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return int(value) if usable else usual  # type: ignore[arg-type]  # a number, as `usable` says


def _pixels(body: Mapping[str, JSON]) -> int:
    text = str(body.get("size") or body.get("image_size") or body.get("imageSize") or "")
    found = _SIZE.search(text)
    if found is not None:
        return int(found[1]) * int(found[2])
    return PIXELS_BY_WORD.get(text.lower(), USUAL_PIXELS)
