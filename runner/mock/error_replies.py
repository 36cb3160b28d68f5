"""Error bodies and pages, in the words of the real services."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.job import JSON
from runner.mock.faults import Fault
from runner.mock.validation import InvalidRequest

_JSON = "application/json; charset=utf-8"
_HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Canned:
    """A complete HTTP response."""

    status: int
    body: bytes
    media: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)


CONSOLE_PAGE = Canned(
    status=200,
    media=_HTML,
    body=(
        b'<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>Mock Gateway</title>'
        b'</head><body><div id="root"></div><noscript>You need to enable JavaScript to run this'
        b" app.</noscript></body></html>\n"
    ),
)
"""New API's web console page: its answer to unknown paths outside /v1 and /api."""


def openai_error(status: int, problem: InvalidRequest) -> Canned:
    """An error in OpenAI's own shape."""
    error: JSON = {
        "message": problem.message,
        "type": "invalid_request_error",
        "param": problem.param,
        "code": problem.code,
    }
    return _json(status, {"error": error})


def anthropic_error(status: int, message: str, call: str) -> Canned:
    """An error in Anthropic's shape."""
    error: JSON = {"type": "invalid_request_error", "message": message}
    return _json(status, {"type": "error", "error": error, "request_id": call})


def moderation_error(status: int) -> Canned:
    """An image service's moderation error; reversed channels send it as 500."""
    error: JSON = {
        "message": "Your request was rejected by the safety system.",
        "type": "image_generation_user_error",
        "param": None,
        "code": "moderation_blocked",
    }
    return _json(status, {"error": error})


def gateway_error(
    status: int, message: str, call: str, *, kind: str = "new_api_error", code: str = ""
) -> Canned:
    """An error in New API's shape, with the request id at the end of the message."""
    error: JSON = {
        "message": f"{message} (request id: {call})",
        "type": kind,
        "param": "",
        "code": code,
    }
    return _json(status, {"error": error})


def canned_fault(fault: Fault, call: str, model: str, wait: float) -> Canned | None:
    """The complete response of a fault; None if the fault is not one. `wait` in seconds."""
    match fault:
        case Fault.LIMIT:
            return _worded(Fault.LIMIT_BARE, call, model, {"Retry-After": f"{wait:.1f}"})
        case Fault.CLOUDFLARE_TIMEOUT:
            return _cloudflare(call)
        case _ if fault in _WORDS:
            return _worded(fault, call, model, {})
        case _:
            return _PAGES.get(fault)


def _worded(fault: Fault, call: str, model: str, headers: Mapping[str, str]) -> Canned:
    status, kind, code, message = _WORDS[fault]
    body = gateway_error(status, message.format(model=model), call, kind=kind, code=code).body
    return Canned(status=status, body=body, headers=headers)


def _json(status: int, body: dict[str, JSON]) -> Canned:
    return Canned(
        status=status, body=json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    )


def _nginx(status: int, reason: str) -> Canned:
    title = f"{status} {reason}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return Canned(status=status, body=page.encode(), media="text/html", headers={"Server": "nginx"})


def _cloudflare(call: str) -> Canned:
    ray = f"{call[-16:]}-SJC"
    page = (
        "<!DOCTYPE html><html><head><title>gateway.example | 524: A timeout occurred</title></head>"
        '<body><div id="cf-wrapper"><div id="cf-error-details"><h1>A timeout occurred'
        "<span>Error code 524</span></h1></div>"
        f"<span>Cloudflare Ray ID: <strong>{ray}</strong></span></div></body></html>\n"
    )
    headers = {"Server": "cloudflare", "CF-RAY": ray}
    return Canned(status=524, body=page.encode(), media=_HTML, headers=headers)


_WORDS = {
    Fault.KEY: (401, "new_api_error", "", "无效的令牌"),
    Fault.CREDIT: (
        403,
        "new_api_error",
        "insufficient_user_quota",
        "用户额度不足, 剩余额度: ＄-0.20",
    ),
    Fault.LIMIT_BARE: (
        429,
        "upstream_error",
        "rate_limit_exceeded",
        "当前分组上游负载已饱和，请稍后再试",
    ),
    Fault.NO_CHANNEL: (
        503,
        "new_api_error",
        "model_not_found",
        "分组 default 下模型 {model} 无可用渠道（distributor）",
    ),
    Fault.SERVER: (500, "new_api_error", "", "数据库错误，请稍后重试"),
    Fault.SERVER_LOST: (500, "new_api_error", "do_request_failed", "请求上游地址失败"),
    Fault.ERROR_200: (200, "upstream_error", "upstream_error", "The upstream failed to answer"),
}
"""Status, type, code and message of New API's own errors."""

_PAGES = {
    Fault.LIMIT_EMPTY: Canned(status=429, body=b"", media="text/plain"),
    Fault.UNAVAILABLE: _nginx(503, "Service Temporarily Unavailable"),
    Fault.BAD_GATEWAY: _nginx(502, "Bad Gateway"),
    Fault.GATEWAY_TIMEOUT: _nginx(504, "Gateway Time-out"),
    Fault.HTML: CONSOLE_PAGE,
    Fault.EMPTY_OBJECT: Canned(status=200, body=b"{}"),
}
"""Responses that are the same for every call."""
