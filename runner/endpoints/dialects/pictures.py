"""Collects the pictures of an answer from all the places where gateways put them."""

import re
from collections.abc import Iterable, Iterator, Mapping

from jobs.job import JSON, Failure, FailureClass
from jobs.result import Picture
from runner.endpoints.dialects.chat import Completion
from runner.endpoints.dialects.completions import CompletionChoice
from runner.endpoints.dialects.expiry import expires_at
from runner.endpoints.dialects.markdown_links import (
    BASE64_BEGINNINGS,
    picture_targets,
    relative_pictures,
    unfenced,
)
from runner.protocol.errors import one_line
from runner.protocol.json_text import Undecodable, decode

_PICTURE_NAME = re.compile(r"image|img|pic|photo|draw", re.IGNORECASE)
_PICTURE_PATH = re.compile(r"\.(?:png|jpe?g|webp|gif|avif|bmp|svg)(?:[?#]|$)", re.IGNORECASE)
_NON_RESULT_NAME = re.compile(
    r"input|request|prompt|preview|partial|thumb|cover|avatar|logo|icon|citation|annotation"
    r"|search|source_url|reference|reason|usage|mask|original",
    re.IGNORECASE,
)
"""Names of members whose pictures are not the requested ones."""


def completion_pictures(completion: Completion) -> tuple[Picture, ...]:
    """The pictures of a chat completion: from the best place in each choice, else its `data` list.

    If neither contains any, the entire answer is searched, since it was billed.
    """
    found = [picture for choice in completion.choices for picture in _choice_pictures(choice)]
    found = found or list(data_pictures(completion.data))
    for choice in () if found else completion.choices:
        found += pictures_within(list(choice.others)) or _hidden_pictures(choice.text)
    return distinct(found or pictures_within(list(completion.others)))


def _hidden_pictures(text: str) -> list[Picture]:
    """The pictures of a text that is JSON or one code block, or whose addresses are escaped or
    relative to the gateway.
    """
    inner = unfenced(text)
    if found := pictures_within(_as_json(inner)):
        return found
    targets = picture_targets(inner.replace("\\/", "/")) or relative_pictures(text)
    return [picture for target in targets if (picture := _data_picture(target))]


def _as_json(text: str) -> JSON:
    value = decode(text) if text.lstrip()[:1] in ("{", "[") else None
    return None if isinstance(value, Undecodable) else value


def pictures_within(value: JSON) -> list[Picture]:
    """Every picture in a value under any name, except echoes and previews."""
    found: list[Picture] = []
    waiting: list[tuple[str, JSON]] = [("", value)]
    while waiting:
        name, item = waiting.pop(0)
        if isinstance(item, dict):
            if picture := _typed_picture(item):
                found.append(picture)
                continue
            members = [(key, one) for key, one in item.items() if not _NON_RESULT_NAME.search(key)]
            waiting = members + waiting
        elif isinstance(item, list):
            waiting = [(name, one) for one in item] + waiting
        elif isinstance(item, str) and (picture := _named_picture(name, item)):
            found.append(picture)
    return found


def _typed_picture(item: Mapping[str, JSON]) -> Picture | None:
    """The picture of an object that contains a media type and base64, or None."""
    kinds = (item.get(name) for name in ("mime_type", "mimeType", "media_type", "mediaType"))
    if not any(isinstance(kind, str) and kind.startswith("image/") for kind in kinds):
        return None
    coded = (item.get(name) for name in ("data", "b64_json", "base64", "bytes", "content"))
    return next(
        (Picture(base64=_without_head(one)) for one in coded if isinstance(one, str) and one), None
    )


def _without_head(coded: str) -> str:
    """The base64 without the head of a data URI."""
    return coded.partition(",")[2] if coded[:5].lower() == "data:" else coded


def _named_picture(name: str, target: str) -> Picture | None:
    """The picture that a text is or links to, or None; a URL must look like a picture's by `name`
    or path.
    """
    picture = picture_of(target)
    if picture is None or picture.url is None:
        return picture
    shown = _PICTURE_NAME.search(name) or _PICTURE_PATH.search(target[:8000])
    return picture if shown else None


def _choice_pictures(choice: CompletionChoice) -> list[Picture]:
    for items in (choice.images, choice.parts):
        if found := _pictures(target for item in items for target in _targets(item)):
            return found
    return _pictures(picture_targets(choice.text))


def data_pictures(data: JSON) -> tuple[Picture, ...]:
    """The pictures of an images-style list; entries with empty url and b64_json are skipped."""
    listed = data if isinstance(data, list) else [data]
    targets = (target for item in listed for target in _targets(item))
    found = [picture for target in targets if (picture := _data_picture(target))]
    return distinct(found)


def _data_picture(target: str) -> Picture | None:
    """As `picture_of`, but also accepts a path on the gateway itself, such as /files/a.png."""
    target = target.strip()
    if picture := picture_of(target):
        return picture
    if target.startswith("//") and "." in target[:200]:
        return Picture(url=f"https:{target}", expires_at=expires_at(target))
    relative = target.startswith("/") and len(target) < 4_000 and not target[1:].startswith("/")
    return Picture(url=target, expires_at=expires_at(target)) if relative else None


def distinct(pictures: Iterable[Picture]) -> tuple[Picture, ...]:
    """The pictures without duplicates; a download link counts as the picture it links to."""
    unique: dict[str, Picture] = {}
    for picture in pictures:
        name = (picture.url or "").replace("/download/", "/") or picture.base64 or ""
        unique.setdefault(name, picture)
    return tuple(unique.values())


def _pictures(targets: Iterable[str]) -> list[Picture]:
    return [picture for target in targets if (picture := picture_of(target))]


def picture_of(target: str) -> Picture | None:
    """The picture of a URL, a data URI or base64; None for anything else."""
    target = target.strip()
    head = target[:200].lower()
    if head.startswith(("http://", "https://")):
        return Picture(url=target, expires_at=expires_at(target))
    if head.startswith(("data:image/", "data:application/octet-stream")):
        kind, _, payload = target.partition(",")
        return Picture(base64=payload) if payload and kind.lower().endswith("base64") else None
    if head.startswith("base64://"):
        return Picture(base64=target[9:]) if len(target) > 9 else None
    return Picture(base64=target) if target.startswith(BASE64_BEGINNINGS) else None


def _targets(item: JSON) -> Iterator[str]:
    """The URL or base64 of one structured entry, in any of the formats that gateways use."""
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
        if isinstance(value, dict) and (found := _target_in(value)):
            yield found
            return
    if found := _target_in(item):
        yield found


def _target_in(value: Mapping[str, JSON]) -> str:
    address = value.get("url")
    if isinstance(address, str) and address:
        return address
    for name in ("b64_json", "data", "base64", "image_base64", "b64"):
        coded = value.get(name)
        if isinstance(coded, str) and coded:
            return coded if coded.startswith("data:") else f"base64://{coded}"
    return ""


# --- no picture ---------------------------------------------------------------------------------

_REFUSED_PHRASE = re.compile(
    r"moderation|content[ _]policy|violat|违反|政策|敏感|无法生成|不能生成"
    r"|\bI(?:['’]m| am) (?:unable|not able) to|\bI can(?:['’]t|not)\b",
    re.IGNORECASE,
)
_RUNNING_PHRASE = re.compile(r"排队中|生成中|进度")
_ENDED_PHRASE = re.compile(r"生成完成|生成失败")
_TEMPORARY_PHRASE = re.compile(r"生成失败|超时|timeout|timed out|繁忙|稍后", re.IGNORECASE)


def no_picture(text: str) -> Failure:
    """Why a complete answer contains no picture, by its text, including quoted lines."""
    shortened = text if len(text) < 40_000 else text[:20_000] + text[-20_000:]
    if _REFUSED_PHRASE.search(shortened):
        kind, cause = FailureClass.REFUSED, "moderation"
    elif _RUNNING_PHRASE.search(shortened) and not _ENDED_PHRASE.search(shortened):
        kind, cause = FailureClass.NO_RESULT, "incomplete_picture"
    elif _TEMPORARY_PHRASE.search(shortened):
        kind, cause = FailureClass.SERVER, "generation_failed"
    else:
        kind, cause = FailureClass.NO_RESULT, "no_picture"
    return Failure(kind=kind, cause=cause, detail=one_line(shortened))
