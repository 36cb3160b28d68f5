"""Gemini's batches: a file of lines at the Files interface, then a batch of one model."""

import re
from collections.abc import Mapping

from jobs.job import JSON, Failure
from runner.endpoints.dialects.gemini import KEY_HEADER
from runner.lanes.batch_forms.form import (
    ASK_SECONDS,
    CONTENT_SECONDS,
    ROW_GROUP,
    UPLOAD_SECONDS,
    UsualLine,
    answer,
    batches_in,
    body_of,
    count,
    file_call,
    identifier,
    line_object,
    members,
    moment,
    packed,
    read_one,
    row_reply,
    segment,
    text,
    unreadable,
)
from runner.lanes.batch_wire import (
    AnsweredRow,
    BatchLine,
    BatchOffer,
    BatchOrder,
    BatchProblem,
    BrokenRow,
    Listing,
    PackedLines,
    RemoteBatch,
    RemoteState,
    ResultPage,
    UnboughtRow,
    Unpackable,
)
from runner.protocol.call import KEY_PLACE, Call, Reply

GENERATE = "generateContent"
_NAME_START = "rowmill-"
_STATES = {
    "SUCCEEDED": RemoteState.COMPLETED,
    "PARTIALLY_SUCCEEDED": RemoteState.COMPLETED,
    "FAILED": RemoteState.FAILED,
    "CANCELLED": RemoteState.CANCELLED,
    "EXPIRED": RemoteState.EXPIRED,
}
_ACTION = re.compile(r"/v1beta/models/[^/:]+:(?:generateContent|streamGenerateContent(?:\?.*)?)")
_CANCELLED_CODE = 1
_STATUS_BY_CODE = {3: 400, 4: 503, 5: 404, 7: 403, 8: 429, 9: 400, 11: 400, 13: 500, 14: 503}
"""HTTP statuses of Google's own codes. A deadline inside a batch says that nothing was billed."""
_FULL_QUEUE = re.compile(r"enqueued|queue|concurrent batch", re.IGNORECASE)


_USUAL = UsualLine(rf' \{{ "key" : {ROW_GROUP} , "response" : (?=\{{)', r" \} ")


class GeminiForm:
    """The digest is in the batch's display name, which the listing shows."""

    separator = b"\n"
    finds_by_digest = True
    can_cancel = True
    has_pages = False

    def __init__(self, offer: BatchOffer) -> None:
        self.offer = offer

    def line(self, row: str, call: Call, model: str) -> bytes | Unpackable:
        """The call as one line; the model is in the creation's path."""
        if not _ACTION.fullmatch(call.path):
            return Unpackable.ENDPOINT
        body = body_of(call, model)
        return packed({"key": row, "request": body}) if body else Unpackable.FORM

    def upload(self, lines: PackedLines) -> Call | None:
        """The file with its name, both in one body."""
        boundary = f"rowmill-{lines.digest[:40]}"
        about = packed({"file": {"displayName": f"{_NAME_START}{lines.digest}"}})
        head = (
            f"--{boundary}\r\nContent-Type: application/json; charset=utf-8\r\n\r\n".encode()
            + about
            + f"\r\n--{boundary}\r\nContent-Type: application/jsonl\r\n\r\n".encode()
        )
        call = self._call(
            "/upload/v1beta/files",
            method="POST",
            timeout=UPLOAD_SECONDS,
            headers={"X-Goog-Upload-Protocol": "multipart"},
        )
        media = f"multipart/related; boundary={boundary}"
        tail = f"\n\r\n--{boundary}--\r\n".encode()
        return file_call(call, lines, head=head, tail=tail, media=media)

    def read_upload(self, reply: Reply) -> str | Failure:
        """The file's name, such as files/abc."""
        found = answer(reply)
        if isinstance(found, Failure):
            return found
        return identifier(members(found.get("file")).get("name"), "files/") or unreadable(reply)

    def create(self, order: BatchOrder) -> Call:
        """The creation, with our digest in its display name."""
        body: dict[str, JSON] = {
            "batch": {
                "displayName": f"{_NAME_START}{order.lines.digest}",
                "inputConfig": {"fileName": order.input_file},
                **self.offer.create,
            }
        }
        model = segment(order.model.removeprefix("models/"))
        path = f"/v1beta/models/{model}:batchGenerateContent"
        return self._call(path, method="POST", json=body)

    def ask(self, batch: str) -> Call:
        """The batch as an operation."""
        return self._call(f"/v1beta/{_name(batch)}")

    def cancel(self, batch: str) -> Call:
        """Its answer says nothing; the batch has to be asked after."""
        return self._call(f"/v1beta/{_name(batch)}:cancel", method="POST", json={})

    def read_batch(self, reply: Reply) -> RemoteBatch | Failure:
        """The batch in an answer."""
        return read_one(reply, _batch)

    def listing(self, cursor: str = "") -> Call:
        """The project's batches."""
        token = f"&pageToken={segment(cursor)}" if cursor else ""
        return self._call(f"/v1beta/batches?pageSize=100{token}")

    def read_listing(self, reply: Reply) -> Listing | Failure:
        """One page of them; an empty listing has no list at all."""
        found = answer(reply)
        if isinstance(found, Failure):
            return found
        known = batches_in(found.get("operations"), _batch)
        return Listing(batches=known, cursor=text(found.get("nextPageToken")))

    def content(self, file: str) -> Call:
        """The bytes of a file."""
        path = f"/download/v1beta/{_name(file)}:download?alt=media"
        return self._call(path, timeout=CONTENT_SECONDS)

    def read_page(self, reply: Reply) -> ResultPage | Failure:
        """There are no pages that this could be one of."""
        return unreadable(reply)

    def read_line(self, line: bytes) -> BatchLine:
        """One answer, or the status of a request that got none."""
        if (usual := _USUAL.read(line)) is not None:
            return usual
        found = line_object(line, "key")
        if isinstance(found, BrokenRow):
            return found
        row, value = found
        if isinstance(value.get("response"), dict):
            return AnsweredRow(row=row, reply=row_reply(200, value["response"]))
        error = members(value.get("error")) or members(value.get("status"))
        if not error:
            return BrokenRow(row=row, cause="no_answer")
        code = count(error.get("code")) or 13
        if code == _CANCELLED_CODE:
            return UnboughtRow(row=row, word="cancelled")
        status = code if 400 <= code < 600 else _STATUS_BY_CODE.get(code, 500)
        return AnsweredRow(row=row, reply=row_reply(status, {"error": dict(error)}))

    def remove(self, file: str) -> Call | None:
        """Deletes a file, of lines or of results."""
        return self._call(f"/v1beta/{_name(file)}", method="DELETE")

    def _call(
        self,
        path: str,
        *,
        method: str = "GET",
        json: Mapping[str, JSON] | None = None,
        timeout: float = ASK_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> Call:
        return Call(
            path=path,
            method=method,
            json=json,
            timeout=timeout,
            headers={KEY_HEADER: KEY_PLACE, **(headers or {})},
            base_url=self.offer.base_url,
        )


def _name(text_: str) -> str:
    """A resource's name in a path: its kind, a slash and its id."""
    kind, _, name = text_.partition("/")
    return f"{segment(kind)}/{segment(name)}"


def _batch(found: Mapping[str, JSON]) -> RemoteBatch | None:
    name, about = identifier(found.get("name"), "batches/"), members(found.get("metadata"))
    if not name:
        return None
    word = text(about.get("state"))
    state = _STATES.get(word.rpartition("STATE_")[2], RemoteState.WORKING)
    error = members(found.get("error"))
    if error and not state.is_final and found.get("done") is True:
        state = RemoteState.FAILED
    output = {**members(about.get("output")), **members(found.get("response"))}
    stats = members(about.get("batchStats"))
    code, message = str(error.get("code", "")), text(error.get("message"))[:500]
    shown = text(about.get("displayName"))
    file = identifier(output.get("responsesFile"), "files/")
    return RemoteBatch(
        id=name,
        state=state,
        word=word,
        total=count(stats.get("requestCount")),
        completed=count(stats.get("successfulRequestCount")),
        failed=count(stats.get("failedRequestCount")),
        created=moment(about.get("createTime")),
        due=None,
        input_file=text(members(about.get("inputConfig")).get("fileName")),
        result_files=(file,) if file else (),
        digest=shown.removeprefix(_NAME_START) if shown.startswith(_NAME_START) else "",
        problems=(BatchProblem(code=code, message=message),) if error else (),
        queue_full=bool(error) and bool(_FULL_QUEUE.search(message)),
    )
