"""Gathers the pictures of an answer, wherever the gateway put them."""

import re
from collections.abc import Iterable, Iterator, Mapping

from jobs.job import JSON, Failure, FailureClass
from jobs.result import Picture
from runner.endpoints.dialects.chat import Completion
from runner.endpoints.dialects.completions import CompletionChoice
from runner.endpoints.dialects.expiry import expires_at
from runner.endpoints.dialects.markdown_links import picture_targets
from runner.protocol.errors import one_line

_MAGIC = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR")


def completion_pictures(completion: Completion) -> tuple[Picture, ...]:
    """The pictures of a chat completion: of each choice the best place, else its `data` list."""
    found = [picture for choice in completion.choices for picture in _choice_pictures(choice)]
    return distinct(found or data_pictures(completion.data))


def _choice_pictures(choice: CompletionChoice) -> list[Picture]:
    for items in (choice.images, choice.parts):
        if found := _pictures(target for item in items for target in _targets(item)):
            return found
    return _pictures(picture_targets(choice.text))


def data_pictures(data: JSON) -> tuple[Picture, ...]:
    """The pictures of an images-style list; an entry whose url and b64_json are empty is none."""
    listed = data if isinstance(data, list) else [data]
    return distinct(_pictures(target for item in listed for target in _targets(item)))


def distinct(pictures: Iterable[Picture]) -> tuple[Picture, ...]:
    """Each picture once: a download link to a picture is that picture."""
    unique: dict[str, Picture] = {}
    for picture in pictures:
        name = (picture.url or "").replace("/download/", "/") or picture.base64 or ""
        unique.setdefault(name, picture)
    return tuple(unique.values())


def _pictures(targets: Iterable[str]) -> list[Picture]:
    return [picture for target in targets if (picture := picture_of(target))]


def picture_of(target: str) -> Picture | None:
    """A picture from an address, a data URI or base64; None for what is none of them."""
    target = target.strip()
    head = target[:200].lower()
    if head.startswith(("http://", "https://")):
        return Picture(url=target, expires_at=expires_at(target))
    if head.startswith(("data:image/", "data:application/octet-stream")):
        kind, _, payload = target.partition(",")
        return Picture(base64=payload) if payload and kind.lower().endswith("base64") else None
    if head.startswith("base64://"):
        return Picture(base64=target[9:]) if len(target) > 9 else None
    return Picture(base64=target) if target.startswith(_MAGIC) else None


def _targets(item: JSON) -> Iterator[str]:
    """What one structured entry points to, in the spellings that gateways use."""
    if isinstance(item, str):
        yield item
        return
    if not isinstance(item, dict):
        return
    for name in ("image_url", "image", "url", "source", "inline_data", "inlineData", "result"):
        value = item.get(name)
        if isinstance(value, str) and value:
            yield value
            return
        if isinstance(value, dict) and (found := _within(value)):
            yield found
            return
    if found := _within(item):
        yield found


def _within(value: Mapping[str, JSON]) -> str:
    address = value.get("url")
    if isinstance(address, str) and address:
        return address
    for name in ("b64_json", "data", "base64"):
        coded = value.get(name)
        if isinstance(coded, str) and coded:
            return coded if coded.startswith("data:") else f"base64://{coded}"
    return ""


# --- no picture ---------------------------------------------------------------------------------

_REFUSED = re.compile(
    r"moderation|content[ _]policy|violat|违反|政策|敏感|无法生成|不能生成"
    r"|\bI(?:['’]m| am) (?:unable|not able) to|\bI can(?:['’]t|not)\b",
    re.IGNORECASE,
)
_RUNNING = re.compile(r"排队中|生成中|进度")
_ENDED = re.compile(r"生成完成|生成失败")
_PASSING = re.compile(r"生成失败|超时|timeout|timed out|繁忙|稍后", re.IGNORECASE)


def no_picture(text: str) -> Failure:
    """Why a complete answer holds no picture, by what it says instead, quoted lines included."""
    said = text if len(text) < 40_000 else text[:20_000] + text[-20_000:]
    if _REFUSED.search(said):
        kind, cause = FailureClass.REFUSED, "moderation"
    elif _RUNNING.search(said) and not _ENDED.search(said):
        kind, cause = FailureClass.NO_RESULT, "incomplete_picture"
    elif _PASSING.search(said):
        kind, cause = FailureClass.SERVER, "generation_failed"
    else:
        kind, cause = FailureClass.NO_RESULT, "no_picture"
    return Failure(kind=kind, cause=cause, detail=one_line(said))
