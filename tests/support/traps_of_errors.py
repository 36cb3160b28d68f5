"""Traps: errors that mean something else."""

from collections.abc import Sequence

from tests.support.trap import (
    GOOD,
    OK_TASK,
    PNG,
    QUICKLY,
    Trap,
    answer,
    completion,
    lacks,
    raw,
    refusal,
    submitted,
)

ERRORS: Sequence[Trap] = (
    Trap(
        number=12,
        name="401 for a spent key",
        answers=(refusal(401, "该令牌额度已用尽 TokenStatusExhausted[sk-abc***xyz]", ""),),
        wire="BBB",
        status="pending",
        kind="credit",
        exit_code=6,
    ),
    Trap(
        number=13,
        name="401 of the operators channel",
        answers=(refusal(401, "Incorrect API key provided", "invalid_api_key", "x"),),
        models=answer({"object": "list", "data": []}),
        wire="B" * 6,
        status="failed",
        kind="key",
    ),
    Trap(
        number=13,
        name="401 of the users own key",
        answers=(refusal(401, "无效的令牌", ""),),
        models=refusal(401, "无效的令牌", ""),
        wire="B",
        status="pending",
        kind="key",
        exit_code=6,
    ),
    Trap(
        number=14,
        name="403 is no money",
        answers=(refusal(403, "用户额度不足, 剩余额度: ＄-0.20", "insufficient_user_quota"),),
        wire="BBB",
        status="pending",
        kind="credit",
        exit_code=6,
    ),
    Trap(
        number=15,
        name="403 by the dearest case",
        answers=(refusal(403, "chat pre-consumed quota failed, need quota: ＄0.36", ""), GOOD),
        wire="BC",
    ),
    Trap(
        number=16,
        name="429 of the operators money",
        answers=(
            refusal(
                429, "当前分组上游负载已饱和，请稍后再试", "insufficient_quota", headers=QUICKLY
            ),
            GOOD,
        ),
        wire="BC",
    ),
    Trap(
        number=17,
        name="429 without a body",
        answers=(
            raw("", 429, headers=QUICKLY),
            raw('{"error":{"message":"a"}}{"error":{}}', 429, headers=QUICKLY),
            GOOD,
        ),
        wire="BBC",
    ),
    Trap(
        number=18,
        name="503 for a wrong name",
        answers=(
            refusal(503, "分组 default 下模型 m-1 无可用渠道（distributor）", "model_not_found"),
        ),
        wire="BBB",
        status="failed",
        kind="model",
    ),
    *(
        Trap(
            number=19,
            name=f"500 {code}",
            answers=(refusal(500, "", code),),
            wire="B",
            status="failed",
            kind=kind,
        )
        for code, kind in (
            ("invalid_request", "bad_input"),
            ("sensitive_words_detected", "refused"),
            ("count_token_failed", "bad_input"),
        )
    ),
    Trap(
        number=19,
        name="500 model_price_error",
        answers=(refusal(500, "模型 m-1 倍率或价格未配置", "model_price_error"),),
        wire="B",
        status="failed",
        kind="model",
    ),
    Trap(
        number=20,
        name="500 of a filter",
        answers=(refusal(500, "Rejected by our safety system", None, "invalid_request_error"),),
        wire="B",
        status="failed",
        kind="refused",
    ),
    Trap(
        number=20,
        name="429 of a filter",
        answers=(refusal(429, "content_policy_violation", None, "x"),),
        wire="B",
        status="failed",
        kind="refused",
    ),
    Trap(
        number=20,
        name="500 that may be retried",
        answers=(refusal(500, "You can retry your request.", None, "invalid_request_error"), GOOD),
        wire="BC",
    ),
    Trap(
        number=21,
        name="400 of a network fault",
        endpoint="mj-imagine",
        answers=(
            answer(
                {"description": "do_request_failed ", "type": "upstream_error", "code": 5},
                400,
                free=False,
            ),
        ),
        wire="D",
        status="in_doubt",
        kind="server",
    ),
    Trap(
        number=22,
        name="a rewritten status",
        answers=(refusal(502, "分组 d 下模型 m-1 无可用渠道（distributor）", "model_not_found"),),
        wire="B",
        status="failed",
        kind="model",
    ),
    Trap(
        number=23,
        name="an integer for a code",
        answers=(
            answer(
                {"error": {"code": 429, "message": "slow down", "param": 3}}, 429, headers=QUICKLY
            ),
            GOOD,
        ),
        wire="BC",
    ),
    Trap(
        number=23,
        name="a string for an error",
        answers=(answer({"error": "model is warming up"}, 500), GOOD),
        wire="BC",
    ),
    Trap(
        number=23,
        name="a list for the details",
        answers=(answer({"detail": [{"loc": ["body", "n"], "msg": "too big", "type": "v"}]}, 422),),
        wire="B",
        status="failed",
        kind="bad_input",
    ),
    Trap(
        number=24,
        name="OpenAIs error from messages",
        endpoint="messages",
        answers=(
            refusal(429, "slow", "rate_limit_exceeded", headers=QUICKLY),
            answer(
                {"type": "error", "error": {"type": "overloaded_error", "message": "o"}},
                529,
                headers=QUICKLY,
            ),
            answer(
                {
                    "type": "message",
                    "content": [{"type": "text", "text": "hi"}],
                    "stop_reason": "end_turn",
                }
            ),
        ),
        wire="BBC",
        text="hi",
    ),
    Trap(
        number=25,
        name="a field that kills the call is left out",
        endpoint="image",
        model="gpt-image-1",
        cells={"response_format": "b64_json"},
        answers=(answer({"created": 1, "data": [{"b64_json": PNG}]}),),
        wire="C",
        files=1,
        sent=lacks("response_format"),
    ),
    Trap(
        number=25,
        name="an unknown parameter",
        endpoint="image",
        answers=(
            refusal(
                400, "Unknown parameter: 'style'.", "unknown_parameter", "invalid_request_error"
            ),
        ),
        wire="B",
        status="failed",
        kind="bad_input",
    ),
    Trap(
        number=26,
        name="21 for a task that is there",
        endpoint="mj-imagine",
        answers=(submitted(code=21, description="任务已存在"),),
        polls=(OK_TASK,),
        wire="C",
        files=1,
    ),
    Trap(
        number=26,
        name="a code of words with a blank",
        endpoint="mj-imagine",
        answers=(raw('{"code": "22", "description": "排队中", "result": "77"}', headers=QUICKLY),),
        polls=(OK_TASK,),
        wire="C",
        files=1,
    ),
    Trap(
        number=27,
        name="somebody elses limits on success",
        answers=(
            answer(
                completion("hello"),
                headers={
                    "x-ratelimit-remaining-requests": "0",
                    "x-ratelimit-reset-requests": "1h",
                    "Retry-After": "3600",
                },
            ),
        ),
        wire="C",
    ),
    *(
        Trap(
            number=28,
            name=f"a wait of {name}",
            answers=(*(raw("", 429, headers=headers) for headers in waits), GOOD),
            wire="B" * len(waits) + "C",
        )
        for name, waits in (
            ("a part of a second", ({"Retry-After": "0.1"}, {"retry-after-ms": "50"})),
            ("nothing or less", ({"Retry-After": "0"}, {"Retry-After": "-5"})),
            ("a date long past", ({"Retry-After": "Mon, 23 Nov 2020 01:45:00 GMT"},)),
            ("no number", ({"Retry-After": "nan"}, {"Retry-After": "soon"})),
        )
    ),
)
