"""The table of traps: what a gateway answers, and where its row must end."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from trap_server import Asked, Injected, picture

REQUEST_ID = "(request id: 20261123013000111222333abcdEFGH)"
HERE = "http://127.0.0.1:{port}"
"""Stands for the server's own address in an answer."""
QUICKLY = {"Retry-After": "0.2"}
JSON_TYPE = {"Content-Type": "application/json"}
EVENTS = {"Content-Type": "text/event-stream"}
PNG = base64.b64encode(picture()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """One trap: `answers` in turn (the last one stays), `wire` the classes of the calls made.

    `status` and `kind` are the row's end; `text` is part of its text, `files` how many it has;
    `sent` must hold of the last request. `exit_code` is the run's.
    """

    number: int
    name: str
    answers: tuple[Injected, ...]
    wire: str
    status: str = "done"
    kind: str = ""
    endpoint: str = "chat"
    model: str = "m-1"
    cells: Mapping[str, str] = field(default_factory=dict)
    polls: tuple[Injected, ...] = ()
    models: Injected | None = None
    settings: str = ""
    base: str = ""  # what a person put behind the address
    text: str | None = None
    files: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    sent: Callable[[Asked], bool] = lambda asked: True
    exit_code: int | None = None

    @property
    def id(self) -> str:
        """Its name in a test run."""
        return f"{self.number:02}-{self.name.replace(' ', '-')}"

    @property
    def ends_with(self) -> int:
        """The run's exit code."""
        if self.exit_code is not None:
            return self.exit_code
        return 0 if self.status == "done" else 4


def answer(
    value: object,
    status: int = 200,
    *,
    free: bool | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Injected:
    """A JSON answer; refusals are free unless said otherwise."""
    return raw(json.dumps(value, ensure_ascii=False), status, free=free, headers=headers)


def raw(
    text: str,
    status: int = 200,
    *,
    free: bool | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Injected:
    """An answer of any text."""
    return Injected(
        status=status,
        body=text.encode(),
        headers={**JSON_TYPE, **headers},
        free=status >= 300 if free is None else free,
    )


def refusal(
    status: int,
    message: str = "",
    code: object = None,
    kind: str = "new_api_error",
    *,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Injected:
    """An OpenAI-shaped error; New API's carry a request id."""
    told = f"{message} {REQUEST_ID}" if kind == "new_api_error" else message
    error = {"message": told, "type": kind, "param": None, "code": code}
    return answer({"error": error}, status, free=True, headers=headers)


def chat(content: object, *, finish: str | None = "stop", **message: object) -> Injected:
    """A chat answer."""
    return answer(completion(content, finish=finish, **message))


def completion(
    content: object, *, finish: str | None = "stop", **message: object
) -> dict[str, object]:
    """A chat answer's body."""
    return {
        "id": "chatcmpl-t",
        "object": "chat.completion",
        "created": 1764000000,
        "model": "m-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, **message},
                "finish_reason": finish,
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def stream(*events: object, done: bool = True, head: str = "") -> Injected:
    """Server-sent events; text goes out as it is, all else as JSON."""
    lines = [one if isinstance(one, str) else f"data: {json.dumps(one)}\n\n" for one in events]
    text = head + "".join(lines) + ("data: [DONE]\n\n" if done else "")
    return Injected(body=text.encode(), headers=EVENTS)


def piece(
    content: str | None = None, finish: str | None = None, **delta: object
) -> dict[str, object]:
    """One chunk of a streamed chat."""
    told = delta if content is None else {"content": content, **delta}
    choice = {"index": 0, "delta": told, "finish_reason": finish}
    return {"id": "s", "object": "chat.completion.chunk", "model": "m-1", "choices": [choice]}


def message(event: str, **values: object) -> str:
    """One named event of Anthropic's."""
    return f"event: {event}\ndata: {json.dumps({'type': event, **values})}\n\n"


def task(status: str, **more: object) -> Injected:
    """A Midjourney task's record."""
    record = {"id": "77", "action": "IMAGINE", "status": status, "progress": "", "imageUrl": ""}
    return answer({**record, "failReason": "", **more}, headers=QUICKLY)


def submitted(result: object = "77", code: object = 1, **more: object) -> Injected:
    """The answer to a submit."""
    told = {"code": code, "description": "提交成功", "result": result, "properties": {}, **more}
    return answer(told, headers=QUICKLY)


GOOD = chat("hello")
OK_PICTURE = chat(f"![a]({HERE}/files/a.png)")
OK_TASK = task("SUCCESS", progress="100%", imageUrl=f"{HERE}/files/grid.png")
STREAMED = {"stream": "true"}
HTML = "<!doctype html><html><head><title>Console</title></head><body></body></html>"
CLOUDFLARE = "<!DOCTYPE html><html><head><title>x | 524: A timeout occurred</title></head></html>"
SCHEMA = json.dumps(
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
)
TOOLS = json.dumps([{"type": "function", "function": {"name": "warm", "parameters": {}}}])


def says(name: str, value: object) -> Callable[[Asked], bool]:
    """Does the request's body say this?"""
    return lambda asked: asked.json.get(name) == value


def lacks(*names: str) -> Callable[[Asked], bool]:
    """Does the request's body leave these out?"""
    return lambda asked: not set(names) & set(asked.json)


def tool(index: int | None, arguments: str, **more: object) -> dict[str, object]:
    """A fragment of a tool call."""
    call: dict[str, object] = {"function": {"arguments": arguments, **more}}
    if index is not None:
        call["index"] = index
    if more:
        call["id"] = f"call_{index}"
    return piece(tool_calls=[call])


TRAPS: Sequence[Trap] = (
    # --- success that is not success --------------------------------------------------------------
    Trap(
        number=1,
        name="an error object under 200",
        answers=(answer({"error": {"message": "upstream broke", "type": "x", "code": None}}), GOOD),
        wire="EC",
    ),
    Trap(
        number=1,
        name="an upstream's 400 under 200",
        answers=(answer({"error": {"message": "bad n", "code": 400}}, free=True),),
        wire="B",
        status="failed",
        kind="bad_input",
    ),
    Trap(
        number=2,
        name="the console's page",
        answers=(raw(HTML, headers={"Content-Type": "text/html"}),),
        wire="EE",
        status="failed",
        kind="no_result",
    ),
    Trap(
        number=3,
        name="a failed drawing in prose",
        endpoint="chat-image",
        answers=(chat("> 🕐 排队中\n\n> 生成失败 ❌\n> 失败原因：input_moderation\n"),),
        wire="E",
        status="failed",
        kind="refused",
    ),
    Trap(
        number=3,
        name="still in the queue",
        endpoint="chat-image",
        answers=(chat("> 🕐 排队中\n\n>🏃 进度 20%"), OK_PICTURE),
        wire="EC",
        files=1,
    ),
    Trap(
        number=4,
        name="a stop without a picture",
        endpoint="chat-image",
        answers=(chat("Which style would you like?"),),
        wire="EE",
        status="failed",
        kind="no_result",
        text="Which style",
    ),
    Trap(
        number=5,
        name="done after a cut stream",
        cells=STREAMED,
        answers=(stream(piece("half an")), stream(piece("whole"), piece(finish="stop"))),
        wire="DC",
        text="whole",
    ),
    Trap(
        number=5,
        name="no message_stop",
        endpoint="messages",
        cells=STREAMED,
        answers=(
            stream(
                message("message_start", message={"model": "m-1", "usage": {"input_tokens": 3}}),
                message("content_block_start", index=0, content_block={"type": "text", "text": ""}),
                message("content_block_delta", index=0, delta={"type": "text_delta", "text": "ha"}),
            ),
        ),
        wire="DD",
        status="in_doubt",
        kind="network",
    ),
    Trap(
        number=6,
        name="a preview before success",
        endpoint="mj-imagine",
        answers=(submitted(),),
        polls=(task("IN_PROGRESS", progress="37%", imageUrl=f"{HERE}/files/page.png"), OK_TASK),
        wire="C",
        files=1,
    ),
    Trap(
        number=7,
        name="a hundred percent of failure",
        endpoint="mj-imagine",
        answers=(submitted(),),
        polls=(task("FAILURE", progress="100%", failReason="Banned prompt detected"),),
        wire="C",
        status="failed",
        kind="refused",
    ),
    Trap(
        number=8,
        name="a refusal in a message",
        answers=(chat(None, refusal="I cannot help with that."),),
        wire="E",
        status="failed",
        kind="refused",
    ),
    Trap(
        number=8,
        name="a stop reason refusal",
        endpoint="messages",
        answers=(answer({"type": "message", "content": [], "stop_reason": "refusal"}),),
        wire="E",
        status="failed",
        kind="refused",
    ),
    Trap(
        number=9,
        name="pictures of empty strings",
        endpoint="image",
        answers=(
            answer({"created": 1, "data": [{"url": "", "b64_json": "", "revised_prompt": ""}]}),
        ),
        wire="EE",
        status="failed",
        kind="no_result",
    ),
    Trap(
        number=9,
        name="no pictures at all",
        endpoint="image",
        answers=(answer({"created": 1, "data": None}),),
        wire="EE",
        status="failed",
        kind="no_result",
    ),
    Trap(
        number=9,
        name="fewer pictures than asked",
        endpoint="image",
        cells={"n": "3"},
        answers=(answer({"created": 1, "data": [{"url": f"{HERE}/files/a.png"}]}),),
        wire="C",
        files=1,
    ),
    Trap(
        number=10,
        name="a fenced object",
        cells={"schema": SCHEMA},
        answers=(chat('```json\n{"city": "Leeds"}\n```'),),
        wire="C",
        text="Leeds",
    ),
    Trap(
        number=10,
        name="prose for an object",
        cells={"schema": SCHEMA},
        answers=(chat("The city is Leeds."),),
        wire="EE",
        status="failed",
        kind="schema",
        text="The city",
    ),
    Trap(
        number=11,
        name="a page in place of a picture",
        endpoint="chat-image",
        answers=(chat(f"![a]({HERE}/files/page.png)"),),
        wire="C",
        status="failed",
        kind="file",
    ),
    # --- errors that do not mean what they say ----------------------------------------------------
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
    # --- streams ----------------------------------------------------------------------------------
    Trap(
        number=30,
        name="lines of every form",
        cells=STREAMED,
        answers=(
            stream(
                "data:\n\n",
                "id: 1\n\n",
                "retry: 5\n\n",
                "data:" + json.dumps(piece("猫")) + "\r\n\r\n",
                "event: message\ndata: "
                + json.dumps(piece(" and dog"), ensure_ascii=False)
                + "\n\n",
                piece(finish="stop"),
                head=": PING\n\n",
            ),
        ),
        wire="C",
        text="猫 and dog",
    ),
    Trap(
        number=31,
        name="usage without choices",
        cells=STREAMED,
        answers=(
            stream(
                piece("hi"),
                piece(finish="stop"),
                {
                    "choices": [],
                    "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
                },
            ),
        ),
        wire="C",
        columns={"result_total_tokens": "10"},
        sent=says("stream_options", {"include_usage": True}),
    ),
    Trap(
        number=32,
        name="an error in mid stream",
        cells=STREAMED,
        answers=(
            stream(
                piece("half"), {"error": {"message": "upstream broke", "type": "x", "code": None}}
            ),
            stream(piece("whole"), piece(finish="stop")),
        ),
        wire="EC",
        text="whole",
    ),
    Trap(
        number=33,
        name="cumulative usage",
        endpoint="messages",
        cells=STREAMED,
        answers=(
            stream(
                message(
                    "message_start",
                    message={"model": "m-1", "usage": {"input_tokens": 7, "output_tokens": 1}},
                ),
                message("content_block_start", index=0, content_block={"type": "text", "text": ""}),
                message("content_block_delta", index=0, delta={"type": "text_delta", "text": "hi"}),
                message("content_block_stop", index=0),
                message("message_delta", delta={}, usage={"output_tokens": 5}),
                message(
                    "message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9}
                ),
                message("message_stop"),
                done=False,
            ),
        ),
        wire="C",
        text="hi",
        columns={"result_prompt_tokens": "7", "result_completion_tokens": "9"},
    ),
    Trap(
        number=34,
        name="fragments of two tool calls",
        cells={**STREAMED, "tools": TOOLS},
        answers=(
            stream(
                tool(0, "", name="warm"),
                tool(1, '{"town":', name="warm"),
                tool(0, '{"town":"Os'),
                tool(1, '"Porto"}'),
                tool(0, 'lo"}'),
                piece(finish="tool_calls"),
            ),
        ),
        wire="C",
        columns={"result_finish": "tool_calls"},
    ),
    Trap(
        number=35,
        name="a line of megabytes",
        endpoint="chat-image",
        cells=STREAMED,
        answers=(
            stream(
                piece(
                    f"![image](data:image/png;base64,{PNG}) " + "<!-- " + "x" * 12_000_000 + " -->"
                ),
                piece(finish="stop"),
            ),
        ),
        wire="C",
        files=1,
    ),
    Trap(
        number=36,
        name="a whole answer for a stream",
        cells=STREAMED,
        answers=(GOOD,),
        wire="C",
        text="hello",
    ),
    Trap(
        number=36,
        name="bare JSON after a ping",
        cells=STREAMED,
        answers=(
            Injected(
                body=b': PING\n\n{"error":{"message":"slow","code":"rate_limit_exceeded"}}',
                headers=EVENTS,
                free=True,
            ),
            stream(piece("whole"), piece(finish="stop")),
        ),
        wire="BC",
        text="whole",
    ),
    Trap(
        number=36,
        name="a stream nobody asked for",
        answers=(stream(piece("hi"), piece(finish="stop")),),
        wire="C",
        text="hi",
    ),
    # --- time and money ---------------------------------------------------------------------------
    Trap(
        number=37,
        name="524 of a call that goes on",
        answers=(raw(CLOUDFLARE, 524, free=False), stream(piece("whole"), piece(finish="stop"))),
        wire="DC",
        text="whole",
        sent=says("stream", True),
    ),
    Trap(
        number=38,
        name="twice no whole answer",
        answers=(Injected(body=b'{"choices": [', headers=JSON_TYPE, short=True),),
        wire="DD",
        status="in_doubt",
        kind="network",
    ),
    Trap(
        number=39,
        name="failed calls count too",
        answers=(
            refusal(
                429, "您已达到总请求数限制：1分钟内最多请求9次，包括失败次数", "", headers=QUICKLY
            ),
            GOOD,
        ),
        wire="BC",
    ),
    Trap(
        number=41,
        name="usage of noughts and two schemes",
        answers=(
            answer(
                {
                    **completion("hello"),
                    "usage": {
                        "prompt_tokens": 0,
                        "completion_tokens": 0,
                        "total_tokens": 0,
                        "input_tokens": 0,
                        "output_tokens": 0,
                        "input_tokens_details": None,
                    },
                }
            ),
        ),
        wire="C",
        columns={"result_total_tokens": "", "result_prompt_tokens": ""},
    ),
    Trap(
        number=42,
        name="another model in the answer",
        model="gpt-4o-image",
        settings='[prices."gpt-4o-image"]\ncall = 0.03\n',
        answers=(answer({**completion("hello"), "model": "sora_image"}),),
        wire="C",
        columns={"result_model": "sora_image", "result_cost": "0.03"},
    ),
    Trap(
        number=46,
        name="amounts in other signs",
        answers=(refusal(403, "预扣费额度失败, 用户剩余额度: ＄0.01, 需要预扣费额度: ＄0.20", ""),),
        wire="BBB",
        status="pending",
        kind="credit",
        exit_code=6,
    ),
    # --- Midjourney -------------------------------------------------------------------------------
    Trap(
        number=47,
        name="no status yet",
        endpoint="mj-imagine",
        answers=(submitted(),),
        polls=(task(""), task("NOT_START"), task("SUBMITTED", progress="排队中"), OK_TASK),
        wire="C",
        files=1,
    ),
    Trap(
        number=49,
        name="nothing a gateway deletes is sent",
        endpoint="mj-imagine",
        answers=(submitted(),),
        polls=(OK_TASK,),
        wire="C",
        files=1,
        sent=lacks("notifyHook", "accountFilter"),
    ),
    Trap(
        number=50,
        name="a mode of ones own",
        endpoint="mj-imagine",
        cells={"body.mode": "RELAX"},
        answers=(submitted(),),
        polls=(OK_TASK,),
        wire="C",
        files=1,
        sent=says("mode", "RELAX"),
    ),
    Trap(
        number=51,
        name="a number for a ticket",
        endpoint="mj-imagine",
        answers=(submitted(result=1320098173412546),),
        polls=(OK_TASK,),
        wire="C",
        files=1,
    ),
    Trap(
        number=51,
        name="no ticket at all",
        endpoint="mj-imagine",
        answers=(submitted(result=""),),
        wire="D",
        status="in_doubt",
        kind="no_result",
    ),
    Trap(
        number=52,
        name="times in milliseconds or none",
        endpoint="mj-imagine",
        answers=(submitted(),),
        polls=(
            task("IN_PROGRESS", submitTime=1763861700123, startTime=0, finishTime=None),
            task("SUCCESS", finishTime=1763861761007, imageUrl=f"{HERE}/files/grid.png"),
        ),
        wire="C",
        files=1,
    ),
    Trap(
        number=55,
        name="a submit of no type",
        endpoint="mj-imagine",
        answers=(
            Injected(body=submitted().body, headers={"Content-Type": "text/plain", **QUICKLY}),
        ),
        polls=(OK_TASK,),
        wire="C",
        files=1,
    ),
    Trap(
        number=56,
        name="a picture at a wrong host",
        endpoint="mj-imagine",
        answers=(submitted(),),
        polls=(task("SUCCESS", imageUrl="http://127.0.0.1:9/mj/image/77"),),
        wire="C",
        status="failed",
        kind="file",
    ),
    # --- pictures ---------------------------------------------------------------------------------
    Trap(
        number=57,
        name="each picture twice and a preview",
        endpoint="chat-image",
        answers=(
            chat(
                "```json\n{}\n```\n\n>🏃 进度 48..[100](https://v.example/preview_1.webp)\n\n"
                "> ✅ 生成完成\n\n"
                f"![a]({HERE}/files/cdn/aa.png)\n[点击下载]({HERE}/files/cdn/download/aa.png)\n\n"
                f"![b]({HERE}/files/cdn/bb.png)\n[点击下载]({HERE}/files/cdn/download/bb.png)\n"
            ),
        ),
        wire="C",
        files=2,
    ),
    Trap(
        number=58,
        name="a picture inside the text",
        endpoint="chat-image",
        answers=(chat(f"Here.\n![image](data:image/png;base64,{PNG})"),),
        wire="C",
        files=1,
    ),
    Trap(
        number=59,
        name="the fields other name",
        endpoint="image-edit",
        cells={"image": "in.png"},
        answers=(
            refusal(400, "Missing required parameter: 'image[]'.", None, "invalid_request_error"),
            answer({"created": 1, "data": [{"b64_json": PNG}]}),
        ),
        wire="BC",
        files=1,
        sent=lambda asked: b'name="image[]"' in asked.body,
    ),
    Trap(
        number=60,
        name="edits of no gateway",
        endpoint="image-edit",
        cells={"image": "in.png"},
        answers=(refusal(501, "API not implemented", "api_not_implemented"),),
        wire="B",
        status="failed",
        kind="model",
    ),
    Trap(
        number=61,
        name="an expired address",
        endpoint="chat-image",
        answers=(chat(f"![a]({HERE}/files/expired.png?se=2020-01-01T00%3A00%3A00Z&sig=a%2Bb)"),),
        wire="C",
        status="failed",
        kind="file",
    ),
    # --- keys and configuration -------------------------------------------------------------------
    Trap(
        number=65,
        name="a key goes out as it is",
        answers=(GOOD,),
        wire="C",
        sent=lambda asked: asked.headers["authorization"] == "Bearer sk-canary-4b7f1e9c2d8a6053",
    ),
    Trap(
        number=66,
        name="an address with v1",
        base="/v1/",
        answers=(GOOD,),
        wire="C",
        sent=lambda asked: asked.path == "/v1/chat/completions",
    ),
    Trap(
        number=67,
        name="a list of models in another shape",
        answers=(refusal(401, "channel key", "invalid_api_key", "x"), GOOD),
        models=answer({"success": True, "data": [{"id": "m-1"}]}),
        wire="BC",
    ),
    Trap(
        number=69,
        name="the version of messages",
        endpoint="messages",
        answers=(
            answer(
                {
                    "type": "message",
                    "content": [{"type": "text", "text": "hi"}],
                    "stop_reason": "end_turn",
                }
            ),
        ),
        wire="C",
        sent=lambda asked: asked.headers["anthropic-version"] == "2023-06-01",
    ),
    Trap(
        number=70,
        name="a success that says do not retry",
        answers=(answer(completion("hello"), headers={"x-should-retry": "false"}),),
        wire="C",
    ),
    Trap(
        number=71,
        name="a coding that is none",
        answers=(answer(completion("x"), headers={"Content-Encoding": "gzip"}), GOOD),
        wire="DC",
    ),
)

ELSEWHERE: Mapping[int, str] = {
    29: "test_transport.py::test_pings_do_not_keep_a_stream_alive",
    40: "test_attempts.py::test_a_server_fault_is_asked_again_until_the_attempts_are_used_up",
    43: "test_prices.py::test_every_spelling_of_usage_comes_to_its_own_cost",
    44: "test_midjourney.py::test_each_prompt_is_submitted_once_and_its_grid_is_saved",
    45: "test_books.py::test_a_billed_call_that_we_took_for_free_is_found",
    48: "test_tickets.py::test_trouble_is_waited_out_until_the_deadline_and_costs_nothing",
    53: "test_midjourney.py::test_a_task_past_its_deadline_is_asked_after_again_by_the_next_run",
    54: "test_midjourney.py::test_a_run_that_was_killed_while_asking_goes_on_without_a_submit",
    62: "test_download.py::test_the_address_goes_out_byte_for_byte",
    63: "test_conformance.py::test_no_model_is_built_in",
    64: "test_shrinking.py::test_quality_goes_before_pixels",
    68: "test_prices.py::test_price_lists_of_all_shapes_say_the_same",
}
"""Traps that need more than an answer: a clock, a death, an address."""
