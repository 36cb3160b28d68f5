"""Builds image requests by model family, and parses image answers, as JSON or event stream."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from jobs.job import JSON
from jobs.result import Picture, Result, Usage
from runner.endpoints.dialects.chat import (
    Completion,
    cut_stream,
    read_completion,
    rejected_error,
)
from runner.endpoints.dialects.completions import text_of
from runner.endpoints.dialects.expiry import expires_at
from runner.endpoints.dialects.open_reply import Payloads, Reader, open_answer
from runner.endpoints.dialects.pictures import (
    completion_pictures,
    data_pictures,
    distinct,
    no_picture,
    pictures_within,
)
from runner.endpoints.dialects.usage import read_usage
from runner.endpoints.endpoint import Reading, Rejected
from runner.protocol.call import Reply
from runner.protocol.errors import error_in, is_error, reports_error, reports_error_beside
from runner.protocol.json_text import Undecodable, decode
from runner.protocol.pictures import media_type

MAX_ADDRESS = 4_000  # characters
OPENAI_ADDRESS_SECONDS = 3600.0
"""How long a URL of OpenAI's own works. Protocol fact: its specification says 60 minutes."""
_OPENAI_HOSTS = re.compile(r"(?:^|\.)(?:openai\.com|oaiusercontent\.com)$|^oaidalleapi")

# --- models ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFamily:
    """The known facts of some models. Gateways map names freely, so most facts only warn.

    `takes`: the fields that the models accept (None: unknown). `refuses`: the fields that make them
    refuse a call, which are not sent.
    """

    models: re.Pattern[str]
    takes: frozenset[str] | None = None
    refuses: frozenset[str] = frozenset()
    only_png: bool = False
    is_slow: bool = False


_COMMON_FIELDS = frozenset({"model", "prompt", "n", "size", "user"})
_EDIT_FIELDS = frozenset({"image", "mask"})
_STREAM_FIELDS = frozenset({"stream", "partial_images"})
_GPT_FIELDS = (
    _COMMON_FIELDS
    | _EDIT_FIELDS
    | _STREAM_FIELDS
    | {"quality", "background", "output_format", "output_compression", "moderation"}
)
MODEL_FAMILIES = (
    ModelFamily(
        models=re.compile(r"(?:^|/)dall-e-2\b"),
        takes=_COMMON_FIELDS | _EDIT_FIELDS | {"quality", "response_format"},
        refuses=_STREAM_FIELDS,
        only_png=True,
    ),
    ModelFamily(
        models=re.compile(r"(?:^|/)dall-e-3\b"),
        takes=_COMMON_FIELDS | {"quality", "style", "response_format"},
        refuses=_STREAM_FIELDS,
    ),
    ModelFamily(
        models=re.compile(r"(?:^|/)gpt-image-1(?:-mini|\.5)?(?:-\d{4}|$)"),
        takes=_GPT_FIELDS | {"input_fidelity"},
        refuses=frozenset({"response_format"}),
        is_slow=True,
    ),
    ModelFamily(  # gpt-image-2 and later
        models=re.compile(r"(?:^|/)(?:chat)?gpt-image-"),
        takes=_GPT_FIELDS,
        refuses=frozenset({"response_format", "input_fidelity"}),
        is_slow=True,
    ),
)
"""The first family whose pattern occurs in a model's name counts; without one, any field passes."""
_UNKNOWN_FAMILY = ModelFamily(models=re.compile(""))


def family_of(model: str) -> ModelFamily:
    """The family of a model by its name."""
    plain = model.strip().lower()
    return next((item for item in MODEL_FAMILIES if item.models.search(plain)), _UNKNOWN_FAMILY)


def takes_only_png(model: str) -> bool:
    """True if input pictures must be PNG."""
    return family_of(model).only_png


def timeout_of(model: str, *, streamed: bool) -> float:
    """The total deadline in seconds for an answer of this model."""
    return 600.0 if family_of(model).is_slow or streamed else 180.0


def sendable(model: str, fields: Mapping[str, JSON]) -> dict[str, JSON]:
    """The fields that are not None and do not make this model refuse the call."""
    refuses = family_of(model).refuses
    sent: dict[str, JSON] = {
        name: value for name, value in fields.items() if value is not None and name not in refuses
    }
    if isinstance(size := sent.get("size"), str):
        sent["size"] = size.replace("×", "x")  # protocol fact: New API refuses "×"
    return sent


def warnings(model: str, fields: Mapping[str, JSON]) -> list[str]:
    """Notes on fields that were not sent, or that this model may not understand."""
    family = family_of(model)
    given = [name for name, value in fields.items() if value is not None]
    found = [f"{name} was not sent: {model} refuses it" for name in given if name in family.refuses]
    if family.takes is not None:
        found += [
            f"{model} is not known to take {name}"
            for name in given
            if name not in family.takes | family.refuses
        ]
    return found


# --- answers -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesReply:
    """An image answer in our own format; `cut`: its stream ended without a finished picture."""

    pictures: tuple[Picture, ...] = ()
    revised: tuple[str, ...] = ()
    usage: Usage | None = None
    model: str | None = None
    message: str = ""
    cut: bool = False
    error: JSON = None  # of the answer, or of the first picture that was withheld


def read_pictures(reply: Reply, *, model: str, fields: Mapping[str, JSON]) -> Reading:
    """The pictures of an image answer, with notes on the request; without any, a failure.

    `fields` are those that the request was built from; `n` is the number of pictures requested.
    """
    asked = fields.get("n")
    wanted = asked if isinstance(asked, int) else 1
    images = _read_answer(reply)
    if isinstance(images, Rejected):
        return images
    if images.cut and len(images.pictures) < wanted:
        return cut_stream(Completion(usage=images.usage))
    result = _result(images, wanted, warnings(model, fields))
    if images.pictures:
        return result
    failure = no_picture(images.message)
    if images.error is not None:
        failure = rejected_error(images.error, Completion()).failure
    return Rejected(failure=failure, result=result if images.usage or images.message else None)


def _read_answer(reply: Reply) -> ImagesReply | Rejected:
    """The pictures of an answer in its own form, as bytes, as one address, or of a chat."""
    images = open_answer(reply.text, _READER)
    if not isinstance(images, Rejected):
        if images.pictures or images.error is not None or images.cut:
            return images
        completion = read_completion(reply.text)
        found = () if isinstance(completion, Rejected) else completion_pictures(completion)
        return replace(images, pictures=found)
    bare = _bare_pictures(reply)
    return ImagesReply(pictures=bare) if bare else images


def _bare_pictures(reply: Reply) -> tuple[Picture, ...]:
    """The pictures of a body that is one itself, or nothing but an address or a list of them."""
    if media_type(reply.body[:16]) is not None:
        return (Picture(base64=base64.b64encode(reply.body).decode("ascii")),)
    value = decode(reply.text)
    if isinstance(value, Undecodable):
        value = value.text.strip() if value.reason == "not_json" else None
    is_address = isinstance(value, str) and len(value) < MAX_ADDRESS and " " not in value.strip()
    return data_pictures(value) if isinstance(value, list) or is_address else ()


def _result(images: ImagesReply, wanted: int, notes: list[str]) -> Result:
    if 0 < len(images.pictures) < wanted:
        notes.append(f"{len(images.pictures)} of {wanted} pictures came")
    if images.pictures and images.error is not None:
        notes.append(error_in(images.error).message or "an error came beside the pictures")
    data: dict[str, JSON] = {}
    if images.revised:
        data["revised_prompts"] = list(images.revised)
    if notes:
        data["notes"] = list(notes)
    return Result(model=images.model, usage=images.usage, pictures=images.pictures, data=data)


def _read_whole(value: Mapping[str, JSON]) -> ImagesReply:
    listed = value.get("data")
    entries = listed if isinstance(listed, list) else [listed]
    created = value.get("created")
    objects = [entry for entry in entries if isinstance(entry, dict)]
    found = [text_of(entry.get("revised_prompt")).strip() for entry in objects]
    pictures = [picture for entry in entries for picture in _entry_pictures(entry, created)]
    if not pictures:  # they were billed: look for them everywhere else
        rest = {name: item for name, item in value.items() if name not in ("usage", "error")}
        pictures = [_with_expiry(picture, created) for picture in pictures_within(rest)]
    withheld = (entry for entry in objects if reports_error(entry.get("error")))
    return ImagesReply(
        pictures=distinct(pictures),
        error=dict(value) if reports_error_beside(value) else next(withheld, None),
        revised=tuple(text for text in found if text),
        usage=read_usage(value.get("usage")),
        model=text_of(value.get("model")) or None,
        message=text_of(value.get("message")),
    )


def _entry_pictures(entry: JSON, created: JSON) -> tuple[Picture, ...]:
    """The picture of one entry: preferably its bytes, since a URL may expire."""
    coded = text_of(entry.get("b64_json")).strip() if isinstance(entry, dict) else ""
    if coded.startswith("data:"):  # protocol fact: some gateways add this head
        coded = coded.partition(",")[2]
    if coded:
        return (Picture(base64=coded),)
    return tuple(_with_expiry(picture, created) for picture in data_pictures([entry]))


def _with_expiry(picture: Picture, created: JSON) -> Picture:
    """The picture with its expiry: an OpenAI URL that names none works for an hour."""
    if picture.url is None or picture.expires_at is not None:
        return picture
    if not _is_openai(picture.url) or not isinstance(created, int | float) or created < 1e9:
        return picture
    return Picture(url=picture.url, expires_at=min(created, 4e9) + OPENAI_ADDRESS_SECONDS)


def _is_openai(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return expires_at(url) is None and bool(_OPENAI_HOSTS.search(host))


# --- a stream of events ------------------------------------------------------------------------


_PICTURE_EVENTS = (".completed", ".partial_succeeded", ".succeeded")
"""Endings of the events with a finished picture; Ark sends each one as `partial_succeeded`."""


def _read_stream(events: Payloads) -> ImagesReply | Rejected | None:
    """The finished pictures of a stream, without previews; None if there were no events."""
    finished: list[ImagesReply] = []
    usage: Usage | None = None
    seen, broken, ended = False, False, False
    error: JSON = None
    for name, value in events:
        seen = True
        if not isinstance(value, dict):
            broken |= isinstance(value, Undecodable) and value.text.lstrip().startswith("{")
            continue
        kind = text_of(value.get("type")) or name
        if reports_error_beside(value) and kind.endswith("partial_failed"):
            error = error or dict(value)  # only one of several pictures failed
            continue
        if is_error(value):
            return rejected_error(value, Completion(usage=usage))
        usage = read_usage(value.get("usage")) or usage
        ended = ended or kind.endswith(".completed")
        if kind.endswith(_PICTURE_EVENTS):
            created = value.get("created_at") or value.get("created")
            finished.append(_read_whole({"created": created, "data": [value]}))
        elif not kind and value.get("data"):  # a complete answer in one event
            finished.append(_read_whole(value))
            ended = True
    if not seen:
        return None
    pictures = distinct(picture for one in finished for picture in one.pictures)
    return ImagesReply(
        pictures=pictures,
        revised=tuple(text for one in finished for text in one.revised),
        usage=usage,
        cut=broken or not (pictures or (ended and error is not None)),
        error=error or next((one.error for one in finished if one.error is not None), None),
    )


_READER: Reader[ImagesReply] = Reader(
    stream=_read_stream,
    whole=_read_whole,
    error=lambda value: rejected_error(value, Completion()),
    cut=ImagesReply(cut=True),
)
