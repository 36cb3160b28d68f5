"""POST /v1/images/generations of the mock: dall-e, gpt-image and unknown models."""

import base64
import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from jobs.job import JSON
from runner.mock.case import CUT_SHORT, Case
from runner.mock.endpoints.chat_replies import DONE_EVENT, packed
from runner.mock.error_replies import Canned, moderation_error, openai_error
from runner.mock.faults import Fault
from runner.mock.pictures.draw import draw
from runner.mock.pictures.links import PictureLinks
from runner.mock.settings import MockSettings
from runner.mock.validation import (
    InvalidRequest,
    InvalidRequestError,
    check_one_of,
    check_range,
    check_type,
    parsed,
    wrong,
)

_TOKENS = 1056  # gpt-image-1's count for a picture of medium quality
_SIZE = re.compile(r"auto|\d{2,4}x\d{2,4}")
_TYPES: dict[str, tuple[type, ...]] = {
    "prompt": (str,),
    "n": (int,),
    "size": (str,),
    "quality": (str,),
    "style": (str,),
    "background": (str,),
    "output_format": (str,),
    "output_compression": (int,),
    "moderation": (str,),
    "response_format": (str,),
    "user": (str,),
    "stream": (bool,),
    "partial_images": (int,),
}
_RANGES = {"n": (1, 10), "output_compression": (0, 100), "partial_images": (0, 3)}
GPT_FIELDS = frozenset(
    {"model", "prompt", "n", "size", "quality", "background", "moderation", "user", "stream"}
    | {"output_format", "output_compression", "partial_images"}
)
"""Fields of gpt-image, which refuses all others. Other models ignore unknown fields."""
_SIZES = {
    "dall-e-2": ("256x256", "512x512", "1024x1024"),
    "dall-e-3": ("1024x1024", "1792x1024", "1024x1792"),
}
_QUALITIES = {
    "dall-e-2": ("standard",),
    "dall-e-3": ("standard", "hd"),
    "gpt-image": ("auto", "low", "medium", "high", "xhigh", "max"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """A valid request. `images` are pictures to edit: field name and bytes."""

    model: str
    prompt: str = field(repr=False)
    family: str  # dall-e-2, dall-e-3, gpt-image or empty
    n: int = 1
    size: str | None = None
    coded: bool = False  # base64 instead of an address
    kind: str = "PNG"
    stream: bool = False
    previews: int = 0
    images: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    pictures: bool = True


def family_of(model: str) -> str:
    """The family of a model, by its name."""
    return next((name for name in ("dall-e-2", "dall-e-3", "gpt-image") if name in model), "")


def checked(
    given: dict[str, Any], known: frozenset[str], images: tuple[tuple[str, bytes], ...] = ()
) -> ImageRequest:
    """The request in these fields. Raises InvalidRequestError."""
    for name in ("prompt", "model"):
        if not isinstance(given.get(name), str) or not given[name].strip():
            wrong(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    family = family_of(given["model"])
    if family == "gpt-image":
        for name in given:
            if name not in known:
                wrong(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    _check_values(given, family)
    wanted_format = given.get("output_format", "png")
    return ImageRequest(
        model=given["model"],
        prompt=given["prompt"],
        family=family,
        n=given.get("n", 1),
        size=given.get("size"),
        coded=family == "gpt-image" or given.get("response_format") == "b64_json",
        kind={"jpeg": "JPEG", "webp": "WEBP"}.get(wanted_format, "PNG"),
        stream=given.get("stream", False),
        previews=given.get("partial_images", 0),
        images=images,
    )


def _check_values(given: dict[str, Any], family: str) -> None:
    for name, types in _TYPES.items():
        if name in given:
            check_type(name, given[name], types)
    for name, (low, high) in _RANGES.items():
        if name in given:
            check_range(name, given[name], low, high)
    _check_words(given, family)


def _check_words(given: dict[str, Any], family: str) -> None:
    if family == "dall-e-3" and given.get("n", 1) != 1:
        wrong("You must provide n=1 for this model.", "n", "invalid_n")
    if family.startswith("dall-e") and given.get("stream"):
        wrong("Unknown parameter: 'stream'.", "stream", "unknown_parameter")
    if "size" in given and not _SIZE.fullmatch(given["size"]):
        wrong(f"Invalid size: {given['size']!r}; use x between two numbers.", "size")
    if "size" in given and family in _SIZES:
        check_one_of("size", given["size"], _SIZES[family])
    if "quality" in given and family in _QUALITIES:
        check_one_of("quality", given["quality"], _QUALITIES[family])
    if "response_format" in given:
        check_one_of("response_format", given["response_format"], ("url", "b64_json"))


class ImagesEndpoint:
    """The image generation endpoint of one gateway."""

    path = "/v1/images/generations"
    event = "image_generation"

    def __init__(self, settings: MockSettings, base_url: str) -> None:
        self.easel = PictureLinks(settings, base_url)

    async def read(self, http: web.BaseRequest) -> ImageRequest | InvalidRequest:
        """The request, or the first error in it."""
        try:
            return checked(parsed(await http.content.read()), GPT_FIELDS)
        except InvalidRequestError as error:
            return error.problem

    def look(self, wanted: ImageRequest) -> tuple[str, ...] | InvalidRequest:  # noqa: ARG002 - as below
        """No pictures: this path takes none."""
        return ()

    def refusal(self, problem: InvalidRequest, call: str) -> Canned:  # noqa: ARG002 - others tell the call
        """The error body for a wrong request."""
        return openai_error(400, problem)

    def canned(self, fault: Fault, call: str, wanted: ImageRequest) -> Canned | None:  # noqa: ARG002 - as above
        """A refusal is an error here; an unusable answer has no pictures."""
        match fault:
            case Fault.REFUSAL:
                return moderation_error(400)
            case Fault.MODERATION:
                return moderation_error(500)
            case Fault.EMPTY_CHOICES:
                return Canned(status=200, body=b'{"created": 0, "data": [{"url": ""}]}')
            case _:
                return None

    def is_slow(self, case: Case[ImageRequest]) -> bool:
        """True if building this answer would block the event loop."""
        return case.wanted.coded

    def body(self, case: Case[ImageRequest]) -> bytes:
        """The answer as one JSON body."""
        body: dict[str, JSON] = {"created": int(time.time()), "data": list(self._entries(case))}
        if case.wanted.family == "gpt-image":
            body |= _echo(case.wanted) | {"usage": _usage(case.wanted)}
        return packed(body)

    def events(self, case: Case[ImageRequest]) -> list[bytes]:
        """Previews, then the finished pictures, up to the point of the fault."""
        finished = [] if case.fault in CUT_SHORT else list(self._finished(case))
        end = [DONE_EVENT] if case.fault is Fault.STREAM_FALSE_DONE else []
        return [*self._previews(case), *finished, *end]

    def _entries(self, case: Case[ImageRequest]) -> Iterator[JSON]:
        """The entries: New API writes all keys and leaves some empty, gpt-image writes only one."""
        wanted = case.wanted
        for number in range(1, wanted.n + 1):
            picture = self.easel.picture(case.ask, number, wanted.size)
            if wanted.coded:
                coded = base64.b64encode(draw(picture, wanted.kind)).decode("ascii")
                entry: dict[str, JSON] = {"b64_json": coded}
            else:
                ending = {"JPEG": "jpg", "WEBP": "webp"}.get(wanted.kind, "png")
                entry = {"url": self.easel.link(picture, ending), "b64_json": ""}
            if wanted.family == "dall-e-3":
                entry["revised_prompt"] = f"A picture of {wanted.prompt}"
            yield entry

    def _previews(self, case: Case[ImageRequest]) -> Iterator[bytes]:
        preview = base64.b64encode(draw(self.easel.picture(case.ask, 0, "64x64"), "PNG"))
        for index in range(max(case.wanted.previews, int(case.fault in CUT_SHORT))):
            found: dict[str, JSON] = {"b64_json": preview.decode("ascii")}
            yield self._event("partial_image", found | {"partial_image_index": index}, case.wanted)

    def _finished(self, case: Case[ImageRequest]) -> Iterator[bytes]:
        for entry in self._entries(case):
            assert isinstance(entry, dict)
            yield self._event("completed", entry | {"usage": _usage(case.wanted)}, case.wanted)

    def _event(self, kind: str, told: dict[str, JSON], wanted: ImageRequest) -> bytes:
        name = f"{self.event}.{kind}"
        body: dict[str, JSON] = {"type": name, "created_at": int(time.time())}
        return f"event: {name}\ndata: ".encode() + packed(body | _echo(wanted) | told) + b"\n\n"


def _echo(wanted: ImageRequest) -> dict[str, JSON]:
    size = wanted.size or "auto"
    return {"background": "opaque", "output_format": wanted.kind.lower(), "size": size}


def _usage(wanted: ImageRequest) -> JSON:
    text, looked = len(wanted.prompt.encode("utf-8", "replace")) // 4 + 1, 323 * len(wanted.images)
    out = _TOKENS * wanted.n
    details: JSON = {"text_tokens": text, "image_tokens": looked}
    return {
        "input_tokens": text + looked,
        "input_tokens_details": details,
        "output_tokens": out,
        "total_tokens": text + looked + out,
    }


def from_texts(texts: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Parse form fields, which are all text. Raises InvalidRequestError."""
    given: dict[str, Any] = {}
    for name, text in texts:
        if name in given:
            wrong(f"Duplicate parameter: '{name}'.", name, "duplicate_parameter")
        kinds = _TYPES.get(name, (str,))
        given[name] = text if str in kinds else _meant(name, text)
    return given


def _meant(name: str, text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        wrong(f"Invalid value for '{name}': {text[:40]!r}.", name, "invalid_type")
