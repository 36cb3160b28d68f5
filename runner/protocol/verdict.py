"""Decides what a complete reply means: by the body's code, else its words, else its status."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from jobs.job import JSON, Failure
from jobs.job import FailureClass as F
from runner.protocol.call import Reply
from runner.protocol.errors import ProviderError, error_in, error_of, is_error
from runner.protocol.json_text import Undecodable, decode
from runner.protocol.sse import looks_like_events, payloads, text_outside_events


class Action(StrEnum):
    """What is to be done about a reply."""

    READ = "read"  # the endpoint reads it
    WAIT = "wait"  # refused for free: quiet the account, ask again
    RETRY = "retry"  # a fault that may pass; costs an attempt
    DOUBT = "doubt"  # it may have been carried out and billed
    UNUSABLE = "unusable"  # complete and worthless; at most one repeat
    FAIL = "fail"  # this row will never work as it is
    STOP_KEY = "stop_key"  # the key or account is refused; probe it before stopping the run
    STOP_CREDIT = "stop_credit"  # no money; three in a row stop the run
    STOP_MODEL = (
        "stop_model"  # this model (or form) is not to be had; `no_channel` asks for patience
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision; `by_time` where a time limit on the way cut the call (504, 524).

    `retry_after`: the seconds that the body itself asks to wait.
    """

    action: Action
    failure: Failure | None = None
    by_time: bool = False
    retry_after: float | None = None


class _Classification(NamedTuple):
    action: Action
    kind: F
    cause: str


def classify(reply: Reply) -> Verdict:
    """The decision on a complete reply. Never raises."""
    if 200 <= reply.status < 300:
        return _classify_success(reply)
    error = error_of(reply)
    retry = reply.headers.get("x-should-retry", "").strip().lower()
    return _verdict(_classification(error, reply.status, retry), error, reply.status)


def classify_error(value: JSON, *, status: int = 200) -> Verdict:
    """The decision on an error object by itself, such as one in the middle of a stream."""
    error = error_in(value)
    return _verdict(_classification(error, status, ""), error, status)


def _verdict(found: _Classification, error: ProviderError, status: int) -> Verdict:
    meant = status if status >= 300 else error.number
    return Verdict(
        action=found.action,
        failure=Failure(kind=found.kind, cause=found.cause, detail=error.message, status=status),
        by_time=found.action is Action.DOUBT
        and (meant in (504, 524) or (meant == 408 and bool(_TIMED_OUT.search(error.message)))),
        retry_after=error.retry_after,
    )


# --- 2xx --------------------------------------------------------------------------------------

_TIMED_OUT = re.compile(r"\btime(?:d )?-?out", re.IGNORECASE)
_SUSPECT = re.compile(rb'"(?:errors?|Error|success|code|base_resp|error_code|header)"')


def _classify_success(reply: Reply) -> Verdict:
    """An error under 2xx: New API passes an upstream's error on with the upstream's own status."""
    if looks_like_events(reply.text):
        found = _first_payload(reply.text)
    elif reply.text[:1] == b"{" and not _SUSPECT.search(reply.text):
        return Verdict(action=Action.READ)  # nothing in it can be an error: spare the parsing
    else:
        found = decode(reply.text)
    if isinstance(found, Undecodable):
        return _unreadable(found, reply)
    if not is_error(found):
        return Verdict(action=Action.READ)
    error = error_in(found, from_gateway="x-oneapi-request-id" in reply.headers)
    return _verdict(_classification(error, reply.status, ""), error, reply.status)


def _first_payload(body: bytes) -> JSON | Undecodable:
    for _, value in payloads(body):
        return None if isinstance(value, Undecodable) else value
    text = text_outside_events(body)
    return (
        decode(text) if text else None
    )  # nothing but pings: a cut stream, for the endpoint to say


def _unreadable(found: Undecodable, reply: Reply) -> Verdict:
    if found.reason not in ("html", "empty"):
        return Verdict(action=Action.READ)  # the endpoint says what it expected
    cause = "html" if found.reason == "html" else "empty_answer"
    error = error_of(reply)
    return _verdict(_Classification(Action.UNUSABLE, F.NO_RESULT, cause), error, reply.status)


# --- the order of evidence ----------------------------------------------------------------------


def _classification(error: ProviderError, status: int, should_retry: str) -> _Classification:
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
    """The status, or under 2xx the status that the error object itself speaks of."""
    if status >= 300:
        return status
    if error.number is not None and 400 <= error.number < 600:
        return error.number
    return _TYPES.get(error.type, 0)


_TYPES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "server_error": 500,
    "timeout_error": 504,
    "cf_gateway_timeout": 524,
    "overloaded_error": 529,
}

_CREDIT = _Classification(Action.STOP_CREDIT, F.CREDIT, "insufficient_quota")
_KEY_QUOTA = _Classification(Action.STOP_CREDIT, F.CREDIT, "key_quota")
_REFUSED = _Classification(Action.FAIL, F.REFUSED, "moderation")
_BAD = _Classification(Action.FAIL, F.BAD_INPUT, "bad_request")
_DOUBT = _Classification(Action.DOUBT, F.SERVER, "answer_lost_upstream")
_NO_MODEL = _Classification(Action.STOP_MODEL, F.MODEL, "model_not_found")
_NO_CHANNEL = _Classification(Action.STOP_MODEL, F.MODEL, "no_channel")
_NO_ACCESS = _Classification(Action.STOP_MODEL, F.MODEL, "model_not_allowed")
_NO_PRICE = _Classification(Action.STOP_MODEL, F.MODEL, "model_not_priced")
_BLOCKED = _Classification(Action.STOP_KEY, F.KEY, "blocked")
_SLOWER = _Classification(Action.WAIT, F.LIMIT, "rate_limit")
_CROWDED = _Classification(Action.WAIT, F.LIMIT, "overloaded")
_TOO_LONG = _Classification(Action.FAIL, F.BAD_INPUT, "too_long")
_TOO_LARGE = _Classification(Action.FAIL, F.BAD_INPUT, "too_large")
_AGAIN = _Classification(Action.RETRY, F.SERVER, "server_error")
_NO_PICTURE_IN = _Classification(Action.UNUSABLE, F.BAD_INPUT, "picture_unreachable")
_WRONG_ADDRESS = _Classification(Action.STOP_MODEL, F.MODEL, "wrong_address")
_WRONG_ENCODING = _Classification(Action.FAIL, F.BAD_INPUT, "encoding_format")
_WRONG_FIELD = _Classification(Action.FAIL, F.BAD_INPUT, "image_field")

_QUOTA = re.compile(r"quota|rate.?limit|resource.?exhausted", re.IGNORECASE)
_CODES: dict[str, _Classification] = {
    "insufficient_user_quota": _CREDIT,
    "insufficient_balance": _CREDIT,
    "budget_exceeded": _CREDIT,
    "accountoverdueerror": _CREDIT,
    "operationdenied.serviceoverdue": _CREDIT,
    "arrearage": _CREDIT,
    "prepaidbilloverdue": _CREDIT,
    "postpaidbilloverdue": _CREDIT,
    "commoditynotpurchased": _CREDIT,
    "allocationquota.freetieronly": _CREDIT,
    "1113": _CREDIT,  # Zhipu
    "30001": _CREDIT,  # SiliconFlow
    "billing_hard_limit_reached": _CREDIT,
    "enforced_spend_limit_reached": _CREDIT,
    "contract_spend_limit_reached": _CREDIT,
    "pre_consume_token_quota_failed": _KEY_QUOTA,
    "access_denied": _BLOCKED,
    "account_deactivated": _BLOCKED,
    "unsupported_country_region_territory": _BLOCKED,
    "key_model_access_denied": _NO_ACCESS,
    "team_model_access_denied": _NO_ACCESS,
    "model.accessdenied": _NO_ACCESS,
    "accessdenied.unpurchased": _NO_ACCESS,
    "operationdenied.servicenotopen": _NO_ACCESS,
    "1220": _NO_ACCESS,  # Zhipu
    "invalid_model": _NO_MODEL,
    "deploymentnotfound": _NO_MODEL,
    "invalidendpoint.closedendpoint": _NO_MODEL,
    "1211": _NO_MODEL,  # Zhipu
    "20012": _NO_MODEL,  # SiliconFlow
    "30003": _NO_MODEL,  # SiliconFlow: the model is disabled
    "get_channel_failed": _NO_CHANNEL,
    "model_price_error": _NO_PRICE,
    "api_not_implemented": _Classification(Action.STOP_MODEL, F.MODEL, "not_implemented"),
    "sensitive_words_detected": _REFUSED,
    "content_policy_violation": _REFUSED,
    "content_filter": _REFUSED,
    "moderation_blocked": _REFUSED,
    "invalid_request": _BAD,
    "count_token_failed": _BAD,
    "gen_relay_info_failed": _BAD,
    "convert_request_failed": _BAD,
    "read_request_body_failed": _BAD,
    "context_length_exceeded": _TOO_LONG,
    "string_above_max_length": _TOO_LONG,
    "count_token_messages_failed": _NO_PICTURE_IN,
    "invalid_image_url": _NO_PICTURE_IN,
    "1301": _REFUSED,  # Zhipu
    "datainspectionfailed": _REFUSED,
    "data_inspection_failed": _REFUSED,
    "inputtextsensitivecontentdetected": _REFUSED,
    "inputimagesensitivecontentdetected": _REFUSED,
    "outputtextsensitivecontentdetected": _REFUSED,
    "outputimagesensitivecontentdetected": _REFUSED,
    "sensitivecontentdetected": _REFUSED,
    "1302": _SLOWER,  # Zhipu: too many at once
    "1303": _SLOWER,
    "1305": _CROWDED,
    "serveroverloaded": _CROWDED,
    "rate_limit_exceeded": _SLOWER,
    "slow_down": _SLOWER,
    "rate_limit_check_failed": _AGAIN,
    "new_api_panic": _AGAIN,
    "do_request_failed": _DOUBT,
    "read_response_body_failed": _DOUBT,
    "unmarshal_response_body_failed": _DOUBT,
    "bad_response_body": _DOUBT,
    "empty_response": _DOUBT,
}
_SPENT_CODES = frozenset(  # the caller's money at OpenAI itself; behind a gateway the operator's
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }
)


_MINIMAX: dict[str, _Classification] = {
    "1002": _SLOWER,
    "1004": _Classification(Action.STOP_KEY, F.KEY, "key_refused"),
    "1008": _CREDIT,
    "1026": _REFUSED,
    "1027": _REFUSED,
    "1039": _SLOWER,
    "1041": _SLOWER,
    "1042": _BAD,
    "2013": _BAD,
    "2045": _SLOWER,
    "2049": _Classification(Action.STOP_KEY, F.KEY, "key_refused"),
    "2056": _SLOWER,
}
"""Codes of `base_resp`, which come with HTTP 200; what is refused by one is not billed."""


def _by_code(error: ProviderError, status: int) -> _Classification | None:
    if error.is_midjourney and error.number is not None:
        return _midjourney(error)
    if error.type == "base_resp":
        return _MINIMAX.get(error.code)
    return _SLOWER if _is_short_limit(error, status) else _by_known_code(error, status)


def _is_short_limit(error: ProviderError, status: int) -> bool:
    """True if a wait is named. Protocol fact: Google words a limit of the minute as spent money."""
    spoken = error.retry_after is not None and bool(_QUOTA.search(error.message))
    return spoken and status in (200, 403, 429)


def _by_known_code(error: ProviderError, status: int) -> _Classification | None:
    for code in (error.code, error.type):
        if code in _SPENT_CODES or "exceeded your current quota" in error.message:
            return _spent(error, status)
        if code == "model_not_found":  # New API's distributor says it with 503, of wrong names too
            return _NO_CHANNEL if status == 503 else _NO_MODEL
        if code in _CODES:
            return _CODES[code]
    return None


def _spent(error: ProviderError, status: int) -> _Classification:
    if error.from_gateway and status not in (402, 403):
        return _Classification(Action.WAIT, F.LIMIT, "upstream_quota")
    return _CREDIT


def _midjourney(error: ProviderError) -> _Classification | None:
    """Codes of the Midjourney proxy family; published tables differ, so the words count too."""
    if "quota_not_enough" in error.message:
        return _CREDIT
    busy = re.search(r"队列|稍后|无可用的账号", error.message)
    if error.number in (23, 30) or (error.number in (3, 9) and busy):
        return _CROWDED
    return _MIDJOURNEY.get(error.number or 0)


_MIDJOURNEY = {
    3: _BAD,
    4: _BAD,
    5: _DOUBT,
    9: _BAD,
    24: _Classification(Action.FAIL, F.REFUSED, "banned_word"),
}

# servers that know only one of `image` and `image[]` miss it by name, or call the other unknown
_IMAGE_FIELD = (
    r"(?:^|[^\w.]|body\.)image(?:\[\])?['\"`]?:? "
    r"(?:file |field )?(?:is |are )?(?:required|missing)"
    r"|(?:missing|unknown|unexpected|unrecognized|required property) .{0,30}"
    r"['\"`]image(?:\[\])?['\"`]"
    r"|required property ['\"`]image(?:\[\])?['\"`]"
)
_MODEL_NAME = r"\bmodel\W{1,3}[\w./:@-]{1,80}\W{1,4}"
_BY_WORDS: tuple[tuple[re.Pattern[str], _Classification], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), found)
    for pattern, found in (
        (r"该令牌额度已用尽|token quota is not enough", _KEY_QUOTA),
        (r"user quota is not enough|pre-consumed quota failed|余额不足", _CREDIT),
        (r"用户额度不足|预扣费额度失败|订阅额度不足|未配置订阅", _CREDIT),
        (r"credit balance is too low|insufficient (?:account )?balance|overdue balance", _CREDIT),
        (r"balance (?:is|was) (?:insufficient|not enough)|欠费|账户余额|请充值", _CREDIT),
        (r"(?:budget|spend(?:ing)? limit) has been exceeded|exceeded? (?:your )?budget", _CREDIT),
        (
            r"reached your specified (?:api )?usage limit|free ?tier .{0,90}only",
            _CREDIT,
        ),
        (r"organization has been disabled|organization is disabled", _BLOCKED),
        (r"已被封禁|不在令牌允许访问的列表|account (?:has been|is) (?:banned|suspended)", _BLOCKED),
        (r"倍率或价格未配置", _NO_PRICE),
        (r"无可用渠道|可用渠道失败|no available channel", _NO_CHANNEL),
        (r"无权访问|令牌分组 .{0,80}已被禁用|分组 .{0,80}已被弃用", _NO_ACCESS),
        (
            r"not have access to (?:the )?model|not allowed to (?:use|access) .{0,60}model",
            _NO_ACCESS,
        ),
        (r"not allowed to access model|does not have permission to use the specified", _NO_ACCESS),
        (r"must be verified to use the model|model .{0,90} is not available for this", _NO_ACCESS),
        (r"invalid model name|is not a valid model|invalid model:|model not exist", _NO_MODEL),
        (r"no endpoints found for|api deployment for this resource does not exist", _NO_MODEL),
        (r"server is pinned to", _NO_MODEL),
        (_MODEL_NAME + r"(?:does not exist|(?:is )?not (?:found|supported))", _NO_MODEL),
        (_MODEL_NAME + r"(?:is|has been) deprecated", _NO_MODEL),
        (r"\bmodel (?:does not exist|not found)|\b(?:unknown|no such) model", _NO_MODEL),
        (r"模型.{0,80}不存在|不支持.{0,20}模型", _NO_MODEL),
        (r"overloaded|负载已饱和", _CROWDED),
        (r"请求数限制|too many requests|rate limit", _SLOWER),
        (r"content[_ ]policy|moderation|safety system|responsible ai", _REFUSED),
        (r"content management policy|sensitive words|敏感|违规|违反", _REFUSED),
        (r"\bflagged\b|violat\w{0,6} .{0,60}(?:polic|guideline|terms)", _REFUSED),
        (r"you can retry your request|please (?:try again|retry)|请稍后(?:重试|再试)", _AGAIN),
        (r"error while downloading|failed to download|invalid_image_url", _NO_PICTURE_IN),
        (r"context length|maximum context|prompt is too long", _TOO_LONG),
        (r"request body too large|request_too_large|exceeds 5 MB maximum", _TOO_LARGE),
        (r"invalid url \(|missing authentication token", _WRONG_ADDRESS),
        (r"x-portkey-config or x-portkey-provider header is required", _WRONG_ADDRESS),
        (_IMAGE_FIELD, _WRONG_FIELD),
        (r"encoding[_ ]format|\bbase64\b.{0,40}(?:not support|unsupported)", _WRONG_ENCODING),
    )
)


def _by_words(error: ProviderError, status: int) -> _Classification | None:
    text = error.searchable_text
    for pattern, found in _BY_WORDS:
        if found.action in _actions_by_words(status) and pattern.search(text):
            return found
    return None


def _actions_by_words(status: int) -> frozenset[Action]:
    """Which words overrule a status: a lost answer is in doubt unless they prove nothing ran."""
    if 300 <= status < 400:
        return frozenset()
    if status == 401:
        return frozenset({Action.STOP_KEY, Action.STOP_CREDIT, Action.STOP_MODEL})
    if status in _LOST_STATUSES:
        return frozenset({Action.STOP_KEY, Action.STOP_CREDIT, Action.STOP_MODEL, Action.FAIL})
    return frozenset(Action)


_LOST_STATUSES = frozenset({408, 499, 502, 504, *range(520, 528), 530})
_STATUS: dict[int, _Classification] = {
    400: _BAD,
    401: _Classification(Action.STOP_KEY, F.KEY, "key_refused"),
    402: _Classification(Action.STOP_CREDIT, F.CREDIT, "payment_required"),
    403: _Classification(Action.FAIL, F.REFUSED, "forbidden"),
    405: _WRONG_ADDRESS,
    408: _Classification(Action.DOUBT, F.TIMEOUT, "gateway_timeout"),
    409: _Classification(Action.WAIT, F.SERVER, "conflict"),
    413: _TOO_LARGE,
    425: _Classification(Action.WAIT, F.SERVER, "too_early"),
    429: _SLOWER,
    499: _Classification(Action.DOUBT, F.TIMEOUT, "gateway_timeout"),
    501: _Classification(Action.STOP_MODEL, F.MODEL, "not_implemented"),
    502: _Classification(Action.DOUBT, F.SERVER, "bad_gateway"),
    503: _Classification(Action.WAIT, F.SERVER, "unavailable"),
    504: _Classification(Action.DOUBT, F.TIMEOUT, "gateway_timeout"),
    524: _Classification(Action.DOUBT, F.TIMEOUT, "gateway_timeout"),
    529: _CROWDED,
}


_UNFIT_FIELD = re.compile(r"\b\d+ validation errors? for\b|\bliteral_error\b", re.IGNORECASE)
_LOST_UPSTREAM = re.compile(
    r"connection error|server disconnected|peer closed|incomplete chunked read", re.IGNORECASE
)
"""How gateways such as LiteLLM tell that an answer broke off on its way to them."""


def _by_status(error: ProviderError, status: int) -> _Classification:
    if 300 <= status < 400:
        return _Classification(Action.STOP_MODEL, F.MODEL, "redirect")
    if status == 403 and error.is_html:  # a web firewall's page, not the gateway
        return _Classification(Action.WAIT, F.SERVER, "blocked_page")
    if status == 404:
        return _not_found(error)
    if status == 500:
        return _server_error(error)
    if status in _LOST_STATUSES and status not in _STATUS:
        return _Classification(Action.DOUBT, F.SERVER, "bad_gateway")
    return _STATUS.get(status) or (_BAD if 400 <= status < 500 else _AGAIN)


def _server_error(error: ProviderError) -> _Classification:
    """A 500 by its words: some servers word a bad field, or a lost answer, with it."""
    if _UNFIT_FIELD.search(error.message):
        return _BAD
    return _DOUBT if _LOST_UPSTREAM.search(error.message) else _AGAIN


_NOWHERE = re.compile(
    r"\W*(?:404\W+)?(?:resource )?not found\W*|.*\b(?:url|path|page|route)\b.*", re.IGNORECASE
)


def _not_found(error: ProviderError) -> _Classification:
    """Bare words such as FastAPI's speak of the address: whoever misses a thing names it."""
    if error.is_html or not error.message or _NOWHERE.fullmatch(error.message):
        return _WRONG_ADDRESS
    if re.search(r"model|模型", error.message, re.IGNORECASE):
        return _NO_MODEL
    return _Classification(Action.FAIL, F.BAD_INPUT, "not_found")
