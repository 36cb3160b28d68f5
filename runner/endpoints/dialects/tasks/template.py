"""Fills the request of a task dialect with the fields of a row."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from jobs.job import JSON
from runner.protocol.call import Part
from runner.protocol.pictures import Attachment

Value: TypeAlias = JSON | tuple[Attachment, ...]
MISSING = object()
"""What a name stands for that the row does not give."""


def filled(template: Mapping[str, JSON], values: Mapping[str, Value]) -> dict[str, JSON]:
    """The template with each "$NAME" or "$NAME:FORM" replaced; what the row lacks is left out.

    An entry of a list is left out as a whole if any name in it is missing that does not end in "?".
    """
    found: dict[str, JSON] = {}
    for name, one in template.items():
        made = _filled(one, values)
        if made is not MISSING and made not in ({}, []):
            found[name] = made  # type: ignore[assignment]  # JSON, as all that is not MISSING
    return found


def merged(below: Mapping[str, JSON], above: Mapping[str, JSON]) -> dict[str, JSON]:
    """One template over another, member by member."""
    found = dict(below)
    for name, value in above.items():
        own = found.get(name)
        both = isinstance(own, dict) and isinstance(value, dict)
        found[name] = merged(own, value) if both else value  # type: ignore[arg-type]  # both are dicts
    return found


def form_parts(
    template: Mapping[str, JSON], values: Mapping[str, Value], over: Mapping[str, JSON]
) -> tuple[Part, ...]:
    """The same as a form: "$NAME:file" is a file, where the picture is no address."""
    parts: list[Part] = []
    for name, one in template.items():
        pictures = values.get(one[1:-5]) if isinstance(one, str) and one.endswith(":file") else None
        if isinstance(pictures, tuple):
            parts += [_file(name, picture) for picture in pictures] if name not in over else []
        elif name not in over and (made := filled({name: one}, values)):
            parts.append(_text(name, made[name]))
    return (*parts, *(_text(name, value) for name, value in over.items()))


def _filled(template: JSON, values: Mapping[str, Value]) -> object:
    if isinstance(template, dict):
        return filled(template, values)
    if isinstance(template, list):
        return _list(template, values)
    if isinstance(template, str) and template.startswith("$"):
        return _value(template[1:], values)
    return template


def _list(template: list[JSON], values: Mapping[str, Value]) -> list[JSON]:
    found: list[JSON] = []
    for one in template:
        if isinstance(one, str) and one.endswith(":each"):
            several = _value(f"{one[1:-5]}:list", values)
            found += several if isinstance(several, list) else []
        elif isinstance(one, dict) and (each := _each(one)) is not None:
            found += _one_for_each(one, each, values)
        elif not _lacks(one, values):
            found.append(_filled(one, values))  # type: ignore[arg-type]  # nothing is missing in it
    return found


def _each(template: dict[str, JSON]) -> str | None:
    """The name whose every picture has an entry of its own."""
    return next((one[1:-5] for one in names_in(template) if one.endswith(":each")), None)


def _one_for_each(template: dict[str, JSON], name: str, values: Mapping[str, Value]) -> list[JSON]:
    pictures = values.get(name)
    found: list[JSON] = []
    for picture in pictures if isinstance(pictures, tuple) else ():
        own = {**values, "each": (picture,)}
        found.append(filled(_renamed(template, f"${name}:each"), own))  # type: ignore[arg-type]
    return found


def _renamed(template: JSON, name: str) -> JSON:
    if isinstance(template, dict):
        return {key: _renamed(one, name) for key, one in template.items()}
    return "$each" if template == name else template


def names_in(template: JSON) -> list[str]:
    """Every "$NAME" in a template, as it is written there."""
    if isinstance(template, dict):
        return [name for one in template.values() for name in names_in(one)]
    if isinstance(template, list):
        return [name for one in template for name in names_in(one)]
    return [template] if isinstance(template, str) and template.startswith("$") else []


def _lacks(template: JSON, values: Mapping[str, Value]) -> bool:
    wanted = (name[1:] for name in names_in(template) if not name.endswith("?"))
    return any(_value(name, values) is MISSING for name in wanted)


def _value(name: str, values: Mapping[str, Value]) -> object:
    """A field in the form that the vendor wants."""
    name, _, form = name.removesuffix("?").partition(":")
    value = values.get(name)
    if value in (None, (), ""):
        return MISSING
    if isinstance(value, tuple):
        return _FORMS.get(form, _first)(value)
    if form == "text":
        return _number_text(value)
    if form == "frames":  # 24 a second, and the first one
        return int(value * 24) + 1 if isinstance(value, int | float) else MISSING
    return value


def _number_text(value: JSON) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)  # type: ignore[arg-type]  # a number then


def _address(picture: Attachment) -> str:
    """A picture as an address, or as a data URI if it is a file."""
    if picture.url:
        return picture.url
    return f"data:{_type(picture)};base64,{_coded(picture)}"


def _coded(picture: Attachment) -> str:
    return base64.b64encode(picture.data or b"").decode("ascii")


def _type(picture: Attachment) -> str:
    return picture.media_type or "image/png"


def _bare(picture: Attachment) -> str:
    """A picture as an address, or as base64 without a head."""
    return picture.url or _coded(picture)


def _first(pictures: Sequence[Attachment]) -> object:
    return _address(pictures[0])


_FORMS: Mapping[str, Callable[[Sequence[Attachment]], object]] = {
    "list": lambda pictures: [_address(one) for one in pictures],
    "bare": lambda pictures: _bare(pictures[0]),
    "bare_list": lambda pictures: [_bare(one) for one in pictures],
    "urls": lambda pictures: [one.url for one in pictures if one.url] or MISSING,
    "coded": lambda pictures: [_coded(one) for one in pictures if not one.url] or MISSING,
    "first_coded": lambda pictures: MISSING if pictures[0].url else _coded(pictures[0]),
    "type": lambda pictures: MISSING if pictures[0].url else _type(pictures[0]),
}
"""How pictures may be written: links, data URIs, or bare base64."""


def _file(name: str, picture: Attachment) -> Part:
    if picture.url:
        return _text(name, picture.url)
    return Part(
        name=name,
        content=picture.data or b"",
        filename=picture.name or "picture.png",
        media_type=_type(picture),
    )


def _text(name: str, value: JSON) -> Part:
    """A text of a form; objects are JSON text there."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else None
    return Part(name=name, content=(_number_text(value) if text is None else text).encode())
