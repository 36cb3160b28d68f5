"""POST /v1/rerank of the mock: scores that depend only on query and document."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from jobs.job import JSON
from runner.mock.case import Case
from runner.mock.chance import chance, prompt_digest
from runner.mock.endpoints.chat_replies import packed
from runner.mock.error_replies import Canned, openai_error
from runner.mock.faults import Fault
from runner.mock.validation import (
    InvalidRequest,
    InvalidRequestError,
    check_range,
    check_type,
    parsed,
    wrong,
)

_TYPES: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "query": (str,),
    "documents": (list,),
    "top_n": (int,),
    "return_documents": (bool,),
    "max_chunk_per_doc": (int,),
    "max_tokens_per_doc": (int,),
    "overlap_tokens": (int,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankRequest:
    """A valid request."""

    model: str
    query: str = field(repr=False)
    documents: tuple[str, ...] = field(repr=False)
    top_n: int
    with_documents: bool = False
    stream: bool = False
    n: int = 1
    images: tuple[str, ...] = ()
    pictures: bool = False

    @property
    def prompt(self) -> str:
        """The text by which faults and the bill identify it."""
        return self.query

    @property
    def tokens(self) -> int:
        """A plausible token count."""
        return sum(len(one.encode("utf-8", "replace")) // 4 + 1 for one in self.documents)


class RerankEndpoint:
    """The rerank endpoint of one gateway."""

    path = "/v1/rerank"

    async def read(self, http: web.BaseRequest) -> RerankRequest | InvalidRequest:
        """The request, or the first error in it."""
        try:
            return _checked(parsed(await http.content.read()))
        except InvalidRequestError as error:
            return error.problem

    def look(self, wanted: RerankRequest) -> tuple[str, ...] | InvalidRequest:  # noqa: ARG002 - others have pictures
        """No pictures."""
        return ()

    def refusal(self, problem: InvalidRequest, call: str) -> Canned:  # noqa: ARG002 - others tell it
        """The error body for a wrong request."""
        return openai_error(400, problem)

    def canned(self, fault: Fault, call: str, wanted: RerankRequest) -> Canned | None:  # noqa: ARG002 - as above
        """An unusable answer without results."""
        if fault is not Fault.EMPTY_CHOICES:
            return None
        return Canned(status=200, body=packed({"results": [], "usage": _usage(wanted)}))

    def is_slow(self, case: Case[RerankRequest]) -> bool:  # noqa: ARG002 - others are
        """True if building this answer would block the event loop."""
        return False

    def body(self, case: Case[RerankRequest]) -> bytes:
        """The answer, best first."""
        wanted = case.wanted
        scored = [
            (chance(0, prompt_digest(f"{wanted.query}\n{text}"), "score"), index)
            for index, text in enumerate(wanted.documents)
        ]
        results = [
            _result(index, score, wanted)
            for score, index in sorted(scored, reverse=True)[: wanted.top_n]
        ]
        body: dict[str, JSON] = {"model": wanted.model, "results": [*results]}
        return packed(body | {"usage": _usage(wanted)})

    def events(self, case: Case[RerankRequest]) -> list[bytes]:
        """No events: this service has no `stream`."""
        raise TypeError(f"scores are never streamed: {case.wanted.model}")


def _checked(given: dict[str, Any]) -> RerankRequest:
    for name, value in given.items():
        if name not in _TYPES:
            wrong(f"Unrecognized request argument supplied: {name}", name)
        check_type(name, value, _TYPES[name])
    for name in ("model", "query", "documents"):
        if not given.get(name):
            wrong(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    texts = [one.get("text") if isinstance(one, dict) else one for one in given["documents"]]
    if not all(isinstance(one, str) and one for one in texts):
        wrong("Each of 'documents' must be a text or an object with one.", "documents")
    check_range("top_n", given.get("top_n", 1), 1, 10**6)
    return RerankRequest(
        model=given["model"],
        query=given["query"],
        documents=tuple(map(str, texts)),
        top_n=given.get("top_n", len(texts)),
        with_documents=given.get("return_documents", False),
    )


def _result(index: int, score: float, wanted: RerankRequest) -> dict[str, JSON]:
    found: dict[str, JSON] = {"index": index, "relevance_score": round(score, 6)}
    if wanted.with_documents:
        found["document"] = {"text": wanted.documents[index]}
    return found


def _usage(wanted: RerankRequest) -> JSON:
    return {"prompt_tokens": wanted.tokens, "total_tokens": wanted.tokens}
