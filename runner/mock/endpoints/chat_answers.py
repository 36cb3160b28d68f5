"""Builds the answer to a case: the body, or the events of a stream."""

import time

from runner.mock.case import CUT_SHORT, Case
from runner.mock.endpoints.chat_replies import (
    DONE_EVENT,
    ChatMessage,
    Envelope,
    count,
    packed,
    refuse,
    say,
    usage_of,
)
from runner.mock.endpoints.chat_request import ChatRequest
from runner.mock.faults import Fault
from runner.mock.picture_shapes import (
    DRAWN_SHAPES,
    FinishedPictures,
    PictureShape,
    data_body,
    form_of,
    picture_message,
)
from runner.mock.pictures.draw import draw
from runner.mock.pictures.links import PictureLinks
from runner.mock.settings import MockSettings

_PICTURE_TOKENS = 1290  # Gemini's count for one picture


class Writer:
    """Stateless but for its settings; drawing makes `body` and `events` slow for some shapes."""

    def __init__(self, settings: MockSettings, easel: PictureLinks) -> None:
        self.settings = settings
        self.easel = easel

    def form(self, case: Case[ChatRequest]) -> PictureShape | None:
        """The shape of the pictures; None if the answer is text."""
        if not case.wanted.pictures or case.fault in (Fault.REFUSAL, Fault.MODERATION):
            return None
        seed, sha, forms = self.settings.seed, case.ask.sha, self.settings.forms
        return form_of(seed, sha, forms, stream=case.wanted.stream)

    def is_slow(self, case: Case[ChatRequest]) -> bool:
        """True if building this would block the event loop."""
        return self.form(case) in DRAWN_SHAPES

    def body(self, case: Case[ChatRequest]) -> bytes:
        """The answer as one JSON body."""
        form = self.form(case)
        if form is PictureShape.DATA:
            return packed(data_body(self._shelf(case, form), int(time.time())))
        said = self._said(case, form)
        return packed(_envelope(case, form, said).completion(said))

    def events(self, case: Case[ChatRequest]) -> list[bytes]:
        """The answer as a stream, up to the point of the fault."""
        form = self.form(case)
        said = self._said(case, form)
        envelope = _envelope(case, form, said)
        if case.fault not in CUT_SHORT:
            return [*envelope.events(said, usage=case.wanted.include_usage), DONE_EVENT]
        end = [DONE_EVENT] if case.fault is Fault.STREAM_FALSE_DONE else []
        return [*envelope.unfinished(said[0]), *end]

    def _said(self, case: Case[ChatRequest], form: PictureShape | None) -> tuple[ChatMessage, ...]:
        if form is not None:
            return (ChatMessage(message=picture_message(form, self._shelf(case, form))),)
        if case.fault in (Fault.REFUSAL, Fault.MODERATION):
            return (refuse(moderated=case.fault is Fault.MODERATION),)
        return tuple(
            say(case.wanted, case.ask.sha, index, case.seen) for index in range(case.wanted.n)
        )

    def _shelf(self, case: Case[ChatRequest], form: PictureShape) -> FinishedPictures:
        size = case.wanted.size
        pictures = [self.easel.picture(case.ask, n, size) for n in range(1, case.wanted.n + 1)]
        return FinishedPictures(
            base_url=self.easel.base_url,
            task=f"task_{case.ask.sha}{case.ask.number:04}",
            prompt=case.ask.prompt,
            links=() if form in DRAWN_SHAPES else tuple(map(self.easel.link, pictures)),
            preview=self._preview(case) if form is PictureShape.PROGRESS else "",
            drawn=tuple(draw(picture, "PNG") for picture in pictures)
            if form in DRAWN_SHAPES
            else (),
        )

    def _preview(self, case: Case[ChatRequest]) -> str:
        """A working link that is not a result."""
        return self.easel.link(self.easel.picture(case.ask, 0, case.wanted.size), "webp")


def _envelope(
    case: Case[ChatRequest], form: PictureShape | None, said: tuple[ChatMessage, ...]
) -> Envelope:
    """Picture channels name another model than requested, and may report no usage."""
    if form is None:
        model, usage = case.wanted.model, usage_of(case.wanted, said)
    elif form is PictureShape.MARKDOWN:
        model, usage = "sora_image", count(0, 0)
    else:
        model, usage = case.wanted.model, count(case.wanted.tokens, _PICTURE_TOKENS * case.wanted.n)
    return Envelope(
        id=f"chatcmpl-{case.call}",
        created=int(time.time()),
        model=model,
        usage=usage,
        tier=case.wanted.tier,
    )
