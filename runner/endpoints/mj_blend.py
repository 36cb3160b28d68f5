"""Midjourney's blend: combines two to five pictures into a new grid."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from jobs.job import JSON
from runner.endpoints.dialects.midjourney import data_uris, midjourney_endpoint, submit_call
from runner.endpoints.fields import body_column, column, enclosed_pictures
from runner.protocol.call import Call
from runner.protocol.pictures import Attachment

MIN_PICTURES, MAX_PICTURES = 2, 5  # protocol fact: else code 4 "图片参数错误，2~5张图片"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The columns of an mj-blend row. There is no prompt."""

    image: tuple[Attachment, ...] = enclosed_pictures(
        "the pictures to blend, two to five: paths",
        example="pictures/mug.png;pictures/lamp.png",
        low=MIN_PICTURES,
        high=MAX_PICTURES,
    )
    model: str = column(
        "a name for the price list only; it is not sent", default="mj_blend", identity=False
    )
    dimensions: Literal["PORTRAIT", "SQUARE", "LANDSCAPE"] | None = column(
        "2:3, 1:1 or 3:2; the gateway takes SQUARE", default=None
    )
    bot_type: Literal["MID_JOURNEY", "NIJI_JOURNEY"] | None = column(
        "which bot draws; the gateway takes MID_JOURNEY", default=None
    )
    mode: str | None = column("speed, as the gateway calls it: RELAX, FAST, TURBO", default=None)
    body: Mapping[str, JSON] = body_column()


def build(inputs: Inputs) -> Call:
    """POST /mj/submit/blend with the fields that are given; the `body` columns override them."""
    body: dict[str, JSON] = {
        "base64Array": data_uris(inputs.image),
        "dimensions": inputs.dimensions,
        "botType": inputs.bot_type,
        "mode": inputs.mode,
    }
    return submit_call("/mj/submit/blend", body, inputs.body)


ENDPOINT = midjourney_endpoint(
    "mj-blend",
    "Midjourney: two to five pictures blended into a 2×2 grid",
    inputs=Inputs,
    build=build,
    example={"image": ["pictures/mug.png", "pictures/lamp.png"], "dimensions": "LANDSCAPE"},
)
