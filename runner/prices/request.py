"""What a request asks for, as far as its price depends on it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.job import JSON

FRAMING_TOKENS = 64  # that a provider adds around the messages
PICTURE_INPUT_TOKENS = 6_000  # of one picture going in, where nothing says it
UNLIMITED_ANSWER_TOKENS = 16_384  # assumed of an answer that nothing limits
DRAWN_PICTURE_TOKENS = 6_500  # of a drawn picture of USUAL_PICTURE_DOTS, at the highest quality
USUAL_PICTURE_DOTS = 1_536 * 1_024
PREVIEW_TOKENS = 100  # that each preview in a stream adds
MAX_CHAT_PICTURES = 4  # that a chat model may send, where no field says how many
LIKELY_ANSWER_TOKENS = (50, 1_000)
LIKELY_PICTURE_INPUT_TOKENS = (85, 1_600)
LOW_QUALITY_PICTURE_TOKENS = 272


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedRequest:
    """One request: its model, the fields of its job, and what its endpoint says of every answer.

    `pictures`: an answer holds pictures. `draws`: it holds nothing else, and a price goes by the
    picture. `is_task`: a remote task, charged with its submit; one picture, a grid, comes of it.
    `answer_limit`: the most tokens where no field names a limit; None: nothing limits an answer.
    """

    model: str
    fields: Mapping[str, JSON]
    pictures: bool = False
    draws: bool = False
    is_task: bool = False
    answer_limit: int | None = None

    def value(self, name: str) -> JSON:
        """What is sent under that name: what is laid over the body beats the field."""
        laid = self.fields.get(f"body.{name}")
        if laid is None:
            params = self.fields.get("params")
            laid = params.get(name) if isinstance(params, dict) else None
        return self.fields.get(name) if laid is None else laid

    def number(self, name: str) -> int | None:
        """A whole number above 0 under that name, or None."""
        value = self.value(name)
        if isinstance(value, str) and value.strip().isdecimal():
            value = int(value)
        good = isinstance(value, int | float) and not isinstance(value, bool) and value >= 1
        return int(value) if good else None  # type: ignore[arg-type]  # a number, as `good` says

    @property
    def n(self) -> int:
        """How many answers or pictures are asked for."""
        return 1 if self.is_task else self.number("n") or 1

    @property
    def max_pictures(self) -> int:
        """How many pictures may come: a chat model may send more than it was asked for."""
        chats = self.pictures and not self.draws and not self.is_task
        return max(self.n, MAX_CHAT_PICTURES) if chats else self.n

    @property
    def is_unlimited(self) -> bool:
        """True if neither a field nor the endpoint limits the answer's tokens."""
        by_words = not self.draws and not self.is_task
        return by_words and self.answer_limit is None and self.limit() is None

    @property
    def size(self) -> str:
        """The size, in its plainest spelling; "auto" where the model chooses."""
        return str(self.value("size") or "auto").lower().replace("×", "x").strip()

    @property
    def quality(self) -> str:
        """The quality in lower case; "auto" where the model chooses."""
        return str(self.value("quality") or "auto").lower().strip()

    def max_input(self) -> int:
        """No more tokens than this go in: no token is shorter than one byte of its text."""
        count, pictures = _bytes(self.fields)
        return FRAMING_TOKENS + count + PICTURE_INPUT_TOKENS * pictures

    def likely_input(self) -> tuple[int, int]:
        """Between how many tokens probably go in."""
        count, pictures = _bytes(self.fields)
        low, high = LIKELY_PICTURE_INPUT_TOKENS
        return count // 5 + low * pictures, 16 + count // 2 + high * pictures

    def max_output(self) -> int:
        """How many tokens may come out."""
        if self.answer_limit == 0:
            return 0
        if self.draws:
            previews = self.number("partial_images") or 0
            return self.n * (self._drawn_tokens() + PREVIEW_TOKENS * previews)
        return self.n * (self.limit() or self.answer_limit or UNLIMITED_ANSWER_TOKENS)

    def likely_output(self) -> tuple[int, int]:
        """Between how many tokens probably come out."""
        most = self.max_output()
        if self.draws:
            return min(self.n * LOW_QUALITY_PICTURE_TOKENS, most), most
        low, high = LIKELY_ANSWER_TOKENS
        return min(self.n * low, most), min(self.n * high, most)

    def limit(self) -> int | None:
        """The longest answer that the request itself allows, in tokens."""
        limits = [self.number(name) for name in ("max_completion_tokens", "max_tokens")]
        return max((one for one in limits if one is not None), default=None)

    def _drawn_tokens(self) -> int:
        sides = [int(one) for one in self.size.split("x") if one.isdecimal()]
        dots = sides[0] * sides[1] if len(sides) == 2 else 0
        usual = USUAL_PICTURE_DOTS
        return -(-DRAWN_PICTURE_TOKENS * max(dots, usual) // usual)


def _bytes(fields: Mapping[str, JSON]) -> tuple[int, int]:
    """Bytes of all texts in the fields, and how many pictures go in."""
    count = pictures = 0
    for value in fields.values():
        if isinstance(value, str):
            count += len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
        elif isinstance(value, list) and value and _is_picture(value[0]):
            pictures += len(value)
        elif value is not None:
            count += len(json.dumps(value))
    return count, pictures


def _is_picture(value: JSON) -> bool:
    return isinstance(value, dict) and value.get("kind") in ("file", "url", "data")
