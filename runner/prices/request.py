"""The facts of a request that its price depends on."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from jobs.job import JSON
from jobs.result import Result

FRAMING_TOKENS = 64  # added by the provider around the messages
TOOL_FRAMING_TOKENS = 1_000  # hidden instructions added for tools or a schema
UNLIMITED_ANSWER_TOKENS = 16_384  # assumed for an answer without any limit
DRAWN_PICTURE_TOKENS = 6_500  # a drawn picture of USUAL_PICTURE_DOTS at the highest quality
USUAL_PICTURE_DOTS = 1_536 * 1_024
LARGE_PICTURE_DOTS = 2_048 * 2_048  # what newer models draw if no size is given
PREVIEW_TOKENS = 100  # added by each preview in a stream
MAX_CHAT_PICTURES = 4  # assumed for a chat model's answer if no field asks for more
LIKELY_ANSWER_TOKENS = (50, 1_000)
LIKELY_PICTURE_INPUT_TOKENS = (85, 1_600)
LOW_QUALITY_PICTURE_TOKENS = 272

MAX_PICTURE_INPUT_TOKENS = 48_169
"""Most tokens of one input picture if the model is unknown: those of gpt-4o-mini, the highest.

Protocol fact: 2,833 tokens plus 5,667 for each tile of 512 dots, of which a picture has eight.
"""
MAX_FILE_INPUT_TOKENS = 200_000
"""Most tokens of one document, sound or film: what a model of usual size can read at all."""
LIKELY_FILE_INPUT_TOKENS = (1_000, 30_000)
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
LIMIT_NAMES = ("max_completion_tokens", "max_output_tokens", "max_tokens")
"""Fields that limit an answer's tokens."""
_BUDGET_NAMES = frozenset({"budget_tokens", "thinking_budget", "thinkingbudget"})
FILE_FIELD = "file"  # documents, sounds and films; all other fields with files hold pictures
_PICTURE_TYPES = frozenset({"image_url", "image", "input_image"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedRequest:
    """One request: its model, the fields of its job, and the facts of its endpoint.

    `pictures`: the answer contains pictures. `draws`: it contains nothing else, and is priced per
    picture. `is_task`: a remote task, charged with its submit, which makes one picture, a grid.
    `answer_limit`: most tokens of the answer if no field sets a limit; None if unlimited.
    `measure`: what a price by unit counts here, such as seconds; `likely` and `bound` are how much
    of it there will be, and `taken` how much an answer holds.
    """

    model: str
    fields: Mapping[str, JSON]
    pictures: bool = False
    draws: bool = False
    is_task: bool = False
    answer_limit: int | None = None
    measure: str = ""
    likely: tuple[Decimal, Decimal] | None = None
    bound: float | None = None
    taken: Callable[[Result], float | None] | None = None

    def measured(self, result: Result | None) -> Decimal | None:
        """How much of its measure an answer holds; of a task that was only submitted, the bound."""
        if result is None or self.taken is None:
            found = self.bound if self.is_task else None
        else:
            found = self.taken(result)
        return None if found is None else Decimal(str(found))

    def value(self, name: str) -> JSON:
        """The value sent under that name: `params` and `body.NAME` override the field."""
        override = self.fields.get(f"body.{name}")
        if override is None:
            params = self.fields.get("params")
            override = params.get(name) if isinstance(params, dict) else None
        return self.fields.get(name) if override is None else override

    def number(self, name: str) -> int | None:
        """A whole number above 0 under that name, or None."""
        value = self.value(name)
        if isinstance(value, str) and value.strip().isdecimal():
            value = int(value)
        is_valid = isinstance(value, int | float) and not isinstance(value, bool) and value >= 1
        return int(value) if is_valid else None  # type: ignore[arg-type]  # a number, as `is_valid` says

    @property
    def n(self) -> int:
        """The number of answers or pictures requested."""
        return 1 if self.is_task else self.number("n") or 1

    @property
    def max_pictures(self) -> int:
        """The most pictures that may come: a chat model may send more than requested."""
        return max(self.n, MAX_CHAT_PICTURES) if self.chats_pictures else self.n

    @property
    def chats_pictures(self) -> bool:
        """True if a chat model sends the pictures, and so decides how many."""
        return self.pictures and not self.draws and not self.is_task

    @property
    def is_unlimited(self) -> bool:
        """True if neither a field nor the endpoint limits the answer's tokens."""
        by_words = not self.draws and not self.is_task
        return by_words and self.answer_limit is None and self.limit() is None

    @property
    def size(self) -> str:
        """The size, such as "1024x1024"; "auto" if the model chooses."""
        return str(self.value("size") or "auto").lower().replace("×", "x").strip()

    @property
    def quality(self) -> str:
        """The quality in lower case; "auto" if the model chooses."""
        return str(self.value("quality") or "auto").lower().strip()

    def max_input(self) -> int:
        """An upper bound of the input tokens: each token of text has at least one byte."""
        count, pictures, files = _text_bytes_and_pictures(self.fields)
        hidden = any(self.value(name) for name in ("tools", "schema", "response_format"))
        framing = FRAMING_TOKENS + (TOOL_FRAMING_TOKENS if hidden else 0)
        attached = _picture_input_tokens(self.model) * pictures + MAX_FILE_INPUT_TOKENS * files
        return framing + count + attached

    def likely_input(self) -> tuple[int, int]:
        """The range (low, high) of the probable input tokens."""
        count, pictures, files = _text_bytes_and_pictures(self.fields)
        low, high = LIKELY_PICTURE_INPUT_TOKENS
        file_low, file_high = LIKELY_FILE_INPUT_TOKENS
        return (
            count // 5 + low * pictures + file_low * files,
            16 + count // 2 + high * pictures + file_high * files,
        )

    def max_output(self) -> int:
        """An upper bound of the output tokens.

        Some services do not count thinking towards the limit, so the thinking budget is added to
        it; an endpoint with an `answer_limit` of its own includes the budget.
        """
        if self.answer_limit == 0:
            return 0
        if self.draws:
            previews = self.number("partial_images") or 0
            return self.n * (self._drawn_tokens() + PREVIEW_TOKENS * previews)
        limit = self.limit() or self.answer_limit or UNLIMITED_ANSWER_TOKENS
        thinking = self._budget() if self.answer_limit is None else 0
        return self.n * (limit + thinking)

    def likely_output(self) -> tuple[int, int]:
        """The range (low, high) of the probable output tokens."""
        maximum = self.max_output()
        if self.draws:
            return min(self.n * LOW_QUALITY_PICTURE_TOKENS, maximum), maximum
        low, high = LIKELY_ANSWER_TOKENS
        return min(self.n * low, maximum), min(self.n * high, maximum)

    def limit(self) -> int | None:
        """The limit of the answer that the request itself sets, in tokens; None if it sets none."""
        limits = [self.number(name) for name in LIMIT_NAMES]
        return max((one for one in limits if one is not None), default=None)

    def _budget(self) -> int:
        """The largest thinking budget in tokens in any field, at any depth; 0 if there is none."""
        named = [self.number("thinking"), *map(_thinking_budget_in, _objects(dict(self.fields)))]
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
    """The most tokens that one input picture may count as."""
    known = (tokens for pattern, tokens in _PICTURE_INPUT_TOKENS if pattern.search(model))
    return next(known, MAX_PICTURE_INPUT_TOKENS)


def _thinking_budget_in(item: Mapping[str, JSON]) -> int | None:
    found = [value for name, value in item.items() if name.lower().endswith(tuple(_BUDGET_NAMES))]
    return max((int(n) for n in found if isinstance(n, int | float) and 0 < n < 1e9), default=None)


def _text_bytes_and_pictures(fields: Mapping[str, JSON]) -> tuple[int, int, int]:
    """The bytes of all text in the fields, and the number of input pictures and other files."""
    count = pictures = files = 0
    for name, value in fields.items():
        if isinstance(value, str):
            count += len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
        elif isinstance(value, list) and value and _is_picture(value[0]):
            files += len(value) if name == FILE_FIELD else 0
            pictures += 0 if name == FILE_FIELD else len(value)
        elif value is not None:
            count += len(json.dumps(value))
            pictures += sum(one.get("type") in _PICTURE_TYPES for one in _objects(value))
    return count, pictures, files


def _objects(value: JSON) -> Iterator[Mapping[str, JSON]]:
    """Every object in a value, including the value itself."""
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
