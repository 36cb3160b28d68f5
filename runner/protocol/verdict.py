"""Decides what a complete reply means: by its error code, else its message, else its status."""

import re
from dataclasses import dataclass

from jobs.job import JSON, Failure
from jobs.job import FailureClass as F
from runner.protocol.call import Reply
from runner.protocol.errors import ProviderError, error_in, error_of, is_error
from runner.protocol.json_text import Undecodable, decode
from runner.protocol.refusals import (
    ABOVE_LIMIT,
    BAD_REQUEST,
    CODES,
    IN_DOUBT,
    LOST_STATUSES,
    MIDJOURNEY_CODES,
    MINIMAX_CODES,
    NO_CHANNEL,
    NO_CREDIT,
    NO_MODEL,
    OVERLOADED,
    RATE_LIMITED,
    SERVER_ERROR,
    SPENT_ACCOUNT_CODES,
    STATUS_BY_TYPE,
    STATUSES,
    WRONG_ADDRESS,
    Action,
    Classification,
    phrases,
)
from runner.protocol.sse import looks_like_events, payloads, text_outside_events


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision. `by_time`: a time limit between us and the provider ended the call (504, 524).

    `retry_after`: seconds to wait, if the body names them.
    """

    action: Action
    failure: Failure | None = None
    by_time: bool = False
    retry_after: float | None = None


READ = Verdict(action=Action.READ)


def classify(reply: Reply) -> Verdict:
    """The decision on a complete reply. Never raises."""
    if 200 <= reply.status < 300:
        return _classify_success(reply)
    error = error_of(reply)
    retry = reply.headers.get("x-should-retry", "").strip().lower()
    return _verdict(_classification(error, reply.status, retry), error, reply.status)


def classify_error(value: JSON, *, status: int = 200) -> Verdict:
    """The decision on an error object alone, such as one in the middle of a stream."""
    error = error_in(value)
    return _verdict(_classification(error, status, ""), error, status)


def _verdict(found: Classification, error: ProviderError, status: int) -> Verdict:
    meant = status if status >= 300 else error.number
    return Verdict(
        action=found.action,
        failure=Failure(kind=found.kind, cause=found.cause, detail=error.message, status=status),
        by_time=found.action is Action.DOUBT
        and (
            meant in (504, 524) or (meant == 408 and bool(_TIMED_OUT_PHRASE.search(error.message)))
        ),
        retry_after=error.retry_after,
    )


# --- 2xx --------------------------------------------------------------------------------------

_TIMED_OUT_PHRASE = re.compile(r"\btime(?:d )?-?out", re.IGNORECASE)
_ERROR_MEMBER = re.compile(rb'"(?:errors?|Error|success|code|base_resp|error_code|header)"')


def _classify_success(reply: Reply) -> Verdict:
    """The decision on a 2xx reply, which may be an error: New API passes on upstream errors with
    the upstream's status.
    """
    text = reply.text
    if looks_like_events(text):
        found = _first_payload(text)
    elif text[:1] == b"{" and not _ERROR_MEMBER.search(text):
        return READ  # it cannot be an error: skip the parsing
    else:
        found = decode(text)
    if isinstance(found, Undecodable):
        return _unreadable(found, reply)
    if not is_error(found):
        return READ
    error = error_in(found, from_gateway="x-oneapi-request-id" in reply.headers)
    return _verdict(_classification(error, reply.status, ""), error, reply.status)


def _first_payload(body: bytes) -> JSON | Undecodable:
    for _, value in payloads(body):
        return None if isinstance(value, Undecodable) else value
    text = text_outside_events(body)
    # without text there were only pings: a cut stream, which the endpoint reports
    return decode(text) if text else None


def _unreadable(found: Undecodable, reply: Reply) -> Verdict:
    if found.reason not in ("html", "empty"):
        return Verdict(action=Action.READ)  # the endpoint reports what it expected
    cause = "html" if found.reason == "html" else "empty_answer"
    error = error_of(reply)
    return _verdict(Classification(Action.UNUSABLE, F.NO_RESULT, cause), error, reply.status)


# --- the order of evidence ----------------------------------------------------------------------


def _classification(error: ProviderError, status: int, should_retry: str) -> Classification:
    if status in LIMIT_STATUSES and asks_above_limit(error.message):
        return ABOVE_LIMIT
    known = _by_code(error, status) or _by_words(error, status)
    if known:
        return known
    plain = _by_status(error, _meant_status(error, status))
    if should_retry == "false" and plain.action is Action.RETRY:
        return plain._replace(action=Action.FAIL)
    if should_retry == "true" and plain.action is Action.FAIL:
        return plain._replace(action=Action.RETRY)
    return plain


def _meant_status(error: ProviderError, status: int) -> int:
    """The HTTP status; for a 2xx reply, the status that the error object implies, or 0."""
    if status >= 300:
        return status
    if error.number is not None and 400 <= error.number < 600:
        return error.number
    return STATUS_BY_TYPE.get(error.type, 0)


LIMIT_STATUSES = frozenset({0, 200, 400, 403, 413, 422, 429})
_LIMIT_AND_REQUESTED = re.compile(
    r"\blimit\D{1,12}([\d,]{1,15}).{0,60}?\brequested\D{1,12}([\d,]{1,15})", re.IGNORECASE
)
_REQUESTED_AND_LIMIT = re.compile(
    r"\brequested\D{1,12}([\d,]{1,15}).{0,60}?\blimit\D{1,12}([\d,]{1,15})", re.IGNORECASE
)


def asks_above_limit(message: str) -> bool:
    """True if one request alone is larger than a limit of tokens: no waiting helps it.

    Protocol fact: OpenAI and others answer so as if it were a limit that passes.
    """
    if "token" not in message.lower() and "TPM" not in message:
        return False
    if found := _LIMIT_AND_REQUESTED.search(message):
        limit, requested = found.groups()
    elif found := _REQUESTED_AND_LIMIT.search(message):
        requested, limit = found.groups()
    else:
        return False
    return _count(requested) > _count(limit) > 0


def _count(digits: str) -> int:
    return int(digits.replace(",", "") or 0)


_QUOTA_PHRASE = re.compile(r"quota|rate.?limit|resource.?exhausted", re.IGNORECASE)


def _by_code(error: ProviderError, status: int) -> Classification | None:
    if error.is_midjourney and error.number is not None:
        return _midjourney(error)
    if error.type == "base_resp":
        return MINIMAX_CODES.get(error.code)
    return RATE_LIMITED if _is_short_limit(error, status) else _by_known_code(error, status)


def _is_short_limit(error: ProviderError, status: int) -> bool:
    """True if a quota message names a wait.

    Protocol fact: Google words a per-minute limit like an exhausted quota.
    """
    names_quota = error.retry_after is not None and bool(_QUOTA_PHRASE.search(error.message))
    return names_quota and status in (200, 403, 429)


def _by_known_code(error: ProviderError, status: int) -> Classification | None:
    for code in (error.code, error.type):
        if code in SPENT_ACCOUNT_CODES or "exceeded your current quota" in error.message:
            return _quota_spent(error, status)
        if code == "model_not_found":  # New API sends 503 for misspelt names too
            return NO_CHANNEL if status == 503 else NO_MODEL
        if code in CODES:
            return CODES[code]
    return None


def _quota_spent(error: ProviderError, status: int) -> Classification:
    if error.from_gateway and status not in (402, 403):
        return Classification(Action.WAIT, F.LIMIT, "upstream_quota")
    return NO_CREDIT


def _midjourney(error: ProviderError) -> Classification | None:
    """The meaning of a Midjourney code. Published tables differ, so the message counts too."""
    if "quota_not_enough" in error.message:
        return NO_CREDIT
    busy = re.search(r"队列|稍后|无可用的账号", error.message)
    if error.number in (23, 30) or (error.number in (3, 9) and busy):
        return OVERLOADED
    return MIDJOURNEY_CODES.get(error.number or 0)


def _by_words(error: ProviderError, status: int) -> Classification | None:
    text = error.searchable_text
    for pattern, found in phrases():
        if found.action in _actions_by_words(status) and pattern.search(text):
            return found
    return None


def _actions_by_words(status: int) -> frozenset[Action]:
    """The actions for which a phrase overrules the status.

    A lost answer stays in doubt unless the phrase proves that nothing ran.
    """
    if 300 <= status < 400:
        return frozenset()
    if status == 401:
        return frozenset({Action.STOP_KEY, Action.STOP_CREDIT, Action.STOP_MODEL})
    if status in LOST_STATUSES:
        return frozenset({Action.STOP_KEY, Action.STOP_CREDIT, Action.STOP_MODEL, Action.FAIL})
    return frozenset(Action)


_INVALID_FIELD_PHRASE = re.compile(
    r"\b\d+ validation errors? for\b|\bliteral_error\b", re.IGNORECASE
)
_LOST_UPSTREAM_PHRASE = re.compile(
    r"connection error|server disconnected|peer closed|incomplete chunked read", re.IGNORECASE
)
"""How gateways such as LiteLLM report that the upstream's answer broke off."""


PAGES = {
    403: Classification(Action.WAIT, F.SERVER, "blocked_page"),
    413: Classification(Action.FAIL, F.BAD_INPUT, "too_large_page"),
}
"""Pages of a web firewall or a proxy, not the gateway's answers: they may meet every request."""


def _by_status(error: ProviderError, status: int) -> Classification:
    if 300 <= status < 400:
        return Classification(Action.STOP_MODEL, F.MODEL, "redirect")
    if error.is_html and status in PAGES:
        return PAGES[status]
    if status == 404:
        return _not_found(error)
    if status == 500:
        return _server_error(error)
    if status in LOST_STATUSES and status not in STATUSES:
        return Classification(Action.DOUBT, F.SERVER, "bad_gateway")
    return STATUSES.get(status) or (BAD_REQUEST if 400 <= status < 500 else SERVER_ERROR)


def _server_error(error: ProviderError) -> Classification:
    """The meaning of a 500: some servers also send it for a bad field or a lost answer."""
    if _INVALID_FIELD_PHRASE.search(error.message):
        return BAD_REQUEST
    return IN_DOUBT if _LOST_UPSTREAM_PHRASE.search(error.message) else SERVER_ERROR


_BARE_NOT_FOUND = re.compile(
    r"\W*(?:404\W+)?(?:resource )?not found\W*|.*\b(?:url|path|page|route)\b.*", re.IGNORECASE
)


def _not_found(error: ProviderError) -> Classification:
    """The meaning of a 404: a bare "Not Found" is about the URL; others name what is missing."""
    if error.is_html or not error.message or _BARE_NOT_FOUND.fullmatch(error.message):
        return WRONG_ADDRESS
    if re.search(r"model|模型", error.message, re.IGNORECASE):
        return NO_MODEL
    return Classification(Action.FAIL, F.BAD_INPUT, "not_found")
