"""Midjourney beyond imagine and blend: buttons of a task, describe, shorten, video, edits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from jobs.job import JSON
from runner.endpoints.dialects.midjourney import data_uris, midjourney_endpoint, submit_call
from runner.endpoints.fields import InputError, body_column, column, enclosed_pictures
from runner.protocol.call import Call
from runner.protocol.pictures import Attachment

OWN_PATHS = {
    "describe": "/mj/submit/describe",
    "shorten": "/mj/submit/shorten",
    "video": "/mj/submit/video",
    "edits": "/mj/submit/edits",
}
"""What needs no button of an earlier task."""
BUTTON_PREFIX = "MJ::"
KEY_PREFIX = "key:"
MIN_TASK_ID_CHARACTERS = 8  # a shorter number is a row's, which moves when rows are added
_FAMILIES = {
    "reroll": "::reroll::",
    "vary_strong": "::high_variation::",
    "vary_subtle": "::low_variation::",
    "upscale_subtle": "_subtle",
    "upscale_creative": "_creative",
    "zoom_out": "Outpaint::",
    "pan_left": "::pan_left::",
    "pan_right": "::pan_right::",
    "pan_up": "::pan_up::",
    "pan_down": "::pan_down::",
    "animate_high": "::animate_high",
    "animate_low": "::animate_low",
}
"""Names of buttons, each with what its id contains. The ids themselves are Midjourney's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of an mj-action row."""

    action: str = column(
        "U1 to U4, V1 to V4, reroll, another button by its label, or describe, shorten, video, "
        "edits",
        example="U1",
    )
    model: str = column(
        "a name for the price list only; it is not sent", default="mj_action", identity=False
    )
    parent: str | None = column(
        "whose button it is: a task id, or key:VALUE of a row of this sheet",
        default=None,
        example="key:heron",
    )
    custom_id: str | None = column(
        "the button's own id; without it the parent's buttons are looked through",
        default=None,
        identity=False,
    )
    prompt: str | None = column("the words, for shorten, video and edits", default=None)
    image: tuple[Attachment, ...] = enclosed_pictures(
        "the picture, for describe, video and edits: a path", default=(), high=1
    )
    motion: Literal["low", "high"] | None = column("how much moves, for video", default=None)
    bot_type: Literal["MID_JOURNEY", "NIJI_JOURNEY"] | None = column(
        "which bot draws; the gateway takes MID_JOURNEY", default=None
    )
    body: Mapping[str, JSON] = body_column()


def build(inputs: Inputs) -> Call:
    """POST the button of a parent, or one of the submits that stand for themselves."""
    kind = inputs.action.strip().lower()
    path = OWN_PATHS.get(kind)
    pictures = data_uris(inputs.image)
    if path is None:
        body: dict[str, JSON] = {
            "taskId": inputs.parent,
            "customId": inputs.custom_id or inputs.action,
        }
        return submit_call("/mj/submit/action", body, inputs.body)
    body = {"prompt": inputs.prompt, "botType": inputs.bot_type, "motion": inputs.motion}
    if pictures:
        body["base64" if kind == "describe" else "image"] = pictures[0]
    return submit_call(path, body, inputs.body)


def press(fields: Mapping[str, JSON], task: str | None, buttons: JSON) -> dict[str, JSON]:
    """The fields that name a button of this task. Raises InputError if it has no such button."""
    action = str(fields.get("action") or "").strip()
    if action.lower() in OWN_PATHS:
        return {}
    parent = task or str(fields.get("parent") or "")
    if not parent:
        raise InputError("parent", expected="a task id, or key:VALUE of a row", found="nothing")
    own = str(fields.get("custom_id") or "")
    if own or action.startswith(BUTTON_PREFIX):
        return {"parent": parent, "custom_id": own or action}
    found = button_of(buttons, action)
    if found is None:
        labels = ", ".join(_labels(buttons)) or "none that is known here"
        raise InputError("action", expected=f"a button of the parent ({labels})", found=action)
    return {"parent": parent, "custom_id": found}


def button_of(buttons: JSON, action: str) -> str | None:
    """The id of the button with this label, sign or name."""
    family = _FAMILIES.get(action.lower().replace(" ", "_").replace("-", "_"))
    for button in buttons if isinstance(buttons, list) else []:
        if not isinstance(button, dict) or not isinstance(button.get("customId"), str):
            continue
        number = str(button["customId"])
        shown = {str(button.get(name) or "").strip().lower() for name in ("label", "emoji")}
        if action.lower() in shown or (family and family in number) or action == number:
            return number
    return None


def _labels(buttons: JSON) -> list[str]:
    listed = [one for one in buttons if isinstance(one, dict)] if isinstance(buttons, list) else []
    return [str(one.get("label") or one.get("emoji") or "") for one in listed][:30]


def _check_parent(fields: Mapping[str, JSON]) -> None:
    parent = str(fields["parent"] or "").strip()
    if parent.startswith(KEY_PREFIX) or len(parent) >= MIN_TASK_ID_CHARACTERS or not parent:
        return
    raise InputError("parent", expected="a task id, or key:VALUE of a row", found=parent)


def _check_action(fields: Mapping[str, JSON]) -> None:
    kind = str(fields["action"] or "").strip().lower()
    if kind == "describe" and not fields.get("image"):
        raise InputError("image", expected="a picture to describe", found="nothing")
    if kind in ("shorten", "video", "edits") and not fields.get("prompt"):
        raise InputError("prompt", expected="a prompt", found="nothing")
    if kind not in OWN_PATHS and not fields.get("parent"):
        raise InputError("parent", expected="a task id, or key:VALUE of a row", found="nothing")


ENDPOINT = replace(
    midjourney_endpoint(
        "mj-action",
        "Midjourney: a button of an earlier task, describe, shorten, video, edits",
        inputs=Inputs,
        build=build,
        example={
            "action": "U1",
            "parent": "1763861700123456",
            "custom_id": "MJ::JOB::upsample::1::1",
        },
    ),
    rules={"parent": _check_parent, "action": _check_action},
    press=press,
)
