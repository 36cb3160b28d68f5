"""The protocol of Midjourney proxies: a submit, its ticket, and the record of a task."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar
from urllib.parse import quote

from jobs.job import JSON, Failure, FailureClass
from jobs.result import Picture, Result
from runner.endpoints.dialects.pictures import picture_of
from runner.endpoints.endpoint import Endpoint, Pending, Reading, Rejected, Ticket
from runner.protocol.call import Call, Reply
from runner.protocol.errors import one_line
from runner.protocol.json_text import Undecodable, decode
from runner.protocol.pictures import Attachment
from runner.protocol.quarters import QUARTERS, quarters_of
from runner.protocol.verdict import classify_error

I = TypeVar("I")  # noqa: E741 - the inputs of one endpoint

SUBMIT_TIMEOUT_SECONDS = 90.0
POLL_TIMEOUT_SECONDS = 60.0
REFUSAL_CODES = frozenset({"3", "4", "5", "9", "23", "24", "30"})
"""Codes of a refused submit. 1 (submitted), 21 (already exists) and 22 (queued) are billed.

An unknown code with an id counts as billed as well, since an id must not be lost.
"""
UNFINISHED_STATUSES = frozenset({"", "NOT_START", "SUBMITTED", "IN_PROGRESS", "MODAL"})
KEPT_RECORD_MEMBERS = ("buttons", "seed", "jobId", "finalPrompt")
"""Members of a finished record that are kept; an upscale needs the buttons."""
_BANNED_PHRASE = re.compile(
    r"banned|moderat|sensitive|content policy|violat|blocked|nsfw|敏感|违规|违反|违禁|审核",
    re.IGNORECASE,
)
_BAD_PARAMETER_PHRASE = re.compile(
    r"invalid (?:parameter|link|request)|unrecognized parameter|参数", re.IGNORECASE
)


def midjourney_endpoint(
    name: str,
    summary: str,
    *,
    inputs: type[I],
    build: Callable[[I], Call],
    example: Mapping[str, JSON],
    splits: Callable[[I], bool] = lambda _: False,
) -> Endpoint[I]:
    """A Midjourney endpoint: a submit that returns a ticket, whose task is then polled.

    `splits`: True if a row wants its grid as four pictures.
    """

    def read_poll(inputs: I, _: str, reply: Reply) -> Reading:
        reading = read_task(reply)
        return split_grid(reading) if splits(inputs) else reading

    return Endpoint(
        name=name,
        summary=summary,
        inputs=inputs,
        build=build,
        read=lambda _, reply: read_submit(reply),
        pictures=True,
        usual_seconds=(60.0, 600.0),
        hold_in_doubt=True,
        poll=lambda _, ticket: poll_call(ticket),
        read_poll=read_poll,
        example=example,
    )


def submit_call(path: str, body: Mapping[str, JSON], overrides: Mapping[str, JSON]) -> Call:
    """POST a submit on a new connection with the values that are not None.

    A submit is not idempotent: on a stale keep-alive connection it would be unknown whether it
    arrived.
    """
    sent = {name: value for name, value in body.items() if value is not None} | dict(overrides)
    return Call(path=path, json=sent, timeout=SUBMIT_TIMEOUT_SECONDS, fresh=True)


def data_uris(pictures: Sequence[Attachment]) -> list[JSON]:
    """Pictures as data URIs. Protocol fact: bare base64 is refused with "base64格式错误"."""
    coded = [base64.b64encode(one.data or b"").decode("ascii") for one in pictures]
    return [
        f"data:{one.media_type or 'image/png'};base64,{data}"
        for one, data in zip(pictures, coded, strict=True)
    ]


def read_submit(reply: Reply) -> Ticket | Rejected:
    """The ticket of a submit. Without an id, an accepted submit is billed but cannot be polled."""
    value = decode(reply.text)
    if isinstance(value, Undecodable):
        return _without_ticket(value.text)
    if not isinstance(value, dict):
        return _without_ticket(str(value))
    number = _ticket(value.get("result"))
    code = str(value.get("code", "")).strip()
    if code in REFUSAL_CODES and (failure := classify_error(value).failure):
        return Rejected(failure=failure)
    return Ticket(id=number) if number else _without_ticket(_message(value))


def _ticket(result: JSON) -> str:
    """The id as text with all its digits, or "". Protocol fact: wenwen sends a number."""
    if isinstance(result, float) and result.is_integer():
        result = int(result)
    if isinstance(result, bool | float) or not isinstance(result, str | int):
        return ""
    return str(result).strip() if result else ""


def _without_ticket(text: str) -> Rejected:
    kind, cause = FailureClass.NO_RESULT, "answer_lost_upstream"
    detail = one_line(text) or "an empty answer"
    failure = Failure(kind=kind, cause=cause, detail=f"no task id in the answer: {detail}")
    return Rejected(failure=failure)


def _message(record: Mapping[str, JSON]) -> str:
    return next((str(record[name]) for name in ("description", "message") if record.get(name)), "")


# --- polling a task ------------------------------------------------------------------------------


def poll_call(ticket: str) -> Call:
    """GET the record of a task."""
    path = f"/mj/task/{quote(ticket, safe='')}/fetch"
    return Call(path=path, method="GET", timeout=POLL_TIMEOUT_SECONDS)


def read_task(reply: Reply) -> Reading:
    """The state of a task, by the `status` of its record alone.

    Protocol fact: `imageUrl` may hold a blurred preview before SUCCESS, and `progress` is "100%"
    on FAILURE too.
    """
    record = decode(reply.text)
    if isinstance(record, Undecodable) or not isinstance(record, dict) or "status" not in record:
        return unknown_task(record.text if isinstance(record, Undecodable) else str(record))
    status = str(record["status"] or "").strip().upper()
    if status in UNFINISHED_STATUSES:
        return Pending(progress=str(record.get("progress") or "")[:40])
    if status == "SUCCESS":
        return _finished(record)
    if status == "FAILURE":  # protocol fact: the gateway refunds the charge, and only then
        failure = _failed(str(record.get("failReason") or _message(record)))
        return Rejected(failure=failure, refunded=True)
    if status in ("CANCEL", "CANCELLED", "CANCELED"):
        return Rejected(failure=_cancelled(str(record.get("failReason") or "")))
    return Pending(progress=status[:40])  # a status of a newer proxy: the deadline decides


def split_grid(reading: Reading) -> Reading:
    """The four pictures of a grid: those that the proxy sends, else quarters that are cut here."""
    if not isinstance(reading, Result) or len(reading.pictures) != 1:
        return reading
    singles = [picture_of(str(one)) for one in _listed(reading.data.get("image_urls"))]
    if len(singles) == len(QUARTERS) and all(singles):
        return replace(reading, pictures=tuple(one for one in singles if one is not None))
    (grid,) = reading.pictures
    if grid.url is None:
        return reading
    pieces = tuple(replace(grid, url=url) for url in quarters_of(grid.url))
    return replace(reading, pictures=pieces)


def _listed(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def unknown_task(text: str) -> Rejected:
    """The gateway does not know the task. Not final: it may know it later."""
    detail = one_line(text) or "an empty answer"
    return Rejected(failure=Failure(kind=FailureClass.STUCK, cause="task_unknown", detail=detail))


def _finished(record: Mapping[str, JSON]) -> Result | Rejected:
    told = _words(record)
    pictures = () if told else _films(record) or _pictures(record)
    if not pictures and not told:
        failure = Failure(
            kind=FailureClass.FILE,
            cause="no_address",
            detail="the task succeeded, but its record names no picture",
        )
        return Rejected(failure=failure)
    data: dict[str, JSON] = {name: record[name] for name in KEPT_RECORD_MEMBERS if record.get(name)}
    properties = record.get("properties")
    if isinstance(properties, dict) and properties.get("finalPrompt"):
        data["finalPrompt"] = properties["finalPrompt"]
    if singles := _singles(record):
        data["image_urls"] = list(singles)
    return Result(text=told or None, pictures=pictures, finish="SUCCESS", data=data)


def _words(record: Mapping[str, JSON]) -> str:
    """The prompts of a description, or what shortening came to; "" for tasks that draw."""
    if str(record.get("action") or "").upper() not in ("DESCRIBE", "SHORTEN"):
        return ""
    properties = record.get("properties")
    final = properties.get("finalPrompt") if isinstance(properties, dict) else None
    texts = (record.get("promptEn"), record.get("prompt"), final)
    return next((one.strip() for one in texts if isinstance(one, str) and one.strip()), "")


def _films(record: Mapping[str, JSON]) -> tuple[Picture, ...]:
    """The clips of a video task; its `imageUrl` is only a still."""
    listed = record.get("videoUrls")
    urls = (
        [one.get("url") if isinstance(one, dict) else one for one in listed or ()]
        if isinstance(listed, list)
        else []
    )
    found = [picture_of(one) for one in urls if isinstance(one, str)]
    return tuple(one for one in found if one is not None and one.url)


def _pictures(record: Mapping[str, JSON]) -> tuple[Picture, ...]:
    """The grid, or the four single pictures if the proxy sends only those."""
    address = record.get("imageUrl")
    if isinstance(address, str) and (grid := picture_of(address)):
        return (grid,)
    found = [picture_of(one) for one in _singles(record)]
    return tuple(one for one in found if one is not None)


def _singles(record: Mapping[str, JSON]) -> tuple[str, ...]:
    listed = record.get("imageUrls")
    if not isinstance(listed, list):
        return ()
    found = [one.get("url") if isinstance(one, dict) else one for one in listed]
    return tuple(one for one in found if isinstance(one, str) and one.startswith("http"))


def _failed(reason: str) -> Failure:
    detail = one_line(reason)
    failure = Failure(kind=FailureClass.SERVER, cause="task_failed", detail=detail)
    if "取消" in detail:
        return _cancelled(detail)
    if _BANNED_PHRASE.search(detail):
        return replace(failure, kind=FailureClass.REFUSED, cause="moderation")
    if _BAD_PARAMETER_PHRASE.search(detail):
        return replace(failure, kind=FailureClass.BAD_INPUT, cause="bad_request")
    return failure


def _cancelled(reason: str) -> Failure:
    detail = one_line(reason) or "the task was cancelled"
    return Failure(kind=FailureClass.SERVER, cause="task_cancelled", detail=detail)
