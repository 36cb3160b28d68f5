"""Traps of streams, and of time and money."""

import json
from collections.abc import Sequence

from tests.support.trap import (
    CLOUDFLARE,
    EVENTS,
    GOOD,
    JSON_TYPE,
    PNG,
    QUICKLY,
    STREAMED,
    TOOLS,
    Trap,
    answer,
    completion,
    message,
    piece,
    raw,
    refusal,
    says,
    stream,
    tool,
)
from tests.support.trap_server import Injected

STREAMS: Sequence[Trap] = (
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
)
