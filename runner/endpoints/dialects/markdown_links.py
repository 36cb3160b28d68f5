"""Finds the URLs of pictures in the text of an answer.

A text may contain megabytes of base64. So this searches for delimiters with str.find and for runs
of characters, and never goes back.
"""

import html
import re
from collections.abc import Callable, Iterator

_CODE_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_PROGRESS_LINE = re.compile(r"[^\w\[!(<]*(?:排队中|生成中|进度\s*[:：]?\s*\d)")
_SIDE_LINK_NAME = re.compile(
    r"\d{1,3}%?|.{0,20}(?:预览|原始数据|在线播放|preview|source).{0,20}", re.IGNORECASE
)
_PICTURE_LINK_NAME = re.compile(
    r".{0,20}(?:图|image|picture|photo|img|result).{0,20}", re.IGNORECASE
)
_DOWNLOAD_LINK_NAME = re.compile(r"下载|download", re.IGNORECASE)
_URL = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{1,8000}")
_PICTURE_PATH = re.compile(r"\.(?:png|jpe?g|webp|gif|avif|bmp)$", re.IGNORECASE)
_VIDEO_PATH = re.compile(r"\.(?:mp4|webm|mov|m3u8)$", re.IGNORECASE)
_DATA_URI = re.compile(r"data:image/[\w.+-]{1,40}(?:;[\w=.-]{1,40}){0,3};base64,[A-Za-z0-9+/=_-]+")
_IMG_TAG = re.compile(r"<img\b[^<>]{0,500}?\bsrc\s*=\s*", re.IGNORECASE)
BASE64_BEGINNINGS = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR")  # PNG, JPEG, GIF, WebP as base64
_BASE64_LINE = re.compile(r"[A-Za-z0-9+/=_-]{64,}")
_LINK_TITLE_END = re.compile(r"""\s{1,9}(?:"[^"]{0,500}"|'[^']{0,500}')?\s{0,9}\)""")
_TARGET_STOP = re.compile(r"[\s()]|!\[|\]\(")


def picture_targets(text: str) -> list[str]:
    """The pictures of an answer: URLs, data URIs, or base64 after `base64://`.

    Code fences, quoted lines and progress lines are skipped at first: gateways put echoes, previews
    and status pages there. If there is no other picture, the quoted lines count too, because some
    gateways quote the entire answer; download links are the last resort.
    """
    lines = _without_fences(text.split("\n"))
    plain = [line for line in lines if not line.lstrip().startswith(">")]
    quoted = [line.lstrip(" \t>") for line in lines]
    for chosen in (plain, quoted):
        kept = "\n".join(line for line in chosen if not _PROGRESS_LINE.match(line))
        for kind in _FINDERS:
            if found := [target for target in kind(kept) if not _is_video(target)]:
                return found
    return [url for name, url, _ in _links("\n".join(lines)) if _is_download(name, url)]


def video_links(text: str) -> list[str]:
    """The URLs of videos, whose covers are not the requested pictures."""
    return [url for url in _bare_urls(text) if _is_video(url)]


def shortened(text: str) -> str:
    """The text with the bytes of inline pictures replaced by "…"."""
    return _DATA_URI.sub(lambda uri: f"{uri[0].partition(',')[0]},…", text)


def relative_pictures(text: str) -> list[str]:
    """The shown pictures whose addresses are paths on the gateway, such as /files/a.png."""
    targets = [target for _, target, shown in _markdown_links(text) if shown]
    return [one for one in targets if one[:1] == "/" and one[1:2] != "/" and _is_picture(one)]


def unfenced(text: str) -> str:
    """The lines inside if the entire text is one code block, else the text."""
    lines = text.strip().split("\n")
    marks = [number for number, line in enumerate(lines) if _CODE_FENCE.match(line)]
    return "\n".join(lines[1:-1]) if marks == [0, len(lines) - 1] and marks[-1] else text


def _without_fences(lines: list[str]) -> list[str]:
    """The lines outside code fences; a fence that is never closed hides nothing."""
    marks = [number for number, line in enumerate(lines) if _CODE_FENCE.match(line)]
    hidden = {
        number
        for start, end in zip(marks[::2], marks[1::2], strict=False)
        for number in range(start, end + 1)
    }
    return [line for number, line in enumerate(lines) if number not in hidden]


# --- kinds, best first ------------------------------------------------------------------------


def _shown_links(text: str) -> list[str]:
    return [target for name, target, shown in _markdown_links(text) if shown and _usable(target)]


def _markdown_links(text: str) -> Iterator[tuple[str, str, bool]]:
    """Name and target of every `[name](target)`, and whether a `!` makes it a picture."""
    position = 0
    while (middle := text.find("](", position)) >= 0:
        opening = _opening(text, middle, position)
        if opening < 0:
            position = middle + 2
            continue
        target, position = _target(text, middle + 2)
        if target:
            shown = opening > 0 and text[opening - 1] == "!"
            yield text[opening + 1 : middle], target, shown


def _opening(text: str, middle: int, floor: int) -> int:
    """The offset of the bracket that is closed at `middle`, or -1; names may contain brackets."""
    depth = 0
    for place in range(middle, max(middle - 4096, floor - 1), -1):
        depth += (text[place] == "]") - (text[place] == "[")
        if not depth:
            return place
    return -1


def _target(text: str, start: int) -> tuple[str, int]:
    """The target that starts here, without its title, and the offset to continue at.

    The target is empty if it does not end.
    """
    while start < len(text) and text[start] in " \t\n":
        start += 1
    if text.startswith(("data:", "base64://"), start):
        return _inline(text, start)
    if text.startswith("<", start):
        end = text.find(">", start, start + 8000)
        return (text[start + 1 : end], end) if end > 0 else ("", start)
    depth, position = 0, start
    while stop := _TARGET_STOP.search(text, position, start + 8000):
        if stop[0] == "(":
            depth += 1
        elif stop[0] == ")" and depth:
            depth -= 1
        elif stop[0] == ")" or _LINK_TITLE_END.match(text, stop.start()):
            return text[start : stop.start()], stop.start()
        else:
            return "", stop.start()
        position = stop.end()
    return "", start


def _inline(text: str, start: int) -> tuple[str, int]:
    end = text.find(")", start)
    if end < 0:
        return "", len(text)  # truncated: no later bracket can be closed either
    other = text.find("![", start, end)
    if other >= 0:
        return "", other
    return "".join(text[start:end].partition(' "')[0].split()), end


def _img_tags(text: str) -> list[str]:
    found = []
    for tag in _IMG_TAG.finditer(text):
        quote = text[tag.end() : tag.end() + 1]
        if quote and quote in "\"'":
            end = text.find(quote, tag.end() + 1)
            found.append(text[tag.end() + 1 : end] if end > 0 else "")
        elif bare := re.compile(r"[^\s>]+").match(text, tag.end()):
            found.append(bare[0])
    return [html.unescape(target) for target in found if _usable(target)]


def _data_uris(text: str) -> list[str]:
    return [uri[0] for uri in _DATA_URI.finditer(text)]


def _base64_lines(text: str) -> list[str]:
    found = []
    for line in text.split("\n"):
        bare = line.strip().removeprefix("base64://")
        if bare.startswith(BASE64_BEGINNINGS) and _BASE64_LINE.fullmatch(bare):
            found.append(f"base64://{bare}")
    return found


def _lone_links(text: str) -> list[str]:
    """Links whose name or path looks like a picture, except side and download links."""
    named, rest, position = [], [], 0
    for name, url, start in _links(text):
        rest.append(text[position:start])
        position = start + len(url)
        if _SIDE_LINK_NAME.fullmatch(name.strip()) or _is_download(name, url):
            continue
        if _PICTURE_LINK_NAME.fullmatch(name.strip()) or _is_picture(url):
            named.append(url)
    rest.append(text[position:])
    bare = (url for part in rest for url in _bare_urls(part))
    return named or [url for url in bare if _is_picture(url) and "/download/" not in url]


_FINDERS: tuple[Callable[[str], list[str]], ...] = (
    _shown_links,
    _img_tags,
    _data_uris,
    _base64_lines,
    _lone_links,
)


def _links(text: str) -> Iterator[tuple[str, str, int]]:
    position = 0
    for name, target, _ in _markdown_links(text):
        if target.startswith(("http://", "https://")):
            position = text.find(target, position)
            yield name, target, position
            position += len(target)


def _bare_urls(text: str) -> Iterator[str]:
    for match in _URL.finditer(text):
        url = match[0].rstrip(".,;:!?'*_~&")
        while url.endswith((")", "]")) and url.count(url[-1]) > url.count("(["[url[-1] == "]"]):
            url = url[:-1].rstrip(".,;:!?'*_~&")
        yield url


def _usable(target: str) -> bool:
    return target[:8].lower().startswith(("http://", "https://", "data:ima", "base64:/"))


def _path(url: str) -> str:
    return url[:8000].partition("?")[0].partition("#")[0]


def _is_picture(url: str) -> bool:
    return bool(_PICTURE_PATH.search(_path(url)))


def _is_video(url: str) -> bool:
    return url.startswith("http") and bool(_VIDEO_PATH.search(_path(url)))


def _is_download(name: str, url: str) -> bool:
    return bool(_DOWNLOAD_LINK_NAME.search(name)) or "/download/" in url
