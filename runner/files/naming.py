"""Names of saved files, safe on Windows, macOS and Linux."""

import re
import sys
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath

from jobs.errors import ObstacleError

DEFAULT_TEMPLATE = "{{ row }}-{{ slug }}-{{ n }}"
TEMPLATE_NAMES = ("row", "key", "slug", "n", "model", "endpoint")
"""The names that every template may use besides the sheet's headers."""

MAX_PART_BYTES = 120  # bytes of one path part, ending included
_MAX_SLUG_CHARACTERS = 40  # characters
_PLACE = re.compile(r"\{\{\s*([^{}|]*?)\s*(?:\|\s*([^{}]*?)\s*)?\}\}")
_UNSAFE = re.compile(
    r'[<>:"/\\|?*\u2044\u2215\u29f8\uff0f\uff1a\uff3c]'
)  # including look-alikes of / : \
_DEVICE = re.compile(
    r"(?:CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3])\s*(?:\.|$)",
    re.IGNORECASE,
)


class FileNameError(ObstacleError):
    """A file name template is unusable; says what to write instead."""


def check_template(template: str, headers: Collection[str] = ()) -> None:
    """Raise FileNameError for unknown names and for templates that give no file name."""
    names = [*TEMPLATE_NAMES, *(header for header in headers if header not in TEMPLATE_NAMES)]
    if "\\" in template:
        raise FileNameError("name_backslash")
    for place in _PLACE.finditer(template):
        if place[1] not in names:
            raise _unknown(place[1], names)
    if "{{" in _PLACE.sub("", template) or "}}" in _PLACE.sub("", template):
        raise FileNameError("name_open", place="{{ name }}", template=template)
    if not _PLACE.sub("x", template).rpartition("/")[2].strip(" ."):
        raise FileNameError("name_folder", template=template)


def _unknown(name: str, known: Iterable[str]) -> FileNameError:
    return FileNameError("name_unknown", place=f"{{{{ {name} }}}}", known=", ".join(known))


def name_file(
    template: str, values: Mapping[str, str], *, version: int, extension: str
) -> PurePosixPath:
    """The relative path of one file: `/` makes folders in the template, not in a value.

    The second generation of a row gets `_v2`. Raises FileNameError for an unknown name.
    """
    parts = [part for part in _outside_braces(template) if part.strip(" .")]
    *folders, last = [_filled(part, values) for part in parts] or ["file"]
    ending = "".join(c for c in extension.lower() if c.isascii() and c.isalnum())[:10]
    tail = (f"_v{version}" if version > 1 else "") + (f".{ending}" if ending else "")
    return PurePosixPath(*(_safe(folder) for folder in folders), _safe(last, tail))


def slug(prompt: str) -> str:
    """The first words of a prompt as part of a file name; letters of every script are kept."""
    text = unicodedata.normalize("NFC", prompt[:400])
    kept = "".join(c if unicodedata.category(c)[0] in "LNM" else "-" for c in text)
    short = re.sub("-+", "-", kept).strip("-")[:_MAX_SLUG_CHARACTERS]
    return short.rstrip("-") or "untitled"


def _outside_braces(template: str) -> list[str]:
    """The template's path parts; the / in a default such as `{{ size | 3/4 }}` makes no folder."""
    places = [place[0] for place in _PLACE.finditer(template)]
    marked = _PLACE.sub("\0", template.replace("\0", ""))
    waiting = iter(places)
    return [re.sub("\0", lambda _: next(waiting), part) for part in marked.split("/")]


def _filled(part: str, values: Mapping[str, str]) -> str:
    def value(place: re.Match[str]) -> str:
        if place[1] not in values:
            raise _unknown(place[1], values)
        return values[place[1]].strip() or place[2] or ""

    return _PLACE.sub(value, part)


def _safe(text: str, tail: str = "") -> str:
    """One path part that every file system accepts, with its tail kept whole."""
    spaced = "".join(
        " " if unicodedata.category(c) in {"Zl", "Zp"} or c in "\t\r\n" else c for c in text
    )
    visible = "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Cn"})
    plain = _UNSAFE.sub("_", _encodable(unicodedata.normalize("NFC", visible)))
    clean = re.sub(r"\s+", " ", plain).lstrip(" -~.").rstrip(" .")
    if _DEVICE.match(clean):
        clean = f"_{clean}"
    room = MAX_PART_BYTES - len(tail.encode())
    return (_cut(clean, room).rstrip(" .") or "_") + tail


def _encodable(text: str) -> str:
    """The text with ? for characters that file names here cannot hold (Linux with a GBK locale)."""
    encoding = sys.getfilesystemencoding()
    return text.encode(encoding, "replace").decode(encoding)


def _cut(text: str, room: int) -> str:
    """Cut to that many bytes, never inside a character or before its accents."""
    if len(text.encode()) <= room:
        return text
    kept = text.encode()[:room].decode("utf-8", "ignore")
    while len(kept) > 1 and unicodedata.combining(text[len(kept)]):
        kept = kept[:-1]
    return kept
