"""Anthropic's message batches: the requests are in the creation itself."""

from collections.abc import Mapping

from jobs.job import JSON, Failure
from runner.endpoints.dialects.messages import ANTHROPIC_VERSION
from runner.lanes.batch_forms.form import (
    ASK_SECONDS,
    CONTENT_SECONDS,
    ROW_GROUP,
    UPLOAD_SECONDS,
    UsualLine,
    body_of,
    count,
    file_call,
    identifier,
    line_object,
    members,
    moment,
    packed,
    read_data,
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
    BrokenRow,
    Listing,
    PackedLines,
    RemoteBatch,
    RemoteState,
    ResultPage,
    UnboughtRow,
    Unpackable,
)
from runner.protocol.call import Call, Reply
from runner.protocol.refusals import STATUS_BY_TYPE

_BATCHES = "/v1/messages/batches"
_VERSION = {"anthropic-version": ANTHROPIC_VERSION}
_COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")
_UNBOUGHT = ("canceled", "expired")


_USUAL = UsualLine(
    rf' \{{ "custom_id" : {ROW_GROUP} , "result" : \{{ "type" : "succeeded" , "message" : (?=\{{)',
    r" \} \} ",
)


class AnthropicForm:
    """There is no file of lines, and no place for a digest: a lost creation is found by its size
    and time only. The results are one file, named by the batch.
    """

    separator = b",\n"
    finds_by_digest = False
    can_cancel = True
    has_pages = False

    def __init__(self, offer: BatchOffer) -> None:
        self.offer = offer

    def line(self, row: str, call: Call, model: str) -> bytes | Unpackable:
        """The call as one item of the list of requests."""
        if call.path not in self.offer.urls:
            return Unpackable.ENDPOINT
        body = body_of(call, model)
        return packed({"custom_id": row, "params": body}) if body else Unpackable.FORM

    def upload(self, lines: PackedLines) -> Call | None:  # noqa: ARG002 - nothing is uploaded
        """None: the lines travel in the creation."""
        return None

    def read_upload(self, reply: Reply) -> str | Failure:
        """There is no upload that this could be the answer to."""
        return unreadable(reply)

    def create(self, order: BatchOrder) -> Call:
        """The creation, with all lines."""
        call = self._call(_BATCHES, method="POST", timeout=UPLOAD_SECONDS)
        head, tail = b'{"requests":[', b"]}"
        return file_call(call, order.lines, head=head, tail=tail, media="application/json")

    def ask(self, batch: str) -> Call:
        """The batch itself."""
        return self._call(f"{_BATCHES}/{segment(batch)}")

    def cancel(self, batch: str) -> Call:
        """It goes on as "canceling" until what had begun has ended."""
        return self._call(f"{_BATCHES}/{segment(batch)}/cancel", method="POST")

    def read_batch(self, reply: Reply) -> RemoteBatch | Failure:
        """The batch in an answer."""
        return read_one(reply, _batch)

    def listing(self, cursor: str = "") -> Call:
        """The workspace's batches, newest first."""
        after = f"&after_id={segment(cursor)}" if cursor else ""
        return self._call(f"{_BATCHES}?limit=100{after}")

    def read_listing(self, reply: Reply) -> Listing | Failure:
        """One page of them."""
        return read_data(reply, _batch)

    def content(self, file: str) -> Call:
        """The results of the batch of that name."""
        path = f"{_BATCHES}/{segment(file)}/results"
        return self._call(path, timeout=CONTENT_SECONDS, accept="application/binary")

    def read_page(self, reply: Reply) -> ResultPage | Failure:
        """There are no pages that this could be one of."""
        return unreadable(reply)

    def read_line(self, line: bytes) -> BatchLine:
        """One result, which is a message, an error, or nothing that was bought."""
        if (usual := _USUAL.read(line)) is not None:
            return usual
        found = line_object(line, "custom_id")
        if isinstance(found, BrokenRow):
            return found
        row, value = found
        result = members(value.get("result"))
        kind = text(result.get("type"))
        if kind in _UNBOUGHT:
            return UnboughtRow(row=row, word=kind)
        if kind == "succeeded" and isinstance(result.get("message"), dict):
            return AnsweredRow(row=row, reply=row_reply(200, result["message"]))
        if kind == "errored":
            return AnsweredRow(row=row, reply=_refusal(result))
        return BrokenRow(row=row, cause="no_answer")

    def remove(self, file: str) -> Call | None:
        """Deletes the batch with its requests and results."""
        return self._call(f"{_BATCHES}/{segment(file)}", method="DELETE")

    def _call(
        self,
        path: str,
        *,
        method: str = "GET",
        timeout: float = ASK_SECONDS,
        accept: str = "",
    ) -> Call:
        headers = {**_VERSION, "Accept": accept} if accept else _VERSION
        base = self.offer.base_url
        return Call(path=path, method=method, headers=headers, timeout=timeout, base_url=base)


def _batch(found: Mapping[str, JSON]) -> RemoteBatch | None:
    """A batch; its counts other than "processing" stay 0 until it has ended."""
    name, word = identifier(found.get("id")), text(found.get("processing_status"))
    if not name or not word:
        return None
    counts = members(found.get("request_counts"))
    numbers = {kind: count(counts.get(kind)) or 0 for kind in _COUNTS}
    ended = word == "ended"
    return RemoteBatch(
        id=name,
        state=_state(numbers) if ended else RemoteState.WORKING,
        word=word,
        total=sum(numbers.values()),
        completed=numbers["succeeded"],
        failed=numbers["errored"],
        created=moment(found.get("created_at")),
        due=moment(found.get("expires_at")),
        result_files=(name,) if ended and found.get("results_url") else (),
        is_cancelling=word == "canceling",
    )


def _state(numbers: Mapping[str, int]) -> RemoteState:
    if numbers["canceled"]:
        return RemoteState.CANCELLED
    return RemoteState.EXPIRED if numbers["expired"] else RemoteState.COMPLETED


def _refusal(result: Mapping[str, JSON]) -> Reply:
    """An error as online. None of them is billed, so a timeout may be repeated like any other."""
    error = members(result.get("error"))
    inner = members(error.get("error")) or error
    status = STATUS_BY_TYPE.get(text(inner.get("type")), 500)
    body: dict[str, JSON] = {"type": "error", "error": dict(inner)}
    return row_reply(500 if status in (504, 524) else status, body)
