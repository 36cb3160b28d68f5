"""Traps of Midjourney, of pictures, and of keys and configuration."""

from collections.abc import Sequence

from tests.support.trap import (
    GOOD,
    HERE,
    OK_TASK,
    PNG,
    QUICKLY,
    Trap,
    answer,
    chat,
    completion,
    lacks,
    refusal,
    says,
    submitted,
    task,
)
from tests.support.trap_server import Injected

SERVICES: Sequence[Trap] = (
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
        wire="C",
    ),
)
