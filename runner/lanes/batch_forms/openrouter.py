"""OpenRouter's batches: requests of one model in the creation, results in pages."""

from collections.abc import Mapping

from jobs.job import JSON, Failure
from runner.lanes.batch_forms.form import (
    ASK_SECONDS,
    CONTENT_SECONDS,
    UPLOAD_SECONDS,
    answer,
    body_of,
    count,
    file_call,
    identifier,
    items,
    members,
    moment,
    packed,
    read_data,
    read_one,
    segment,
    text,
    unreadable,
)
from runner.lanes.batch_forms.openai import STATES, read_openai_line
from runner.lanes.batch_wire import (
    BatchLine,
    BatchOffer,
    BatchOrder,
    BatchProblem,
    Listing,
    PackedLines,
    RemoteBatch,
    RemoteState,
    ResultPage,
    Unpackable,
)
from runner.protocol.call import Call, Reply

_PAGE_ROWS = 500


class OpenRouterForm:
    """The members before the list of requests must come first, since the body is read as a stream.

    There is no place for a digest, and no way to cancel. A page of results is named by the batch,
    then the page's cursor after a question mark.
    """

    separator = b",\n"
    finds_by_digest = False
    can_cancel = False
    has_pages = True

    def __init__(self, offer: BatchOffer) -> None:
        self.offer = offer

    def line(self, row: str, call: Call, model: str) -> bytes | Unpackable:
        """The call as one item of the list of requests; its model is the batch's."""
        if call.path not in self.offer.urls:
            return Unpackable.ENDPOINT
        body = body_of(call, model)
        if body is None:
            return Unpackable.FORM
        body.pop("model", None)
        return packed({"custom_id": row, "body": body})

    def upload(self, lines: PackedLines) -> Call | None:  # noqa: ARG002 - nothing is uploaded
        """None: the lines travel in the creation."""
        return None

    def read_upload(self, reply: Reply) -> str | Failure:
        """There is no upload that this could be the answer to."""
        return unreadable(reply)

    def create(self, order: BatchOrder) -> Call:
        """The creation, with all lines."""
        about = {"endpoint": order.url, "model": order.model, "completion_window": "24h"}
        head = packed({**about, **self.offer.create})[:-1] + b',"requests":['
        call = self._call("/v1/batches", method="POST", timeout=UPLOAD_SECONDS)
        return file_call(call, order.lines, head=head, tail=b"]}", media="application/json")

    def ask(self, batch: str) -> Call:
        """The batch itself."""
        return self._call(f"/v1/batches/{segment(batch)}")

    def cancel(self, batch: str) -> Call:
        """Never sent: nothing of the kind is offered."""
        return self._call(f"/v1/batches/{segment(batch)}/cancel", method="POST")

    def read_batch(self, reply: Reply) -> RemoteBatch | Failure:
        """The batch in an answer."""
        return read_one(reply, _batch)

    def listing(self, cursor: str = "") -> Call:
        """The workspace's batches, newest first."""
        after = f"&after={segment(cursor)}" if cursor else ""
        return self._call(f"/v1/batches?limit=100{after}")

    def read_listing(self, reply: Reply) -> Listing | Failure:
        """One page of them."""
        return read_data(reply, _batch)

    def content(self, file: str) -> Call:
        """One page of the results."""
        batch, _, cursor = file.partition("?")
        after = f"&cursor={segment(cursor)}" if cursor else ""
        path = f"/v1/batches/{segment(batch)}/results?limit={_PAGE_ROWS}{after}"
        return self._call(path, timeout=CONTENT_SECONDS)

    def read_page(self, reply: Reply) -> ResultPage | Failure:
        """The lines of one page."""
        found = answer(reply)
        if isinstance(found, Failure):
            return found
        if not isinstance(found.get("data"), list):
            return unreadable(reply)
        lines = tuple(packed(one) for one in items(found["data"]))
        more = text(found.get("next_cursor")) if found.get("has_more") is not False else ""
        return ResultPage(lines=lines, cursor=more)

    def read_line(self, line: bytes) -> BatchLine:
        """One result."""
        return read_openai_line(line)

    def remove(self, file: str) -> Call | None:
        """Deletes the batch with its requests and results."""
        return self._call(f"/v1/batches/{segment(file.partition('?')[0])}", method="DELETE")

    def _call(self, path: str, *, method: str = "GET", timeout: float = ASK_SECONDS) -> Call:
        return Call(path=path, method=method, timeout=timeout, base_url=self.offer.base_url)


def _batch(found: Mapping[str, JSON]) -> RemoteBatch | None:
    name, word = identifier(found.get("id")), text(found.get("status"))
    if not name or not word:
        return None
    state = STATES.get(word.lower(), RemoteState.WORKING)
    counts = members(found.get("request_counts"))
    error = members(found.get("error"))
    problem = BatchProblem(code="", message=text(error.get("message"))[:500])
    return RemoteBatch(
        id=name,
        state=state,
        word=word,
        total=count(counts.get("total")),
        completed=count(counts.get("completed")),
        failed=count(counts.get("failed")),
        created=moment(found.get("created_at")),
        due=moment(found.get("expires_at")),
        result_files=(name,) if state.is_final else (),
        problems=(problem,) if error else (),
        is_cancelling=word.lower() == "cancelling",
    )
