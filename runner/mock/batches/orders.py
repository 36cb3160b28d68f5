"""Reads the orders of provider batches, as strictly as the services that take them."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.mock.batch_script import BatchScript, Fate
from runner.mock.batches.sold import BatchFiles, Ordered, SoldBatch
from runner.mock.endpoints.chat_replies import packed

_TOKEN_BYTES = 4  # of a prompt, as one reckons


class Orders:
    """Makes batches of the bodies of creations. All raise ValueError and the like for a wrong one.

    What a service finds only when it validates a batch is among its problems.
    """

    def __init__(self, plan: BatchScript, files: BatchFiles) -> None:
        self._plan, self._files = plan, files

    def read(
        self, form: str, model: str, body: dict[str, Any], before: Sequence[SoldBatch]
    ) -> SoldBatch:
        """A batch as it was ordered; `before` are the earlier ones."""
        number = len(before)
        form = "openrouter" if form == "openai" and "requests" in body else form
        stem = hashlib.sha256(f"{form}{number}".encode()).hexdigest()[:12]
        fate = self._plan.fate(number)
        batch = SoldBatch(id=stem, form=form, number=number, model=model, url="", fate=fate)
        match form:
            case "anthropic":
                _of_anthropic(batch, body)
            case "openrouter":
                _of_openrouter(batch, body)
            case "gemini":
                self._of_gemini(batch, body["batch"])
            case _:
                self._of_openai(batch, body)
        batch.tokens = sum(len(one.body) for one in batch.rows) // _TOKEN_BYTES
        self._check(batch, before)
        return batch

    def _of_openai(self, batch: SoldBatch, body: dict[str, Any]) -> None:
        if body["completion_window"] != "24h":
            raise ValueError("completion_window must be 24h")
        batch.id, batch.url, batch.input_file = (
            f"batch_{batch.id}",
            body["endpoint"],
            body["input_file_id"],
        )
        batch.label = {str(key): str(one) for key, one in (body.get("metadata") or {}).items()}
        rows = list[Ordered]()
        for at, line in enumerate(self._input(batch).read_bytes().splitlines(), start=1):
            try:
                rows.append(_line(batch, json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                message = f"{type(error).__name__}: {error}"
                batch.problems.append({"code": "invalid_line", "message": message, "line": at})
        batch.rows = rows

    def _of_gemini(self, batch: SoldBatch, body: dict[str, Any]) -> None:
        batch.id = f"batches/{batch.id}"
        batch.url = f"/v1beta/models/{batch.model}:generateContent"
        batch.input_file = body["inputConfig"]["fileName"]
        batch.label = {"displayName": str(body["displayName"])}
        lines = self._input(batch).read_bytes().splitlines()
        batch.rows = [_row(json.loads(one), "key", batch.url, "request") for one in lines]

    def _input(self, batch: SoldBatch) -> Path:
        path = self._files.find(batch.input_file)
        if path is None:
            raise ValueError(f"no such file: {batch.input_file}")
        return path

    def _check(self, batch: SoldBatch, before: Sequence[SoldBatch]) -> None:
        """Note what a provider finds when it validates a batch."""
        plan = self._plan
        size = sum(len(one.body) for one in batch.rows)
        waiting = [one.tokens for one in before if not one.has_ended and one.model == batch.model]
        if len(batch.rows) > plan.max_rows or size > plan.max_bytes:
            message = f"The batch has {len(batch.rows)} rows and {size} bytes: too many."
            batch.problems.append({"code": "batch_too_large", "message": message, "line": None})
        if len(set(batch.row_ids)) < len(batch.rows) or not batch.rows:
            message = "An id comes twice, or there are no lines."
            batch.problems.append({"code": "invalid_ids", "message": message, "line": None})
        if plan.queued_tokens and sum(waiting) + batch.tokens > plan.queued_tokens:
            batch.fate = Fate.QUEUE_FULL


def _of_anthropic(batch: SoldBatch, body: dict[str, Any]) -> None:
    batch.id = f"msgbatch_{batch.id}"
    batch.rows = [_row(one, "custom_id", "/v1/messages", "params") for one in body["requests"]]


def _of_openrouter(batch: SoldBatch, body: dict[str, Any]) -> None:
    if list(body)[-1] != "requests":
        raise ValueError("requests must come last")
    batch.id, batch.model, batch.url = f"orb_{batch.id}", body["model"], body["endpoint"]
    rows = [_row(one, "custom_id", batch.url, "body") for one in body["requests"]]
    batch.rows = [_with_model(one, batch.model) for one in rows]


def _line(batch: SoldBatch, one: dict[str, Any]) -> Ordered:
    if one["method"] != "POST" or one["url"] != batch.url:
        raise ValueError("the url is not the endpoint of the batch")
    row = _row(one, "custom_id", _own_path(batch.url), "body")
    models = {batch.model, one["body"]["model"]} - {""}
    if len(models) > 1:
        raise ValueError("all lines must name one model")
    batch.model = models.pop()
    return row


def _own_path(url: str) -> str:
    """The mock's own path for an address in a line: services shorten or lengthen "/v1"."""
    return "/v1/" + re.sub(r"^/(?:v\d+/)?", "", url)


def _row(one: dict[str, Any], key: str, path: str, body: str) -> Ordered:
    row = one[key]
    if not isinstance(row, str) or not 6 <= len(row) <= 64:
        raise ValueError(f"{key} must have 6 to 64 characters")
    if not isinstance(one[body], dict) or one[body].get("stream"):
        raise ValueError("nothing is streamed in a batch")
    return Ordered(row=row, path=path, body=packed(one[body]))


def _with_model(one: Ordered, model: str) -> Ordered:
    body = packed({**json.loads(one.body), "model": model})
    return Ordered(row=one.row, path=one.path, body=body)
