"""Midjourney's imagine: a grid of four pictures drawn from a prompt."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from jobs.job import JSON
from runner.endpoints.dialects.midjourney import data_uris, midjourney_endpoint, submit_call
from runner.endpoints.fields import body_column, column, enclosed_pictures
from runner.protocol.call import Call
from runner.protocol.pictures import Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of an mj-imagine row."""

    prompt: str = column(
        "what to draw; parameters such as --ar 3:2 --v 7 go in the text",
        example="etching of a heron standing in reeds, heavy ink, cream paper --ar 3:2",
    )
    model: str = column(
        "a name for the price list only; it is not sent", default="mj_imagine", identity=False
    )
    image: tuple[Attachment, ...] = enclosed_pictures("reference pictures: paths", default=())
    bot_type: Literal["MID_JOURNEY", "NIJI_JOURNEY"] | None = column(
        "which bot draws; the gateway takes MID_JOURNEY", default=None
    )
    split: bool | None = column(
        "cut the grid into its four pictures, here and at no cost", default=None, identity=False
    )
    mode: str | None = column("speed, as the gateway calls it: RELAX, FAST, TURBO", default=None)
    body: Mapping[str, JSON] = body_column()


def build(inputs: Inputs) -> Call:
    """POST /mj/submit/imagine with the fields that are given; the `body` columns override them."""
    body: dict[str, JSON] = {
        "prompt": inputs.prompt,
        "base64Array": data_uris(inputs.image) or None,
        "botType": inputs.bot_type,
        "mode": inputs.mode,
    }
    return submit_call("/mj/submit/imagine", body, inputs.body)


ENDPOINT = midjourney_endpoint(
    "mj-imagine",
    "Midjourney: a 2×2 grid of pictures from a prompt",
    inputs=Inputs,
    build=build,
    splits=lambda inputs: bool(inputs.split),
    example={"prompt": "etching of a heron standing in reeds, heavy ink, cream paper --ar 3:2"},
)
