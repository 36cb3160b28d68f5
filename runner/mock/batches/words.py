"""How each provider words a batch and a line of its results."""

import json
from datetime import UTC, datetime

from jobs.job import JSON
from runner.mock.batch_script import Fate
from runner.mock.batches.sold import SoldBatch, Worked

_FINAL = ("completed", "failed", "expired", "cancelled")
_ERROR_TYPES = {400: "invalid_request_error", 429: "rate_limit_error"}
DAY_SECONDS = 86_400


def described(batch: SoldBatch, base_url: str) -> dict[str, JSON]:
    """The batch as its provider describes it."""
    match batch.form:
        case "openai":
            return _openai(batch)
        case "anthropic":
            return _anthropic(batch, base_url)
        case "gemini":
            return _gemini(batch)
        case _:
            return _openrouter(batch)


def line(form: str, worked: Worked) -> bytes:
    """The line of a row that was worked on."""
    body: JSON = json.loads(worked.body)
    good = worked.status < 300
    match form:
        case "anthropic":
            result: JSON = {"type": "succeeded", "message": body}
            return _packed(
                {
                    "custom_id": worked.row,
                    "result": result if good else _errored(worked.status, body),
                }
            )
        case "gemini":
            error = body.get("error") if isinstance(body, dict) else None
            told: dict[str, JSON] = {"response": body} if good else {"error": error}
            return _packed({"key": worked.row, **told})
        case _:
            response: JSON = {"status_code": worked.status, "request_id": "req_1", "body": body}
            return _packed(
                {
                    "id": f"batch_req_{worked.row}",
                    "custom_id": worked.row,
                    "response": response,
                    "error": None,
                }
            )


def unworked_line(form: str, row: str, fate: str) -> bytes | None:
    """The line of a row that was not worked on; None where there is none."""
    match form:
        case "anthropic":
            kind = "canceled" if fate == "cancelled" else "expired"
            return _packed({"custom_id": row, "result": {"type": kind}})
        case "gemini":
            return None
        case _:
            error: JSON = {"code": f"batch_{fate}", "message": f"This batch has {fate}."}
            return _packed({"custom_id": row, "response": None, "error": error})


def _errored(status: int, body: JSON) -> JSON:
    """An error in Anthropic's words."""
    error = body.get("error") if isinstance(body, dict) else None
    message = error.get("message") if isinstance(error, dict) else ""
    kind = _ERROR_TYPES.get(status, "api_error")
    told: JSON = {"type": "error", "error": {"type": kind, "message": message}}
    return {"type": "errored", "error": told}


def _openai(batch: SoldBatch) -> dict[str, JSON]:
    good, bad = batch.counts()
    state = {"working": "in_progress"}.get(batch.state, batch.state)
    outputs = [*batch.result_files, "", ""]
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.url,
        "errors": {"object": "list", "data": list(batch.problems)} if batch.problems else None,
        "input_file_id": batch.input_file,
        "completion_window": "24h",
        "status": "cancelling" if batch.is_cancelling and not batch.has_ended else state,
        "output_file_id": outputs[0] or None,
        "error_file_id": outputs[1] or None,
        "created_at": int(batch.created),
        "expires_at": int(batch.created) + DAY_SECONDS,
        f"{batch.state}_at": int(batch.ended or batch.created),
        "request_counts": {"total": batch.total, "completed": good, "failed": bad},
        "metadata": dict(batch.label) or None,
    }


def _anthropic(batch: SoldBatch, base_url: str) -> dict[str, JSON]:
    good, bad = batch.counts() if batch.has_ended else (0, 0)
    left = batch.total - good - bad
    counts = dict.fromkeys(("processing", "canceled", "expired"), 0)
    if not batch.has_ended:
        counts["processing"] = left
    else:
        counts["canceled" if batch.state == "cancelled" else "expired"] = left
    going = "canceling" if batch.is_cancelling else "in_progress"
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": "ended" if batch.has_ended else going,
        "request_counts": {**counts, "succeeded": good, "errored": bad},
        "created_at": _time(batch.created),
        "expires_at": _time(batch.created + DAY_SECONDS),
        "ended_at": _time(batch.ended) if batch.ended else None,
        "archived_at": None,
        "cancel_initiated_at": _time(batch.created) if batch.is_cancelling else None,
        "results_url": f"{base_url}/v1/messages/batches/{batch.id}/results"
        if batch.has_ended
        else None,
    }


def _gemini(batch: SoldBatch) -> dict[str, JSON]:
    good, bad = batch.counts()
    words = {one: one.upper() for one in _FINAL}
    words |= {"validating": "PENDING", "completed": "SUCCEEDED"}
    output: dict[str, JSON] = {}
    if batch.result_files:
        output["responsesFile"] = batch.result_files[0]
    found: dict[str, JSON] = {
        "name": batch.id,
        "metadata": {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
            "model": f"models/{batch.model}",
            "displayName": batch.label.get("displayName", ""),
            "inputConfig": {"fileName": batch.input_file},
            "createTime": _time(batch.created),
            "batchStats": {
                "requestCount": str(batch.total),
                "successfulRequestCount": str(good),
                "failedRequestCount": str(bad),
            },
            "state": f"BATCH_STATE_{words.get(batch.state, 'RUNNING')}",
            "name": batch.id,
            **({"output": output} if output else {}),
        },
    }
    if batch.problems:
        told: JSON = {"code": 3, "message": _told(batch)}
        return {**found, "done": True, "error": told}
    return {**found, "done": True, "response": output} if batch.has_ended else found


def _openrouter(batch: SoldBatch) -> dict[str, JSON]:
    good, bad = batch.counts()
    state = {"working": "in_progress"}.get(batch.state, batch.state)
    problem: JSON = {"message": _told(batch)} if batch.problems else None
    return {
        "id": batch.id,
        "object": "batch",
        "model": batch.model,
        "endpoint": batch.url,
        "provider": "Mock",
        "completion_window": "24h",
        "status": state,
        "request_counts": {"total": batch.total, "completed": good, "failed": bad},
        "created_at": int(batch.created),
        "expires_at": int(batch.created) + DAY_SECONDS,
        "finalized_at": int(batch.ended) if batch.ended else None,
        "error": problem,
        "results": None,
        "usage": None,
    }


def _told(batch: SoldBatch) -> str:
    first = batch.problems[0]
    return str(first.get("message")) if isinstance(first, dict) else ""


def failure(fate: Fate) -> dict[str, JSON]:
    """Why a batch was refused when it was validated."""
    if fate is Fate.QUEUE_FULL:
        message = "Enqueued token limit reached for this model. Please try again later."
        return {"code": "token_limit_exceeded", "message": message, "param": None, "line": None}
    return {"code": "invalid_request", "message": "The batch was refused.", "line": None}


def _packed(value: JSON) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
