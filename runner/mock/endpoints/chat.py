"""POST /v1/chat/completions of the mock: text, tool calls, and pictures in every shape."""

from aiohttp import web

from jobs.job import JSON
from runner.mock.endpoints.chat_answers import Writer
from runner.mock.endpoints.chat_replies import packed
from runner.mock.endpoints.chat_request import ChatRequest, read_chat
from runner.mock.error_replies import Canned, openai_error
from runner.mock.faults import Fault
from runner.mock.pictures.inspect import look
from runner.mock.pictures.links import PictureLinks
from runner.mock.settings import MockSettings
from runner.mock.validation import InvalidRequest


class ChatEndpoint:
    """The chat endpoint of one gateway."""

    path = "/v1/chat/completions"

    def __init__(self, settings: MockSettings, base_url: str) -> None:
        writer = Writer(settings, PictureLinks(settings, base_url))
        self.is_slow, self.body, self.events = writer.is_slow, writer.body, writer.events

    async def read(self, http: web.BaseRequest) -> ChatRequest | InvalidRequest:
        """The request, or the first error in it."""
        return read_chat(await http.content.read())

    def look(self, wanted: ChatRequest) -> tuple[str, ...] | InvalidRequest:
        """A description of its pictures."""
        found = list[str]()
        for url in wanted.images:
            one = look(url)
            if isinstance(one, InvalidRequest):
                return one
            found.append(one)
        return tuple(found)

    def refusal(self, problem: InvalidRequest, call: str) -> Canned:  # noqa: ARG002 - others tell the call
        """The error body for a wrong request."""
        return openai_error(400, problem)

    def canned(self, fault: Fault, call: str, wanted: ChatRequest) -> Canned | None:
        """An unusable answer in the shape of a completion."""
        if fault is not Fault.EMPTY_CHOICES:
            return None
        body: dict[str, JSON] = {"id": f"chatcmpl-{call}", "object": "chat.completion"}
        body |= {"created": 0, "model": wanted.model, "choices": []}
        return Canned(status=200, body=packed(body))
