"""What a request asks for, as far as its price depends on it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.job import JSON

WORDS_AROUND = 64  # tokens that a provider adds around the messages
PICTURE_IN = 6_000  # tokens that one picture going in may count, where nothing says it
ANSWER = 16_384  # tokens that an answer may have, where nothing limits it
DRAWN = 6_500  # tokens of one drawn picture of up to LARGE × 1024 dots, at the highest quality
LARGE = 1_536
PREVIEW = 100  # tokens that each preview in a stream adds
CHATTED = 4  # pictures that a chat model may send, where nobody says how many
LIKELY_ANSWER = (50, 1_000)  # tokens of a usual answer
LIKELY_PICTURE_IN = (85, 1_600)
MAX_TOKENS = 4_096  # of a messages row that names no limit: the service insists on one
LONGEST: Mapping[str, int] = {"messages": MAX_TOKENS}
"""How long an answer may be, by the endpoint's own default, where no field limits it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedRequest:
    """One request: its endpoint, its model, and the fields of its job.

    `longest` is how long an answer may be where no field limits it, in tokens.
    """

    endpoint: str
    model: str
    fields: Mapping[str, JSON]
    longest: int | None = None

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
    def draws(self) -> bool:
        """Is this asked of an endpoint that only draws, where the price goes by the picture?"""
        return self.endpoint in ("image", "image-edit")

    @property
    def is_task(self) -> bool:
        """A Midjourney task: one picture, a grid."""
        return self.endpoint.startswith("mj-")

    @property
    def most_pictures(self) -> int:
        """How many pictures may come: a chat model may send more than it was asked for."""
        return max(self.n, CHATTED) if self.endpoint == "chat-image" else self.n

    @property
    def size(self) -> str:
        """The size, in its plainest spelling; "auto" where the model chooses."""
        return str(self.value("size") or "auto").lower().replace("×", "x").strip()

    @property
    def quality(self) -> str:
        """The quality in lower case; "auto" where the model chooses."""
        return str(self.value("quality") or "auto").lower().strip()

    def most_input(self) -> int:
        """No more tokens than this go in: no token is shorter than one byte of its text."""
        count, pictures = _bytes(self.fields)
        return WORDS_AROUND + count + PICTURE_IN * pictures

    def likely_input(self) -> tuple[int, int]:
        """Between how many tokens probably go in."""
        count, pictures = _bytes(self.fields)
        low, high = LIKELY_PICTURE_IN
        return count // 5 + low * pictures, 16 + count // 2 + high * pictures

    def most_output(self) -> int:
        """How many tokens may come out."""
        if self.endpoint == "embedding":
            return 0
        if self.draws:
            return self.n * (self._drawn() + PREVIEW * (self.number("partial_images") or 0))
        return self.n * (self.limit() or self.longest or ANSWER)

    def likely_output(self) -> tuple[int, int]:
        """Between how many tokens probably come out."""
        most = self.most_output()
        if self.draws:
            return min(self.n * 272, most), most
        low, high = LIKELY_ANSWER
        return min(self.n * low, most), min(self.n * high, most)

    def limit(self) -> int | None:
        """The longest answer that the request itself allows, in tokens."""
        limits = [self.number(name) for name in ("max_completion_tokens", "max_tokens")]
        return max((one for one in limits if one is not None), default=None)

    def _drawn(self) -> int:
        sides = [int(one) for one in self.size.split("x") if one.isdecimal()]
        usual = LARGE * 1024
        dots = sides[0] * sides[1] if len(sides) == 2 else usual
        return DRAWN if dots <= usual else -(-DRAWN * dots // usual)


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
