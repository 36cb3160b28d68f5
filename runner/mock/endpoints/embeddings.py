"""POST /v1/embeddings of the mock: vectors that depend only on the text."""

import base64
import struct
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from jobs.job import JSON
from runner.mock.case import Case
from runner.mock.chance import chance, prompt_digest
from runner.mock.endpoints.chat_replies import packed
from runner.mock.error_replies import Canned, openai_error
from runner.mock.faults import Fault
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

_KNOWN = frozenset({"model", "input", "dimensions", "encoding_format", "user"})
_MOST_INPUTS, _MOST_TOKENS, _MOST_IN_ALL = 2048, 8192, 300_000
_LENGTHS = {"text-embedding-3-large": 3072, "text-embedding-3-small": 1536, "ada-002": 1536}
_LENGTH = 8  # for unknown models


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRequest:
    """A valid request."""

    model: str
    texts: tuple[str, ...] = field(repr=False)
    length: int
    coded: bool  # base64 instead of a list
    tokens: int
    stream: bool = False
    n: int = 1
    images: tuple[str, ...] = ()
    pictures: bool = False

    @property
    def prompt(self) -> str:
        """The text by which faults and the bill identify it."""
        return "\n".join(self.texts)


class EmbeddingsEndpoint:
    """The embeddings endpoint of one gateway."""

    path = "/v1/embeddings"

    def __init__(self, settings: MockSettings) -> None:
        self._most = min(settings.embedding_inputs, _MOST_INPUTS)

    async def read(self, http: web.BaseRequest) -> EmbeddingRequest | InvalidRequest:
        """The request, or the first error in it."""
        try:
            return self._checked(parsed(await http.content.read()))
        except InvalidRequestError as error:
            return error.problem

    def look(self, wanted: EmbeddingRequest) -> tuple[str, ...] | InvalidRequest:  # noqa: ARG002 - others have pictures
        """No pictures."""
        return ()

    def refusal(self, problem: InvalidRequest, call: str) -> Canned:  # noqa: ARG002 - others tell it
        """The error body for a wrong request."""
        return openai_error(400, problem)

    def canned(self, fault: Fault, call: str, wanted: EmbeddingRequest) -> Canned | None:  # noqa: ARG002 - as above
        """An unusable answer in the shape of a list."""
        if fault is not Fault.EMPTY_CHOICES:
            return None
        return Canned(status=200, body=packed(_list(wanted, [])))

    def is_slow(self, case: Case[EmbeddingRequest]) -> bool:
        """True if building this answer would block the event loop."""
        return len(case.wanted.texts) * case.wanted.length > 20_000

    def body(self, case: Case[EmbeddingRequest]) -> bytes:
        """The answer; its items come in any order, told apart by `index`."""
        wanted = case.wanted
        items: list[JSON] = [
            {"object": "embedding", "index": number, "embedding": _vector(text, wanted)}
            for number, text in enumerate(wanted.texts)
        ]
        return packed(_list(wanted, items[::-1]))

    def events(self, case: Case[EmbeddingRequest]) -> list[bytes]:
        """No events: this service has no `stream`."""
        raise TypeError(f"vectors are never streamed: {case.wanted.model}")

    def _checked(self, given: dict[str, Any]) -> EmbeddingRequest:
        for name in given:
            if name not in _KNOWN:
                wrong(f"Unrecognized request argument supplied: {name}", name)
        for name in ("model", "input"):
            if name not in given:
                wrong(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
        check_type("model", given["model"], (str,))
        texts = self._texts(given["input"])
        if "encoding_format" in given:
            check_one_of("encoding_format", given["encoding_format"], ("float", "base64"))
        if "user" in given:
            check_type("user", given["user"], (str,))
        return EmbeddingRequest(
            model=given["model"],
            texts=texts,
            length=_length(given),
            coded=given.get("encoding_format") == "base64",
            tokens=_counted(texts),
        )

    def _texts(self, given: Any) -> tuple[str, ...]:
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not texts or not all(type(one) is str for one in texts):
            wrong("'$.input' is invalid. Please check the API reference.", "input")
        if not all(texts):
            wrong("'$.input' is invalid: an input is an empty string.", "input")
        if len(texts) > self._most:
            wrong(f"batch size is invalid, it should not be larger than {self._most}.", "input")
        return tuple(texts)


def _length(given: dict[str, Any]) -> int:
    known = next((n for name, n in _LENGTHS.items() if name in given["model"]), _LENGTH)
    if "dimensions" not in given:
        return known
    check_type("dimensions", given["dimensions"], (int,))
    if "ada-002" in given["model"]:
        wrong("This model does not support specifying dimensions.", "dimensions")
    check_range("dimensions", given["dimensions"], 1, max(known, 3072 if known == _LENGTH else 0))
    length: int = given["dimensions"]
    return length


def _counted(texts: tuple[str, ...]) -> int:
    counts = [len(text.encode("utf-8", "replace")) // 4 + 1 for text in texts]
    if max(counts) > _MOST_TOKENS:
        wrong(
            f"This model's maximum context length is {_MOST_TOKENS} tokens, however you requested "
            f"{max(counts)} tokens ({max(counts)} in your prompt; 0 for the completion).",
            "input",
        )
    if sum(counts) > _MOST_IN_ALL:
        wrong(
            f"Requested {sum(counts)} tokens, max {_MOST_IN_ALL} tokens per request.",
            "input",
            "max_tokens_per_request",
        )
    return sum(counts)


def _vector(text: str, wanted: EmbeddingRequest) -> JSON:
    """A unit vector that is the same for the same text."""
    sha = prompt_digest(text)
    first = chance(0, sha, "vector")
    numbers = [((first * 997 + place * 0.61803) % 1.0) - 0.5 for place in range(wanted.length)]
    size = sum(number * number for number in numbers) ** 0.5 or 1.0
    packed_numbers = struct.pack(f"<{wanted.length}f", *(number / size for number in numbers))
    if wanted.coded:
        return base64.b64encode(packed_numbers).decode()
    return list(struct.unpack(f"<{wanted.length}f", packed_numbers))


def _list(wanted: EmbeddingRequest, items: list[JSON]) -> JSON:
    return {
        "object": "list",
        "data": items,
        "model": wanted.model,
        "usage": {"prompt_tokens": wanted.tokens, "total_tokens": wanted.tokens},
    }
