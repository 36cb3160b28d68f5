"""Shows a request as it would be sent: no key, and pictures as their names and sizes."""

import base64
import json
import mimetypes
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jobs.job import JSON
from runner.catalogue.safe_text import visible
from runner.endpoints.endpoint import AnyEndpoint
from runner.endpoints.fields import InputError
from runner.endpoints.inputs import parse
from runner.endpoints.registry import UnknownEndpoint, endpoint
from runner.files.attachments import AttachmentError, Reference
from runner.files.inputs import InputPlace
from runner.protocol.base_url import request_url
from runner.protocol.call import KEY_PLACE, Call, Part
from runner.protocol.pictures import Attachment
from runner.secret import redacted
from runner.steps.job_inputs import references_in
from runner.views.preflight_records import RequestRecord

_DATA_URI = re.compile(r"(data:[^,\s\"'()<>]{0,100};base64,)([A-Za-z0-9+/=_-]{200,})")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{1000,}={0,2}")
MAX_TEXT_CHARACTERS = 600  # characters of one text that a preview shows


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewContext:
    """Where requests of a sheet go, and where its pictures are."""

    base_url: str
    inputs: InputPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPart:
    """One part of a form: a text, or (`is_file`) a picture by its `@name` or its size."""

    name: str
    content: str
    is_file: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One request. `body` is JSON, or else `parts` are the parts of a form."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: JSON = None
    parts: tuple[FormPart, ...] = ()

    def as_json(self) -> RequestRecord:
        """The request as data."""
        record: RequestRecord = {"method": self.method, "url": self.url}
        if self.headers:
            record["headers"] = dict(self.headers)
        if self.parts:
            record["form"] = [[part.name, part.content] for part in self.parts]
        elif self.body is not None:
            record["body"] = self.body
        return record


class NoRequestError(Exception):
    """These fields do not make a request; the text says why."""


def preview(name: str, fields: Mapping[str, JSON], place: PreviewContext) -> Preview:
    """The request of a job. Raises `NoRequestError`."""
    found = endpoint(name)
    if isinstance(found, UnknownEndpoint):
        raise NoRequestError(str(found))
    try:
        call, shown = _built(found, fields, place)
    except InputError as error:
        raise NoRequestError(str(error)) from error
    body: JSON = None
    if call.json is not None:
        body = _mapped(dict(call.json), lambda text: _masked(text, shown))
    return Preview(
        method=call.method,
        url=request_url(place.base_url, call.path),
        headers=dict(call.headers),
        body=body,
        parts=tuple(_form_part(part, shown) for part in call.parts),
    )


def curl_line(request: Preview) -> str:
    """The request as one line for a POSIX shell; the key is a variable in it."""
    words = ["curl", shlex.quote(request.url)]
    if request.method not in ("POST", "GET"):
        words += ["-X", request.method]
    if not any(KEY_PLACE in value for value in request.headers.values()):
        words += ["-H", '"Authorization: Bearer $ROWMILL_API_KEY"']
    for name, value in request.headers.items():
        words += ["-H", _quoted_header(name, value)]
    for part in request.parts:
        # Only with -F does curl read files: a cell that begins with @ must stay a text.
        words.append("-F" if part.is_file else "--form-string")
        words.append(shlex.quote(f"{part.name}={part.content}"))
    if request.body is not None:
        words += ["-H", "'Content-Type: application/json'", "-d"]
        words += [shlex.quote(json_text(request.body))]
    return redacted(visible(" ".join(words)))


def _quoted_header(name: str, value: str) -> str:
    before, place, after = value.partition(KEY_PLACE)
    if not place:
        return shlex.quote(f"{name}: {value}")
    return f'"{name}: {before}$ROWMILL_API_KEY{after}"'


def json_text(value: JSON, *, indent: int | None = None) -> str:
    """JSON of visible characters only: control characters are written as escapes."""
    return redacted(visible(json.dumps(value, ensure_ascii=False, indent=indent)))


def without_pictures(value: JSON) -> JSON:
    """The value with each base64 text replaced by its size."""
    return _mapped(value, _short_base64)


def without_long_texts(value: JSON) -> JSON:
    """The value with long texts cut."""
    return _mapped(value, _cut)


def _built(
    found: AnyEndpoint, fields: Mapping[str, JSON], place: PreviewContext
) -> tuple[Call, dict[str, str]]:
    """The call with a mark in place of each picture, and what is shown for each mark."""
    shown: dict[str, str] = {}
    pictures: dict[str, tuple[Attachment, ...]] = {}
    for name, references in references_in(found, fields).items():
        pictures[name] = tuple(_stand_in(one, place, shown) for one in references)
    return found.build(parse(found.inputs, fields, pictures)), shown


def _stand_in(reference: Reference, place: PreviewContext, shown: dict[str, str]) -> Attachment:
    """A picture with a mark instead of its bytes, so that no megabytes are encoded and hidden."""
    try:
        real = place.inputs.load(reference)
    except (AttachmentError, OSError):
        kind = mimetypes.guess_type(reference.value)[0] or "image/png"
        real = Attachment(data=b"", media_type=kind, name=Path(reference.value).name)
    if real.data is None:
        return real
    mark = f"rowmill picture {len(shown)}"
    size = f"{len(real.data) or reference.size:,} bytes"
    shown[mark] = f"<{size}>"
    if reference.kind == "file" and not reference.is_inside:
        shown[mark] = f"@{reference.value}"
    return Attachment(data=mark.encode(), media_type=real.media_type, name=real.name)


def _masked(text: str, shown: Mapping[str, str]) -> str:
    for mark, words in shown.items():
        text = text.replace(base64.b64encode(mark.encode()).decode(), words)
    return _short_data_uris(text)  # nothing else: a long plain text may look like base64


def _form_part(part: Part, shown: Mapping[str, str]) -> FormPart:
    text = part.content.decode("utf-8", errors="replace")
    if part.filename is None:
        return FormPart(name=part.name, content=text)
    words = shown.get(text, f"<{len(part.content):,} bytes>")
    kind = f";type={part.media_type}" if part.media_type and words.startswith("@") else ""
    return FormPart(name=part.name, content=words + kind, is_file=True)


def _short_data_uris(text: str) -> str:
    if len(text) < 200:
        return text
    return _DATA_URI.sub(lambda found: f"{found[1]}<{len(found[2]) * 3 // 4:,} bytes>", text)


def _short_base64(text: str) -> str:
    text = _short_data_uris(text)
    if _BASE64.fullmatch(text.strip()):
        return f"<{len(text.strip()) * 3 // 4:,} bytes>"
    return text


def _cut(text: str) -> str:
    if len(text) <= MAX_TEXT_CHARACTERS:
        return text
    return f"{text[:MAX_TEXT_CHARACTERS]}… <{len(text) - MAX_TEXT_CHARACTERS:,} more characters>"


def _mapped(value: JSON, change: Callable[[str], str]) -> JSON:
    """The value with `change` applied to every text in it."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(one, change) for one in value]
    if isinstance(value, Mapping):
        return {name: _mapped(one, change) for name, one in value.items()}
    return value
