"""Reads the answers of a task dialect: the id of a submit, and the state of a task."""

from collections.abc import Mapping
from urllib.parse import quote

from jobs.job import JSON, Failure, FailureClass
from jobs.result import Picture, Result
from runner.endpoints.dialects.pictures import distinct, picture_of
from runner.endpoints.dialects.tasks.failures import cancelled_task, failed_task, unknown_task
from runner.endpoints.dialects.tasks.places import (
    first_number,
    first_text,
    first_value,
    texts_at,
    values_at,
)
from runner.endpoints.dialects.usage import read_usage
from runner.endpoints.endpoint import Pending, Reading, Rejected, Ticket
from runner.protocol.call import Reply
from runner.protocol.errors import one_line
from runner.protocol.json_text import Undecodable, decode
from runner.protocol.task_dialect import AnswerWords, SubmitWords, TaskDialect

MAX_PROGRESS_CHARACTERS = 40
MAX_KEPT_BYTES = 100_000  # of one member that results keep


def read_submit(dialect: TaskDialect, reply: Reply) -> Ticket | Rejected:
    """The ticket of a submit. An accepted submit without an id is billed but cannot be asked for.

    An id that comes with a code that is no refusal counts as accepted: it must not be lost.
    """
    answer = decode(reply.text)
    if isinstance(answer, Undecodable):
        return _without_id(answer.text)
    if failure := _refusal(dialect.submit, answer):
        return Rejected(failure=failure)
    number = first_text(answer, dialect.submit.id)
    return Ticket(id=number) if number else _without_id(said(answer))


def known_refusal(dialect: TaskDialect, reply: Reply) -> Failure | None:
    """The failure of a submit that the vendor refused by a code of its own: nothing was begun."""
    answer = decode(reply.text)
    return None if isinstance(answer, Undecodable) else _refusal(dialect.submit, answer)


def read_task(dialect: TaskDialect, number: str, reply: Reply, *, file: str = "") -> Reading:
    """The state of a task by its own word for it; everything else in the answer is only told.

    `file` is the id of a file whose link this answer tells, once the task itself is done.
    """
    answer = decode(reply.text)
    if isinstance(answer, Undecodable):
        return Rejected(failure=unknown_task(answer.text))
    if file:
        return _linked(dialect.answer, answer)
    status = _state(answer, dialect.answer)
    known = bool(status) or any(values_at(answer, path) for path in dialect.answer.status)
    if not known or status.lower() in dialect.answer.gone:
        return Rejected(failure=unknown_task(said(answer) or status or str(answer)))
    if status.lower() in dialect.answer.done:
        return _finished(dialect, number, answer, status)
    return _unfinished(dialect.answer, answer, status)


def _unfinished(words: AnswerWords, answer: JSON, status: str) -> Pending | Rejected:
    """A failed task, or one that goes on, as any word does that is not known."""
    word = status.lower()
    if word in words.cancelled:
        return Rejected(failure=cancelled_task(_reason(words, answer)))
    if word in words.failed:
        return _failed(words, answer, status)
    progress = first_text(answer, words.progress) or status
    return Pending(progress=progress[:MAX_PROGRESS_CHARACTERS])


def said(answer: JSON) -> str:
    """What an answer says in words, under the names that providers use."""
    names = ("description", "message", "msg", "error.message", "base_resp.status_msg")
    return one_line(first_text(answer, names))


def _state(answer: JSON, words: AnswerWords) -> str:
    """The task's own word for its state; yes and no count as words."""
    for path in words.status:
        for value in values_at(answer, path):
            if isinstance(value, bool):
                return "true" if value else "false"
            if isinstance(value, str | int) and (text := str(value).strip()):
                return text
    return ""


def _refusal(submit: SubmitWords, answer: JSON) -> Failure | None:
    code = first_text(answer, submit.code).lower()
    kind = submit.refused.get(code)
    return None if kind is None else failed_task(said(answer) or code, kind=kind)


def _without_id(text: str) -> Rejected:
    kind, cause = FailureClass.NO_RESULT, "answer_lost_upstream"
    detail = one_line(text) or "an empty answer"
    failure = Failure(kind=kind, cause=cause, detail=f"no task id in the answer: {detail}")
    return Rejected(failure=failure)


def _reason(words: AnswerWords, answer: JSON) -> str:
    """Why a task failed; a link is no reason."""
    for path in words.failure:
        text = first_text(answer, (path,))
        if text and picture_of(text) is None:
            return one_line(text)
    return said(answer)


def _failed(words: AnswerWords, answer: JSON, status: str) -> Rejected:
    kind = words.codes.get(first_text(answer, words.code).lower(), "")
    failure = failed_task(_reason(words, answer) or status, kind=kind)
    return Rejected(failure=failure, refunded=status.lower() in words.refunded)


def _finished(dialect: TaskDialect, number: str, answer: JSON, status: str) -> Reading:
    words = dialect.answer
    files = _files(words, answer)
    if not files and words.then and (file := first_text(answer, words.then)):
        return Ticket(id=f"{number}|{file}")
    by_code = first_text(answer, words.code).lower() in words.codes
    if not files and (by_code or first_value(answer, words.spoilt) is not None):
        return _failed(words, answer, status)
    if not files and words.content:
        files = (Picture(url=words.content.replace("{id}", quote(number, safe=""))),)
    text = "\n".join(texts_at(answer, words.text)) or None
    if not files and (words.links or not text):
        return Rejected(failure=_no_address("the task succeeded, but its answer names no file"))
    return Result(
        text=text,
        finish=status[:MAX_PROGRESS_CHARACTERS],
        pictures=files,
        usage=read_usage(first_value(answer, words.usage)),
        data=_told(words, answer, number),
        quota=first_number(answer, words.quota) or None,
    )


def _linked(words: AnswerWords, answer: JSON) -> Reading:
    files = _files(words, answer)
    if not files:
        return Rejected(failure=_no_address(said(answer) or "the answer names no file"))
    return Result(pictures=files, finish="linked")


def _files(words: AnswerWords, answer: JSON) -> tuple[Picture, ...]:
    """The files at the first place that has any, then their covers."""
    found: list[Picture] = []
    for path in words.links:
        targets = (one for one in values_at(answer, path) if isinstance(one, str))
        found = [picture for one in targets if (picture := _file(one))]
        if found:
            break
    if not found:
        coded = texts_at(answer, words.base64)
        found = [Picture(base64=one) for one in coded]
    if found:
        covers = [picture for one in texts_at(answer, words.covers) if (picture := _file(one))]
        found += covers
    return distinct(found)


def _file(target: str) -> Picture | None:
    """A link, a data URI of any kind, or a path on the provider's own host."""
    target = target.strip()
    if target[:5].lower() == "data:":
        head, _, payload = target.partition(",")
        return Picture(base64=payload) if payload and head.lower().endswith("base64") else None
    if target.startswith("/") and not target.startswith("//") and len(target) < 4_000:
        return Picture(url=target)
    found = picture_of(target)
    return found if found is not None and found.url else None


def _no_address(detail: str) -> Failure:
    return Failure(kind=FailureClass.FILE, cause="no_address", detail=one_line(detail))


def _told(words: AnswerWords, answer: JSON, number: str) -> dict[str, JSON]:
    """What results tell of the task: its id, how long and how large the film is, what is kept."""
    data: dict[str, JSON] = {"task": number}
    if (seconds := first_number(answer, words.seconds)) is not None:
        data["film_seconds"] = int(seconds) if seconds.is_integer() else seconds
    for name, paths in (("size", words.size), ("ratio", words.ratio)):
        if text := first_text(answer, paths):
            data[name] = text
    for name, paths in words.kept.items():
        value = _kept(answer, paths)
        if value is not None and len(str(value)) <= MAX_KEPT_BYTES:
            data[name] = value
    return data


def _kept(answer: JSON, paths: tuple[str, ...]) -> JSON:
    """One value, or the list of all where the place goes through a list."""
    for path in paths:
        found = [one for one in values_at(answer, path) if one not in (None, "", [], {})]
        if found and "[]" in path:
            return list[JSON](found)
        if found:
            return found[0]
    return None


def differing(asked: Mapping[str, JSON], made: Mapping[str, JSON]) -> dict[str, JSON]:
    """What was made otherwise than asked for, by field."""
    found: dict[str, JSON] = {}
    for name, told in (("seconds", "film_seconds"), ("size", "size"), ("aspect_ratio", "ratio")):
        wanted, got = asked.get(name), made.get(told)
        if wanted is None or got is None or _alike(wanted, got):
            continue
        found[name] = {"asked": wanted, "made": got}
    return found


def _alike(wanted: JSON, got: JSON) -> bool:
    """True for the same text, and for lengths within half a second."""
    if isinstance(wanted, int | float) and isinstance(got, int | float):
        return abs(wanted - got) < 0.5
    spelled = str.maketrans("×*X", "xxx")
    return str(wanted).translate(spelled).lower() == str(got).translate(spelled).lower()
