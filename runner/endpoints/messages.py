"""Anthropic messages: text, streamed or not, tool calls, and pictures as input."""

# ruff: noqa: RUF009 - column() is dataclasses.field with a help text

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.job import JSON
from runner.endpoints.dialects.chat import read_text
from runner.endpoints.dialects.foreign import read_any
from runner.endpoints.dialects.lane import LANE_HELP, Lane, check_lane
from runner.endpoints.dialects.messages import (
    MAX_UNSTREAMED_TOKENS,
    content_of,
    messages_call,
    read_message,
    thinking_of,
    tool_choice_of,
    tools_of,
)
from runner.endpoints.endpoint import Endpoint, Reading, Rejected
from runner.endpoints.fields import attached_files, body_column, column
from runner.protocol.call import Call, Reply
from runner.protocol.pictures import Attachment

DEFAULT_MAX_TOKENS = 4_096
"""Sent if a row sets no limit, since the service requires one."""
MAX_PICTURE_BYTES = 5_242_880 * 3 // 4
"""Bytes of one picture. Protocol fact: the service's 5 MB count the base64 text."""
_REASONING_MODEL = re.compile(r"think|reason", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of a messages row."""

    model: str = column(
        "the model's name as the provider writes it", example="claude-3-5-sonnet-20241022"
    )
    prompt: str = column("what to say", example="Why do bells crack in hard frost?")
    system: str | None = column(
        "instructions that stand before the prompt", default=None, example="Answer in one sentence."
    )
    image: tuple[Attachment, ...] = column("pictures to look at: paths or addresses", default=())
    file: tuple[Attachment, ...] = attached_files(
        "documents (PDF) to read: paths or addresses", accepts=("application/pdf",), default=()
    )
    max_tokens: int | None = column(
        f"longest answer in tokens; {DEFAULT_MAX_TOKENS} where nothing is given",
        default=None,
        low=1,
    )
    stream: bool | None = column(
        "have the answer streamed: safer for slow answers", default=None, identity=False
    )
    temperature: float | None = column(
        "0 exact to 1 free; this interface takes no more", default=None, low=0, high=1
    )
    top_p: float | None = column(
        "share of likely words to choose from", default=None, low=0, high=1
    )
    stop_sequences: JSON = column("text, or texts in a JSON list, at which to stop", default=None)
    tools: list[JSON] | None = column("tools that the model may call, a JSON list", default=None)
    tool_choice: JSON = column("auto, any, none, a tool's name, or a JSON object", default=None)
    thinking: JSON = column(
        "tokens to think with, adaptive, disabled, or a JSON object", default=None, example=2048
    )
    lane: Lane | None = column(LANE_HELP, default=None, identity=False)
    body: Mapping[str, JSON] = body_column()


def build(inputs: Inputs) -> Call:
    """POST /v1/messages with the fields that are given; the `body` columns override them."""
    thinking = thinking_of(inputs.thinking)
    stop = inputs.stop_sequences
    content = content_of(inputs.prompt, inputs.image, inputs.file)
    body: dict[str, JSON] = {
        "model": inputs.model,
        "max_tokens": inputs.max_tokens or DEFAULT_MAX_TOKENS + _thinking_budget(thinking),
        "system": inputs.system,
        "messages": [{"role": "user", "content": content}],
        "stream": inputs.stream,
        "temperature": inputs.temperature,
        "top_p": inputs.top_p,
        "stop_sequences": [stop] if isinstance(stop, str) else stop,
        "tools": tools_of(inputs.tools),
        "tool_choice": tool_choice_of(inputs.tool_choice),
        "thinking": thinking,
    }
    return messages_call(body, inputs.body, timeout=600.0 if _is_slow(inputs) else 300.0)


def _thinking_budget(thinking: JSON) -> int:
    """The thinking budget in tokens, which the service counts towards `max_tokens`."""
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    return budget if isinstance(budget, int) else 0


def _default_limit(fields: Mapping[str, JSON]) -> int:
    """The `max_tokens` that `build` sends for a row without one."""
    return DEFAULT_MAX_TOKENS + _thinking_budget(thinking_of(fields.get("thinking")))


def _is_slow(inputs: Inputs) -> bool:
    """True if the model reasons before it answers, or may write for minutes."""
    asked = inputs.thinking not in (None, "disabled")
    long = (inputs.max_tokens or 0) > MAX_UNSTREAMED_TOKENS
    return asked or long or bool(_REASONING_MODEL.search(inputs.model))


def read(_: Inputs, reply: Reply) -> Reading:
    """The text or the tool calls; anything else is a failure with its text."""
    words = read_text(read_any(reply.text, read_message))
    return words if isinstance(words, Rejected) else words[1]


ENDPOINT = Endpoint(
    name="messages",
    summary="text out of text and pictures, in Anthropic's form; tool calls too",
    inputs=Inputs,
    build=build,
    read=read,
    rules={"lane": check_lane},
    answer_limit=_default_limit,
    max_picture_bytes=MAX_PICTURE_BYTES,
    example={
        "model": "claude-3-5-sonnet-20241022",
        "prompt": "Why do bells crack in hard frost?",
        "system": "Answer in one sentence.",
        "max_tokens": 1024,
    },
)
