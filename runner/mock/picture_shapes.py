"""The shapes in which chat models return pictures, as seen at New API gateways."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from jobs.job import JSON
from runner.mock.chance import chance


class PictureShape(StrEnum):
    """Where the pictures are in a message."""

    MARKDOWN = "a"  # ![图片](link) alone
    DOWNLOADS = "b+c"  # each picture followed by a download link to the same picture
    PROGRESS = "d+e"  # an echo of the request and progress lines with previews, then the pictures
    INLINE = "h"  # ![image](data:…) with the bytes in the text
    PARTS = "k"  # content as a list of parts
    IMAGES = "m"  # message.images, content empty
    DATA = "n"  # the body of an images answer, without choices


DRAWN_SHAPES = frozenset({PictureShape.INLINE, PictureShape.IMAGES})
"""Shapes with the bytes instead of links."""

STREAMED_SHAPES = frozenset(PictureShape) - {PictureShape.PARTS, PictureShape.DATA}
"""Shapes that can be streamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedPictures:
    """The finished pictures of one call: `links` or `drawn` (PNG), depending on the shape."""

    base_url: str
    task: str
    prompt: str
    links: tuple[str, ...] = ()
    preview: str = ""
    drawn: tuple[bytes, ...] = ()


def form_of(seed: int, sha: str, forms: Sequence[PictureShape], *, stream: bool) -> PictureShape:
    """The shape of this prompt's pictures."""
    fitting = [form for form in forms if form in STREAMED_SHAPES] if stream else forms
    if not fitting:
        return PictureShape.MARKDOWN
    return fitting[int(chance(seed, sha, "form") * len(fitting))]


def picture_message(form: PictureShape, shelf: FinishedPictures) -> dict[str, JSON]:
    """The assistant's message; for `DATA` the caller uses `data_body` instead."""
    match form:
        case PictureShape.DOWNLOADS:
            return _message(_with_downloads(shelf))
        case PictureShape.PROGRESS:
            return _message(_progress(shelf) + _with_downloads(shelf))
        case PictureShape.INLINE:
            texts = [f"![image]({_data_uri(picture)})" for picture in shelf.drawn]
            return _message("\n".join(texts))
        case PictureShape.PARTS:
            return _message([{"type": "text", "text": "Here you are."}, *map(_part, shelf.links)])
        case PictureShape.IMAGES:
            images = [_part(_data_uri(picture)) for picture in shelf.drawn]
            return {"role": "assistant", "content": "", "images": images}
        case _:
            return _message("".join(f"![图片]({link})\n\n" for link in shelf.links))


def data_body(shelf: FinishedPictures, created: int) -> dict[str, JSON]:
    """The whole answer in the shape of an images response."""
    return {"created": created, "data": [{"url": link} for link in shelf.links]}


def _message(content: JSON) -> dict[str, JSON]:
    return {"role": "assistant", "content": content}


def _part(url: str) -> JSON:
    return {"type": "image_url", "image_url": {"url": url}}


def _data_uri(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


def _with_downloads(shelf: FinishedPictures) -> str:
    text = ""
    for number, link in enumerate(shelf.links, start=1):
        download = link.replace("/files/", "/files/download/", 1)
        text += f"![gen_{number:02}]({link})\n[点击下载]({download})\n\n"
    return text


def _progress(shelf: FinishedPictures) -> str:
    echo = json.dumps({"prompt": shelf.prompt, "n": len(shelf.links)}, ensure_ascii=False)
    web, source = (f"{shelf.base_url}/{place}/{shelf.task}" for place in ("web", "source"))
    return (
        f"```json\n{echo}\n```\n\n> ID: `{shelf.task}`\n"
        f">[数据预览]({web}) | [原始数据]({source})\n\n>🕐 排队中\n\n>⚡ 生成中.......\n\n"
        f">🏃 进度 31....62..[100]({shelf.preview})\n\n> ✅ 生成完成\n\n"
    )
