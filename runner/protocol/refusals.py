"""Tables of what each known error code, error type, phrase and status means."""

import re
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from jobs.job import FailureClass as F


class Action(StrEnum):
    """What to do about a reply."""

    READ = "read"  # the endpoint reads it
    WAIT = "wait"  # refused without charge: pause the account, then retry
    RETRY = "retry"  # a temporary error; counts as an attempt
    DOUBT = "doubt"  # it may have been carried out and billed
    UNUSABLE = "unusable"  # complete but of no use; retried at most once
    FAIL = "fail"  # this row will never work as it is
    STOP_KEY = "stop_key"  # the key or account is refused; probe it before stopping the run
    STOP_CREDIT = "stop_credit"  # no credit; three in a row stop the run
    STOP_MODEL = "stop_model"  # the model or URL is unavailable; `no_channel` may be temporary


class Classification(NamedTuple):
    """The action for one kind of refusal, with the failure class and cause that it is stored as."""

    action: Action
    kind: F
    cause: str


NO_CREDIT = Classification(Action.STOP_CREDIT, F.CREDIT, "insufficient_quota")
KEY_QUOTA_SPENT = Classification(Action.STOP_CREDIT, F.CREDIT, "key_quota")
REFUSED = Classification(Action.FAIL, F.REFUSED, "moderation")
BAD_REQUEST = Classification(Action.FAIL, F.BAD_INPUT, "bad_request")
IN_DOUBT = Classification(Action.DOUBT, F.SERVER, "answer_lost_upstream")
NO_MODEL = Classification(Action.STOP_MODEL, F.MODEL, "model_not_found")
NO_CHANNEL = Classification(Action.STOP_MODEL, F.MODEL, "no_channel")
NO_ACCESS = Classification(Action.STOP_MODEL, F.MODEL, "model_not_allowed")
NO_PRICE = Classification(Action.STOP_MODEL, F.MODEL, "model_not_priced")
BLOCKED = Classification(Action.STOP_KEY, F.KEY, "blocked")
KEY_REFUSED = Classification(Action.STOP_KEY, F.KEY, "key_refused")
RATE_LIMITED = Classification(Action.WAIT, F.LIMIT, "rate_limit")
OVERLOADED = Classification(Action.WAIT, F.LIMIT, "overloaded")
TOO_LONG = Classification(Action.FAIL, F.BAD_INPUT, "too_long")
TOO_LARGE = Classification(Action.FAIL, F.BAD_INPUT, "too_large")
ABOVE_LIMIT = Classification(Action.FAIL, F.LIMIT, "above_limit")
SERVER_ERROR = Classification(Action.RETRY, F.SERVER, "server_error")
PICTURE_UNREACHABLE = Classification(Action.UNUSABLE, F.BAD_INPUT, "picture_unreachable")
WRONG_ADDRESS = Classification(Action.STOP_MODEL, F.MODEL, "wrong_address")
WRONG_ENCODING = Classification(Action.FAIL, F.BAD_INPUT, "encoding_format")
WRONG_FIELD = Classification(Action.FAIL, F.BAD_INPUT, "image_field")

BAD_PICTURE_CODES = (
    *("invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_mode"),
    *("image_too_large", "image_too_small", "image_file_too_large", "image_parse_error"),
    *("unsupported_image_media_type", "empty_image_file"),
)
"""Error codes of the responses form about a picture in the request."""

# --- by code -------------------------------------------------------------------------------------

CODES: dict[str, Classification] = {
    "insufficient_user_quota": NO_CREDIT,
    "insufficient_balance": NO_CREDIT,
    "budget_exceeded": NO_CREDIT,
    "accountoverdueerror": NO_CREDIT,
    "operationdenied.serviceoverdue": NO_CREDIT,
    "arrearage": NO_CREDIT,
    "prepaidbilloverdue": NO_CREDIT,
    "postpaidbilloverdue": NO_CREDIT,
    "commoditynotpurchased": NO_CREDIT,
    "allocationquota.freetieronly": NO_CREDIT,
    "1113": NO_CREDIT,  # Zhipu
    "30001": NO_CREDIT,  # SiliconFlow
    "billing_hard_limit_reached": NO_CREDIT,
    "enforced_spend_limit_reached": NO_CREDIT,
    "contract_spend_limit_reached": NO_CREDIT,
    "pre_consume_token_quota_failed": KEY_QUOTA_SPENT,
    "access_denied": BLOCKED,
    "account_deactivated": BLOCKED,
    "unsupported_country_region_territory": BLOCKED,
    "key_model_access_denied": NO_ACCESS,
    "team_model_access_denied": NO_ACCESS,
    "model.accessdenied": NO_ACCESS,
    "accessdenied.unpurchased": NO_ACCESS,
    "operationdenied.servicenotopen": NO_ACCESS,
    "1220": NO_ACCESS,  # Zhipu
    "invalid_model": NO_MODEL,
    "deploymentnotfound": NO_MODEL,
    "invalidendpoint.closedendpoint": NO_MODEL,
    "1211": NO_MODEL,  # Zhipu
    "20012": NO_MODEL,  # SiliconFlow
    "30003": NO_MODEL,  # SiliconFlow: the model is disabled
    "get_channel_failed": NO_CHANNEL,
    "model_price_error": NO_PRICE,
    "api_not_implemented": Classification(Action.STOP_MODEL, F.MODEL, "not_implemented"),
    "sensitive_words_detected": REFUSED,
    "content_policy_violation": REFUSED,
    "content_filter": REFUSED,
    "moderation_blocked": REFUSED,
    "invalid_prompt": REFUSED,
    "bio_policy": REFUSED,
    "image_content_policy_violation": REFUSED,
    "invalid_request": BAD_REQUEST,
    "count_token_failed": BAD_REQUEST,
    "gen_relay_info_failed": BAD_REQUEST,
    "convert_request_failed": BAD_REQUEST,
    "read_request_body_failed": BAD_REQUEST,
    "context_length_exceeded": TOO_LONG,
    "string_above_max_length": TOO_LONG,
    "count_token_messages_failed": PICTURE_UNREACHABLE,
    "invalid_image_url": PICTURE_UNREACHABLE,
    "failed_to_download_image": PICTURE_UNREACHABLE,
    "image_file_not_found": PICTURE_UNREACHABLE,
    **dict.fromkeys(BAD_PICTURE_CODES, BAD_REQUEST),
    "1301": REFUSED,  # Zhipu
    "datainspectionfailed": REFUSED,
    "data_inspection_failed": REFUSED,
    "inputtextsensitivecontentdetected": REFUSED,
    "inputimagesensitivecontentdetected": REFUSED,
    "outputtextsensitivecontentdetected": REFUSED,
    "outputimagesensitivecontentdetected": REFUSED,
    "sensitivecontentdetected": REFUSED,
    "1302": RATE_LIMITED,  # Zhipu: too many at once
    "1303": RATE_LIMITED,
    "1305": OVERLOADED,
    "serveroverloaded": OVERLOADED,
    "rate_limit_exceeded": RATE_LIMITED,
    "slow_down": RATE_LIMITED,
    "rate_limit_check_failed": SERVER_ERROR,
    "new_api_panic": SERVER_ERROR,
    "do_request_failed": IN_DOUBT,
    "read_response_body_failed": IN_DOUBT,
    "unmarshal_response_body_failed": IN_DOUBT,
    "bad_response_body": IN_DOUBT,
    "empty_response": IN_DOUBT,
}
SPENT_ACCOUNT_CODES = (
    frozenset(  # the caller's money at OpenAI itself; behind a gateway the operator's
        {
            "insufficient_quota",
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
        }
    )
)


MINIMAX_CODES: dict[str, Classification] = {
    "1002": RATE_LIMITED,
    "1004": KEY_REFUSED,
    "1008": NO_CREDIT,
    "1026": REFUSED,
    "1027": REFUSED,
    "1039": RATE_LIMITED,
    "1041": RATE_LIMITED,
    "1042": BAD_REQUEST,
    "2013": BAD_REQUEST,
    "2045": RATE_LIMITED,
    "2049": KEY_REFUSED,
    "2056": RATE_LIMITED,
}
"""Codes of `base_resp`, sent with HTTP 200; a call refused with one is not billed."""

MIDJOURNEY_CODES = {
    3: BAD_REQUEST,
    4: BAD_REQUEST,
    5: IN_DOUBT,
    9: BAD_REQUEST,
    24: Classification(Action.FAIL, F.REFUSED, "banned_word"),
}

# --- by phrase -----------------------------------------------------------------------------------

# a server that accepts only one of `image` and `image[]` calls it missing, or the other unknown
_IMAGE_FIELD_PHRASE = (
    r"(?:^|[^\w.]|body\.)image(?:\[\])?['\"`]?:? "
    r"(?:file |field )?(?:is |are )?(?:required|missing)"
    r"|(?:missing|unknown|unexpected|unrecognized|required property) .{0,30}"
    r"['\"`]image(?:\[\])?['\"`]"
    r"|required property ['\"`]image(?:\[\])?['\"`]"
)
_QUOTED_MODEL_NAME = r"\bmodel\W{1,3}[\w./:@-]{1,80}\W{1,4}"
_PHRASES: tuple[tuple[str, Classification], ...] = (
    (r"\b(?:quota|limit)\w* .{0,120}per[ _-]?minute", RATE_LIMITED),
    (r"per[ _-]?minute .{0,60}\b(?:quota|limit)|\brateLimitExceeded", RATE_LIMITED),
    (r"每分钟.{0,40}(?:限|上限|超)", RATE_LIMITED),
    (r"该令牌额度已用尽|token quota is not enough", KEY_QUOTA_SPENT),
    (r"user quota is not enough|pre-consumed quota failed|余额不足", NO_CREDIT),
    (r"用户额度不足|预扣费额度失败|订阅额度不足|未配置订阅", NO_CREDIT),
    (r"credit balance is too low|insufficient (?:account )?balance|overdue balance", NO_CREDIT),
    (r"balance (?:is|was) (?:insufficient|not enough)|欠费|账户余额|请充值", NO_CREDIT),
    (r"(?:budget|spend(?:ing)? limit) has been exceeded|exceeded? (?:your )?budget", NO_CREDIT),
    (
        r"reached your specified (?:api )?usage limit|free ?tier .{0,90}only",
        NO_CREDIT,
    ),
    (r"\bapi[ _]key (?:is )?(?:not valid|invalid)", KEY_REFUSED),
    (r"organization has been disabled|organization is disabled", BLOCKED),
    (r"已被封禁|不在令牌允许访问的列表|account (?:has been|is) (?:banned|suspended)", BLOCKED),
    (r"倍率或价格未配置", NO_PRICE),
    (r"无可用渠道|可用渠道失败|no available channel", NO_CHANNEL),
    (r"无权访问|令牌分组 .{0,80}已被禁用|分组 .{0,80}已被弃用", NO_ACCESS),
    (
        r"not have access to (?:the )?model|not allowed to (?:use|access) .{0,60}model",
        NO_ACCESS,
    ),
    (r"not allowed to access model|does not have permission to use the specified", NO_ACCESS),
    (r"must be verified to use the model|model .{0,90} is not available for this", NO_ACCESS),
    (r"invalid model name|is not a valid model|invalid model:|model not exist", NO_MODEL),
    (r"no endpoints found for|api deployment for this resource does not exist", NO_MODEL),
    (r"server is pinned to", NO_MODEL),
    (_QUOTED_MODEL_NAME + r"(?:does not exist|(?:is )?not (?:found|supported))", NO_MODEL),
    (_QUOTED_MODEL_NAME + r"(?:is|has been) deprecated", NO_MODEL),
    (r"\bmodel (?:does not exist|not found)|\b(?:unknown|no such) model", NO_MODEL),
    (r"模型.{0,80}不存在|不支持.{0,20}模型", NO_MODEL),
    (r"overloaded|负载已饱和", OVERLOADED),
    (r"请求数限制|too many requests|rate limit", RATE_LIMITED),
    (r"content[_ ]policy|moderation|safety system|responsible ai", REFUSED),
    (r"content management policy|sensitive words|敏感|违规|违反", REFUSED),
    (r"\bflagged\b|violat\w{0,6} .{0,60}(?:polic|guideline|terms)", REFUSED),
    (
        r"you can retry your request|please (?:try again|retry)|请稍后(?:重试|再试)",
        SERVER_ERROR,
    ),
    (r"error while downloading|failed to download|invalid_image_url", PICTURE_UNREACHABLE),
    (r"context length|maximum context|prompt is too long", TOO_LONG),
    (r"request body too large|request_too_large|exceeds 5 MB maximum", TOO_LARGE),
    (r"invalid url \(|missing authentication token", WRONG_ADDRESS),
    (r"x-portkey-config or x-portkey-provider header is required", WRONG_ADDRESS),
    (_IMAGE_FIELD_PHRASE, WRONG_FIELD),
    (r"encoding[_ ]format|\bbase64\b.{0,40}(?:not support|unsupported)", WRONG_ENCODING),
)


@cache
def phrases() -> tuple[tuple[re.Pattern[str], Classification], ...]:
    """The phrases, compiled for the first refusal: a run without one does not need them."""
    return tuple((re.compile(pattern, re.IGNORECASE), found) for pattern, found in _PHRASES)


# --- by status -----------------------------------------------------------------------------------

STATUS_BY_TYPE = {
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

LOST_STATUSES = frozenset({408, 499, 502, 504, *range(520, 528), 530})
STATUSES: dict[int, Classification] = {
    400: BAD_REQUEST,
    401: KEY_REFUSED,
    402: Classification(Action.STOP_CREDIT, F.CREDIT, "payment_required"),
    403: Classification(Action.FAIL, F.REFUSED, "forbidden"),
    405: WRONG_ADDRESS,
    408: Classification(Action.DOUBT, F.TIMEOUT, "gateway_timeout"),
    409: Classification(Action.WAIT, F.SERVER, "conflict"),
    413: TOO_LARGE,
    425: Classification(Action.WAIT, F.SERVER, "too_early"),
    429: RATE_LIMITED,
    499: Classification(Action.DOUBT, F.TIMEOUT, "gateway_timeout"),
    501: Classification(Action.STOP_MODEL, F.MODEL, "not_implemented"),
    502: Classification(Action.DOUBT, F.SERVER, "bad_gateway"),
    503: Classification(Action.WAIT, F.SERVER, "unavailable"),
    504: Classification(Action.DOUBT, F.TIMEOUT, "gateway_timeout"),
    524: Classification(Action.DOUBT, F.TIMEOUT, "gateway_timeout"),
    529: OVERLOADED,
}
