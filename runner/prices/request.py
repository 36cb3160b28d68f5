"""What a request asks for, as far as its price depends on it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jobs.job import JSON

FRAMING_TOKENS = 64  # that a provider adds around the messages
TOOL_FRAMING_TOKENS = 1_000  # hidden instructions that a request with tools or a schema brings
UNLIMITED_ANSWER_TOKENS = 16_384  # assumed of an answer that nothing limits
DRAWN_PICTURE_TOKENS = 6_500  # of a drawn picture of USUAL_PICTURE_DOTS, at the highest quality
USUAL_PICTURE_DOTS = 1_536 * 1_024
LARGE_PICTURE_DOTS = 2_048 * 2_048  # what newer models draw where no size is given
PREVIEW_TOKENS = 100  # that each preview in a stream adds
MAX_CHAT_PICTURES = 4  # assumed of a chat model's answer where no field asks for more
LIKELY_ANSWER_TOKENS = (50, 1_000)
LIKELY_PICTURE_INPUT_TOKENS = (85, 1_600)
LOW_QUALITY_PICTURE_TOKENS = 272

MAX_PICTURE_INPUT_TOKENS = 48_169
"""Of one picture going in to a model of no known family: gpt-4o-mini's eight tiles, the most known.

Protocol fact: 2,833 tokens and 5,667 for each tile of 512 dots, of which a picture has eight.
"""
_PICTURE_INPUT_TOKENS: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), tokens)
    for pattern, tokens in (
        (r"gpt-4o-mini", MAX_PICTURE_INPUT_TOKENS),
        (r"gpt-image-1(?:-mini|\.5)?(?:-\d{4}|$)", 7_400),  # at high fidelity
        (r"gpt-4o|gpt-4-turbo|chatgpt-4o", 1_445),
        (r"gpt-4\.1-nano|gpt-4\.1-mini|o4-mini|gpt-5(?:\.\d)?-(?:mini|nano)", 3_800),
        (r"gpt-4\.1|gpt-4\.5", 1_445),
        (r"claude", 4_800),
    )
)
_BUDGET_NAMES = frozenset({"budget_tokens", "thinking_budget", "thinkingbudget"})
_PICTURE_TYPES = frozenset({"image_url", "image", "input_image"})


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
        return max(self.n, MAX_CHAT_PICTURES) if self.chats_pictures else self.n

    @property
    def chats_pictures(self) -> bool:
        """True if a chat model sends the pictures, as many as it likes."""
        return self.pictures and not self.draws and not self.is_task

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
        hidden = any(self.value(name) for name in ("tools", "schema", "response_format"))
        framing = FRAMING_TOKENS + (TOOL_FRAMING_TOKENS if hidden else 0)
        return framing + count + _picture_input_tokens(self.model) * pictures

    def likely_input(self) -> tuple[int, int]:
        """Between how many tokens probably go in."""
        count, pictures = _bytes(self.fields)
        low, high = LIKELY_PICTURE_INPUT_TOKENS
        return count // 5 + low * pictures, 16 + count // 2 + high * pictures

    def max_output(self) -> int:
        """How many tokens may come out.

        Some services think beside the limit on words, so a budget for it is added to a limit; an
        endpoint with a limit of its own counts the budget inside.
        """
        if self.answer_limit == 0:
            return 0
        if self.draws:
            previews = self.number("partial_images") or 0
            return self.n * (self._drawn_tokens() + PREVIEW_TOKENS * previews)
        limit = self.limit() or self.answer_limit or UNLIMITED_ANSWER_TOKENS
        beside = self._budget() if self.answer_limit is None else 0
        return self.n * (limit + beside)

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

    def _budget(self) -> int:
        """Tokens for thinking that a field grants, however deep it is nested."""
        named = [self.number("thinking"), *map(_granted, _objects(dict(self.fields)))]
        return max((one for one in named if one is not None), default=0)

    def _drawn_tokens(self) -> int:
        usual = USUAL_PICTURE_DOTS
        return -(-DRAWN_PICTURE_TOKENS * max(self._dots(), usual) // usual)

    def _dots(self) -> int:
        found = re.fullmatch(r"(\d{1,6})x(\d{1,6})|(\d{1,2})k", self.size)
        if found is not None:
            return int(found[1]) * int(found[2]) if found[1] else (int(found[3]) * 1024) ** 2
        return 0 if "gpt-image" in self.model or "dall-e" in self.model else LARGE_PICTURE_DOTS


def _picture_input_tokens(model: str) -> int:
    """The most tokens that one picture going in may count."""
    known = (tokens for pattern, tokens in _PICTURE_INPUT_TOKENS if pattern.search(model))
    return next(known, MAX_PICTURE_INPUT_TOKENS)


def _granted(item: Mapping[str, JSON]) -> int | None:
    found = [value for name, value in item.items() if name.lower().endswith(tuple(_BUDGET_NAMES))]
    return max((int(n) for n in found if isinstance(n, int | float) and 0 < n < 1e9), default=None)


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
            pictures += sum(one.get("type") in _PICTURE_TYPES for one in _objects(value))
    return count, pictures


def _objects(value: JSON) -> Iterator[Mapping[str, JSON]]:
    """Every object in a value, itself included."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _is_picture(value: JSON) -> bool:
    return isinstance(value, dict) and value.get("kind") in ("file", "url", "data")
