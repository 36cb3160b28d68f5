"""OpenAI's batches, and those of the many who follow them: a file of lines, then a batch of it."""

import re
from collections.abc import Mapping

from jobs.job import JSON, Failure
from runner.lanes.batch_forms.form import (
    ASK_SECONDS,
    CONTENT_SECONDS,
    ROW_GROUP,
    UPLOAD_SECONDS,
    UsualLine,
    answer,
    body_of,
    count,
    file_call,
    identifier,
    items,
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
from runner.protocol.call import Call, Reply

STATES = {
    "completed": RemoteState.COMPLETED,
    "expired": RemoteState.EXPIRED,
    "cancelled": RemoteState.CANCELLED,
    "canceled": RemoteState.CANCELLED,
    "failed": RemoteState.FAILED,
}
"""The words for final states; every other one means that it is still at work."""
_UNBOUGHT = re.compile(r"(?:batch|request)?_?(?:expired|cancell?ed)", re.IGNORECASE)
_FULL_QUEUE = re.compile(
    r"token_limit_exceeded|enqueued|queue[d]? (?:token|request)|too many batches", re.IGNORECASE
)


_USUAL = UsualLine(
    rf' \{{ (?:"id" : "[^"\\]*" , )?"custom_id" : {ROW_GROUP} , "response" : '
    r'\{ "status_code" : (?P<status>\d{3}) , '
    r'(?:"request_id" : (?:null|"(?P<request>[^"\\]*)") , )?"body" : (?=\{)',
    r' \} , "error" : null \} ',
)


class OpenAIForm:
    """Lines go up as a file; answers and errors come back as two files, in any order."""

    separator = b"\n"
    finds_by_digest = True
    can_cancel = True
    has_pages = False

    def __init__(self, offer: BatchOffer) -> None:
        self.offer = offer

    def line(self, row: str, call: Call, model: str) -> bytes | Unpackable:
        """The call as one line without a line end."""
        url = self.offer.urls.get(call.path)
        if url is None:
            return Unpackable.ENDPOINT
        body = body_of(call, model)
        if body is None:
            return Unpackable.FORM
        return packed({"custom_id": row, "method": "POST", "url": url, "body": body})

    def upload(self, lines: PackedLines) -> Call | None:
        """A form with the file and its purpose."""
        boundary = f"rowmill-{lines.digest[:40]}"
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="rowmill-{lines.digest[:16]}.jsonl"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        tail = f"\n\r\n--{boundary}--\r\n"  # the lines' last line end, then the form's end
        call = self._call("/v1/files", timeout=UPLOAD_SECONDS)
        media = f"multipart/form-data; boundary={boundary}"
        return file_call(call, lines, head=head.encode(), tail=tail.encode(), media=media)

    def read_upload(self, reply: Reply) -> str | Failure:
        """The id of the file."""
        found = answer(reply)
        if isinstance(found, Failure):
            return found
        return identifier(found.get("id")) or unreadable(reply)

    def create(self, order: BatchOrder) -> Call:
        """The creation, with our digest among its metadata."""
        body: dict[str, JSON] = {
            "input_file_id": order.input_file,
            "endpoint": order.url,
            "completion_window": "24h",
            "metadata": {self.offer.digest_key: order.lines.digest},
            **self.offer.create,
        }
        return self._call("/v1/batches", json=body)

    def ask(self, batch: str) -> Call:
        """The batch itself."""
        return self._call(f"/v1/batches/{segment(batch)}", method="GET")

    def cancel(self, batch: str) -> Call:
        """It goes on as "cancelling" for some minutes."""
        return self._call(f"/v1/batches/{segment(batch)}/cancel", json={})

    def read_batch(self, reply: Reply) -> RemoteBatch | Failure:
        """The batch in an answer."""
        return read_one(reply, self._batch)

    def listing(self, cursor: str = "") -> Call:
        """The account's batches, newest first."""
        after = f"&after={segment(cursor)}" if cursor else ""
        return self._call(f"/v1/batches?limit=100{after}", method="GET")

    def read_listing(self, reply: Reply) -> Listing | Failure:
        """One page of them."""
        return read_data(reply, self._batch)

    def content(self, file: str) -> Call:
        """The bytes of a file."""
        path = f"/v1/files/{segment(file)}/content"
        return self._call(path, method="GET", timeout=CONTENT_SECONDS)

    def read_page(self, reply: Reply) -> ResultPage | Failure:
        """There are no pages that this could be one of."""
        return unreadable(reply)

    def read_line(self, line: bytes) -> BatchLine:
        """A line of the output file or of the error file."""
        return read_openai_line(line)

    def remove(self, file: str) -> Call | None:
        """Deletes a file, of lines or of results."""
        return self._call(f"/v1/files/{segment(file)}", method="DELETE")

    def _call(
        self,
        path: str,
        *,
        method: str = "POST",
        json: Mapping[str, JSON] | None = None,
        timeout: float = ASK_SECONDS,
    ) -> Call:
        base = self.offer.base_url
        return Call(path=path, method=method, json=json, timeout=timeout, base_url=base)

    def _batch(self, found: Mapping[str, JSON]) -> RemoteBatch | None:
        word = text(found.get("status"))
        name = identifier(found.get("id"))
        if not name or not word:
            return None
        files = map(identifier, (found.get("output_file_id"), found.get("error_file_id")))
        counts = members(found.get("request_counts"))
        problems = tuple(_problem(members(one)) for one in _errors(found))
        return RemoteBatch(
            id=name,
            state=STATES.get(word.lower(), RemoteState.WORKING),
            word=word,
            total=count(counts.get("total")),
            completed=count(counts.get("completed")),
            failed=count(counts.get("failed")),
            created=moment(found.get("created_at")),
            due=moment(found.get("expires_at")),
            input_file=identifier(found.get("input_file_id")),
            result_files=tuple(dict.fromkeys(filter(None, files))),
            digest=text(members(found.get("metadata")).get(self.offer.digest_key)),
            problems=problems,
            is_cancelling=word.lower() in ("cancelling", "canceling"),
            queue_full=any(_is_full(one) for one in problems),
        )


def read_openai_line(line: bytes) -> BatchLine:
    """A line of an output or an error file."""
    if (usual := _USUAL.read(line)) is not None:
        return usual
    found = line_object(line, "custom_id")
    return found if isinstance(found, BrokenRow) else read_openai_row(*found)


def read_openai_row(row: str, found: Mapping[str, JSON]) -> BatchLine:
    """One row's answer, or the reason why it has none."""
    response, error = found.get("response"), found.get("error")
    if isinstance(response, dict) and "body" in response:
        status = count(response.get("status_code"))
        body = response["body"]
        request = text(response.get("request_id"))
        return AnsweredRow(row=row, reply=row_reply(status or 200, body, request))
    if not isinstance(error, dict):
        return BrokenRow(row=row, cause="no_answer")
    code = text(error.get("code")) or text(error.get("type"))
    if _UNBOUGHT.fullmatch(code):
        return UnboughtRow(row=row, word=code)
    number = count(error.get("code"))
    status = number if number is not None and 400 <= number < 600 else 500
    return AnsweredRow(row=row, reply=row_reply(status, {"error": error}))


def _errors(found: Mapping[str, JSON]) -> list[JSON]:
    errors = found.get("errors")
    return items(errors.get("data")) if isinstance(errors, dict) else items(errors)


def _problem(found: Mapping[str, JSON]) -> BatchProblem:
    return BatchProblem(
        code=text(found.get("code")),
        message=text(found.get("message"))[:500],
        line=count(found.get("line")),
    )


def _is_full(problem: BatchProblem) -> bool:
    return bool(_FULL_QUEUE.search(f"{problem.code} {problem.message}"))
