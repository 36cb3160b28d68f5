"""What the words of a failed task mean for its row."""

import re

from jobs.job import Failure, FailureClass
from runner.protocol.errors import one_line

_BANNED_PHRASE = re.compile(
    r"banned|moderat|sensitive|content.?policy|violat|blocked|nsfw|\brisk"
    r"|敏感|违规|违反|违禁|审核|不合规",
    re.IGNORECASE,
)
_BAD_PARAMETER_PHRASE = re.compile(
    r"invalid.?(?:parameter|link|request|argument|image)|unrecognized parameter|not supported"
    r"|参数|不支持",
    re.IGNORECASE,
)
_CANCELLED_PHRASE = re.compile(r"取消|\bcancell?ed\b", re.IGNORECASE)
_CAUSES = {
    FailureClass.REFUSED: "moderation",
    FailureClass.BAD_INPUT: "bad_request",
    FailureClass.CREDIT: "insufficient_quota",
    FailureClass.LIMIT: "rate_limit",
}


def failed_task(reason: str, *, kind: str = "") -> Failure:
    """The failure of a task, by the class of its code if that is known, else by its words."""
    detail = one_line(reason)
    if kind:
        found = FailureClass(kind)
        return Failure(kind=found, cause=_CAUSES.get(found, "task_failed"), detail=detail)
    if _CANCELLED_PHRASE.search(detail):
        return cancelled_task(detail)
    if _BANNED_PHRASE.search(detail):
        return Failure(kind=FailureClass.REFUSED, cause="moderation", detail=detail)
    if _BAD_PARAMETER_PHRASE.search(detail):
        return Failure(kind=FailureClass.BAD_INPUT, cause="bad_request", detail=detail)
    return Failure(kind=FailureClass.SERVER, cause="task_failed", detail=detail)


def cancelled_task(reason: str) -> Failure:
    """A task that somebody ended."""
    detail = one_line(reason) or "the task was cancelled"
    return Failure(kind=FailureClass.SERVER, cause="task_cancelled", detail=detail)


def unknown_task(text: str) -> Failure:
    """The provider does not know the task. Not final: it may know it later."""
    detail = one_line(text) or "an empty answer"
    return Failure(kind=FailureClass.STUCK, cause="task_unknown", detail=detail)
