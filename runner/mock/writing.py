"""Writes the answer to a case: the body, or the events of a stream."""

import time

from runner.mock.case import UNFINISHED, Case
from runner.mock.drawing import draw
from runner.mock.faults import Fault
from runner.mock.forms import DRAWN, Form, Shelf, data_body, form_of, picture_message
from runner.mock.picture import Picture, drawable, sides
from runner.mock.replies import (
    DONE,
    Envelope,
    Said,
    count,
    packed,
    refuse,
    say,
    usage_of,
)
from runner.mock.settings import MockSettings

_PICTURE_TOKENS = 1290  # what Gemini counts for one picture


class Writer:
    """Stateless but for its settings; drawing makes `body` and `events` slow for drawn forms."""

    def __init__(self, settings: MockSettings, base_url: str) -> None:
        self.settings = settings
        self.base_url = base_url

    def form(self, case: Case) -> Form | None:
        """The form in which pictures are to come; None where the answer is text."""
        if not case.chat.pictures or case.fault in (Fault.REFUSAL, Fault.MODERATION):
            return None
        seed, sha, forms = self.settings.seed, case.ask.sha, self.settings.forms
        return form_of(seed, sha, forms, stream=case.chat.stream)

    def is_slow(self, case: Case) -> bool:
        """Would writing this hold up an event loop?"""
        return self.form(case) in DRAWN

    def body(self, case: Case) -> bytes:
        """The answer as one JSON body."""
        form = self.form(case)
        if form is Form.DATA:
            return packed(data_body(self._shelf(case, form), int(time.time())))
        said = self._said(case, form)
        return packed(_envelope(case, form, said).completion(said))

    def events(self, case: Case) -> list[bytes]:
        """The answer as a stream, as far as the fault lets it come."""
        form = self.form(case)
        said = self._said(case, form)
        envelope = _envelope(case, form, said)
        if case.fault not in UNFINISHED:
            return [*envelope.events(said, usage=case.chat.include_usage), DONE]
        end = [DONE] if case.fault is Fault.STREAM_FALSE_DONE else []
        return [*envelope.unfinished(said[0]), *end]

    def _said(self, case: Case, form: Form | None) -> tuple[Said, ...]:
        if form is not None:
            return (Said(message=picture_message(form, self._shelf(case, form))),)
        if case.fault in (Fault.REFUSAL, Fault.MODERATION):
            return (refuse(moderated=case.fault is Fault.MODERATION),)
        return tuple(say(case.chat, case.ask.sha, index, case.seen) for index in range(case.chat.n))

    def _shelf(self, case: Case, form: Form) -> Shelf:
        pictures = [self._picture(case, number) for number in range(1, case.chat.n + 1)]
        return Shelf(
            base_url=self.base_url,
            task=f"task_{case.ask.sha}{case.ask.number:04}",
            prompt=case.ask.prompt,
            links=() if form in DRAWN else tuple(map(self._png_link, pictures)),
            preview=self._preview(case) if form is Form.PROGRESS else "",
            drawn=tuple(draw(picture, "PNG") for picture in pictures) if form in DRAWN else (),
        )

    def _picture(self, case: Case, number: int) -> Picture:
        width, height = sides(case.chat.size)
        return Picture(
            prompt=drawable(case.ask.prompt),
            ask=case.ask.number,
            number=number,
            width=width,
            height=height,
            faults=self.settings.faults.of_files(self.settings.seed, case.ask.prompt, case.ask.sha),
        )

    def _preview(self, case: Case) -> str:
        """A link that works and is no result."""
        return self._link(self._picture(case, 0), "webp")

    def _png_link(self, picture: Picture) -> str:
        return self._link(picture, "png")

    def _link(self, picture: Picture, ending: str) -> str:
        return f"{self.base_url}/files/{picture.token()}.{ending}"


def _envelope(case: Case, form: Form | None, said: tuple[Said, ...]) -> Envelope:
    """Picture channels name another model than was asked for, and may count nothing at all."""
    if form is None:
        model, usage = case.chat.model, usage_of(case.chat, said)
    elif form is Form.MARKDOWN:
        model, usage = "sora_image", count(0, 0)
    else:
        model, usage = case.chat.model, count(case.chat.tokens, _PICTURE_TOKENS * case.chat.n)
    return Envelope(id=f"chatcmpl-{case.call}", created=int(time.time()), model=model, usage=usage)
