"""What all forms of provider batches share: lines, members of answers, replies in lines."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import quote

from jobs.job import JSON, Failure, FailureClass
from runner.lanes.batch_wire import (
    AnsweredRow,
    BrokenRow,
    Listing,
    PackedLines,
    RemoteBatch,
    number_in,
)
from runner.protocol.call import BodyFile, Call, EncodedBody, Part, Reply
from runner.protocol.json_text import Undecodable, decode
from runner.protocol.verdict import classify

UPLOAD_SECONDS = 3_600.0
ASK_SECONDS = 120.0
CONTENT_SECONDS = 7_200.0
_NOT_IN_LINES = ("stream", "stream_options", "partial_images")
_NUMBERS = frozenset({"n", "output_compression"})
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""ASCII: a line is valid JSON whatever a cell holds, and has the same bytes on every machine."""


ReadBatch: TypeAlias = Callable[[Mapping[str, JSON]], RemoteBatch | None]
"""How a form reads a batch from its object; None for an object that is no batch."""


def packed(value: JSON | Mapping[str, JSON]) -> bytes:
    """The value as one line."""
    return _encode(value).encode()


def body_of(call: Call, model: str) -> dict[str, JSON] | None:
    """The body of a call in a line; None for a form with files that has no such body.

    Nothing is streamed in a batch. A form of picture edits is also taken as JSON, with its
    pictures as data URLs.
    """
    if call.json is not None:
        found = dict(call.json)
    elif call.path == "/v1/images/edits":
        found = _edit_body(call.parts)
    else:
        return None
    for name in _NOT_IN_LINES:
        found.pop(name, None)
    if "model" in found:
        found["model"] = model
    return found


def _edit_body(parts: tuple[Part, ...]) -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    pictures: list[JSON] = []
    for part in parts:
        if part.filename is not None:
            data = base64.b64encode(part.content).decode()
            link: JSON = {"image_url": f"data:{part.media_type};base64,{data}"}
            if part.name == "mask":
                found["mask"] = link
            else:
                pictures.append(link)
        else:
            text = part.content.decode("utf-8", "replace")
            is_number = part.name in _NUMBERS and text.isdecimal()
            found[part.name] = int(text) if is_number else text
    return {**found, "images": pictures}


def file_call(call: Call, lines: PackedLines, *, head: bytes, tail: bytes, media: str) -> Call:
    """A call with the lines in its body, which are read from their file while it is sent."""
    file = BodyFile(path=lines.path, size=lines.size, digest=lines.digest, tail=tail)
    return replace(call, encoded=EncodedBody(content=head, media_type=media, file=file))


def segment(name: str) -> str:
    """A provider's id, or the cursor of a listing, in an address."""
    return quote(name, safe="")


def identifier(value: object, kind: str = "") -> str:
    """An id that a provider gave, if it can be one; empty otherwise. `kind` stands before it."""
    return text(value) if re.fullmatch(rf"{kind}[\w.:~=-]*\w[\w.:~=-]*", text(value)[:300]) else ""


def members(value: object) -> Mapping[str, JSON]:
    """The value if it is an object; an empty one otherwise."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[JSON]:
    """The value if it is a list; an empty one otherwise."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """The value if it is text; empty otherwise."""
    return value if isinstance(value, str) else ""


def count(value: object) -> int | None:
    """A count, which Google writes as text."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 12:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def moment(value: object) -> float | None:
    """Seconds since 1970 of a number or of an RFC 3339 time."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return None
    cut = re.sub(r"(\.\d{6})\d+", r"\1", value.strip())
    try:
        found = datetime.fromisoformat(cut)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def answer(reply: Reply) -> Mapping[str, JSON] | Failure:
    """The object in a good reply; a failure for a refusal, and for what is no object."""
    if not 200 <= reply.status < 300:
        found = classify(reply).failure
        return found or Failure(kind=FailureClass.SERVER, cause="unknown", status=reply.status)
    value = decode(reply.text)
    if isinstance(value, dict):
        return value
    detail = value.text[:200] if isinstance(value, Undecodable) else ""
    return unreadable(reply, detail)


def unreadable(reply: Reply, detail: str = "") -> Failure:
    """A good reply that does not say what it should."""
    cause = "unreadable"
    return Failure(kind=FailureClass.NO_RESULT, cause=cause, detail=detail, status=reply.status)


def read_one(reply: Reply, read: ReadBatch) -> RemoteBatch | Failure:
    """The batch in an answer."""
    found = answer(reply)
    return found if isinstance(found, Failure) else read(found) or unreadable(reply)


def read_data(reply: Reply, read: ReadBatch) -> Listing | Failure:
    """One page of a listing with `data`, `has_more` and `last_id`.

    A page that promises more and names no last batch goes on after the last that is on it: taken
    for the end, it would hide a batch that was created.
    """
    found = answer(reply)
    if isinstance(found, Failure):
        return found
    if not isinstance(found.get("data"), list):
        return unreadable(reply)
    known = batches_in(found["data"], read)
    last = text(found.get("last_id")) or (known[-1].id if known else "")
    return Listing(batches=known, cursor=last if found.get("has_more") is True else "")


def batches_in(value: JSON, read: ReadBatch) -> list[RemoteBatch]:
    """The batches in a list, without what is none."""
    return [one for one in (read(members(item)) for item in items(value)) if one is not None]


def row_reply(status: int, body: JSON, request: str = "") -> Reply:
    """The answer in a line as if it had come online."""
    headers = {"content-type": "application/json"}
    if request:
        headers["x-request-id"] = request
    return Reply(status=status, headers=headers, body=packed(body))


def line_object(line: bytes, key: str) -> tuple[str, Mapping[str, JSON]] | BrokenRow:
    """The row and the object of one line; a line that is cut still names its row, if it can."""
    value = decode(line)
    if isinstance(value, Undecodable) or not isinstance(value, dict):
        pattern = rf'"{key}"\s*:\s*"(r-\d{{8,20}})"'.encode()
        found = re.search(pattern, line[:2_000])
        return BrokenRow(row=found[1].decode() if found else "", cause="cut")
    row = text(value.get(key))
    if number_in(row) is not None:
        return row, value
    return BrokenRow(row="", cause="foreign" if row else "no_row")


class UsualLine:
    """Lines in the very shape in which a provider writes its answers, which are nearly all.

    `head` ends where the answer's own object begins, with the groups `row` and, where it is there,
    `status` and `request`; `tail` is all that follows that object. Such an answer is kept byte for
    byte, and read twice as fast; any other line is left to `read_line`.
    """

    def __init__(self, head: str, tail: str) -> None:
        self._head = re.compile(head.replace(" ", r"\s*"))
        self._tail = re.compile(tail.replace(" ", r"\s*"))
        self._decoder = json.JSONDecoder()

    def read(self, line: bytes) -> AnsweredRow | None:
        """The answer in a usual line; None for any other."""
        try:
            text = line.decode()
            head = self._head.match(text)
            if head is None:
                return None
            _, end = self._decoder.raw_decode(text, head.end())
        except (ValueError, RecursionError):
            return None
        if self._tail.fullmatch(text, end) is None:
            return None
        told = head.groupdict()
        headers = {"content-type": "application/json"}
        if told.get("request"):
            headers["x-request-id"] = told["request"]
        body = text[head.end() : end].encode()
        reply = Reply(status=int(told.get("status") or 200), headers=headers, body=body)
        return AnsweredRow(row=told["row"], reply=reply)


ROW_GROUP = r'"(?P<row>r-\d{8,20})"'
