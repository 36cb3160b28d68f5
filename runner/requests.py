"""Turns the cells of one row into the request they ask for."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from json.encoder import encode_basestring
from pathlib import Path
from typing import NamedTuple

from jobs.columns import ColumnMap
from jobs.job import JSON
from jobs.load import Problem, Request
from jobs.template import Template
from runner.attachments import AttachmentError, Reference, resolve
from runner.endpoint import AnyEndpoint
from runner.inputs import Field, InputError, Kind, check_pictures, converter, describe
from runner.ratios import Ratios
from runner.registry import UnknownEndpoint, endpoint

BODY = "body."
RATIO_FIELDS = frozenset({"aspect_ratio", "size"})
Convert = Callable[[JSON], JSON]
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What shapes every request besides the cells: columns, template, options."""

    headers: tuple[str, ...]
    columns: ColumnMap
    endpoint: str | None
    model: str | None
    template: Template | None
    constants: Mapping[str, str]  # --set
    folder: Path  # relative pictures start here
    allowed: tuple[Path, ...] = ()


class _Slot(NamedTuple):
    """One field of a request whose value is a constant or comes from one cell."""

    name: str
    label: str  # as JSON has it, with the colon
    column: int | None  # whose cell it comes from
    convert: Convert
    default: str | None  # where the cell is blank, or there is none: label and JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recipe:
    """How rows of one endpoint become requests."""

    endpoint: AnyEndpoint
    columns: tuple[tuple[int, str, Convert], ...]
    pictures: tuple[tuple[int, str], ...]
    bounded: tuple[Field, ...]  # picture columns that not everything may go into
    model: str  # for the books, where a row names none and the endpoint needs none
    defaults: Mapping[str, JSON]
    required: tuple[str, ...]
    outside: frozenset[str]  # fields that are no part of a request's identity
    slots: tuple[_Slot, ...] = ()  # all fields in the order of the JSON, where it is so simple


class RequestMaker:
    """Makes requests out of rows.

    `attached` gathers the local pictures that rows name, `ratios` the cells that were mended.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.attached: dict[str, Reference] = {}
        self.ratios = Ratios()
        self._recipes: dict[str, _Recipe | Problem] = {}
        self._width = len(shape.headers)
        self._endpoint_column = _column_of(shape.columns, "endpoint")
        self._prompt_column = _column_of(shape.columns, "prompt")
        used = shape.template.columns if shape.template is not None else ()
        self._template_wins = self._prompt_column is None or self._prompt_column in used

    def __call__(self, cells: Sequence[JSON]) -> Request | Problem:
        """The request of one row, or why there is none."""
        if len(cells) > self._width:
            extra = ", ".join(str(cell) for cell in cells[self._width :])
            return Problem(column="", expected=f"{self._width} cells", found=f"more: {extra[:80]}")
        recipe = self._recipe(cells)
        if isinstance(recipe, Problem):
            return recipe
        if recipe.slots and (request := _written(recipe, cells)) is not None:
            return request
        try:
            fields = self._fields(recipe, cells)
        except InputError as error:
            return self._problem(error.field, error.expected, error.found)
        for name in recipe.required:
            if name not in fields:
                return self._problem(name, "a value", "nothing")
        return _request(recipe, fields)

    def _recipe(self, cells: Sequence[JSON]) -> "_Recipe | Problem":
        name = self.shape.endpoint or ""
        if self._endpoint_column is not None and cells[self._endpoint_column]:
            name = str(cells[self._endpoint_column]).strip()
        recipe = self._recipes.get(name)
        if recipe is None:
            recipe = self._recipes[name] = self._compiled(name)
        return recipe

    def _compiled(self, name: str) -> "_Recipe | Problem":
        if not name:
            return Problem(column="endpoint", expected="an endpoint (-e)", found="none")
        found = endpoint(name)
        if isinstance(found, UnknownEndpoint):
            return Problem(column="endpoint", expected="a known endpoint", found=str(found))
        known = {item.name: item for item in describe(found.inputs)}
        columns: list[tuple[int, str, Convert]] = []
        pictures: list[tuple[int, str]] = []
        for index, field_name in self.shape.columns.fields:
            item = known.get(field_name)
            if field_name.startswith(BODY):
                columns.append((index, field_name, _json_where_it_parses))
            elif item is not None and item.kind is Kind.PICTURES:
                pictures.append((index, field_name))
            elif item is not None:
                columns.append((index, field_name, self._converter(index, item)))
        try:
            defaults = self._defaults(found, known)
        except InputError as error:
            return self._problem(error.field, error.expected, error.found)
        recipe = _Recipe(
            endpoint=found,
            columns=tuple(columns),
            pictures=tuple(pictures),
            bounded=tuple(filter(_is_bounded, known.values())),
            model=_own_model(known),
            defaults=defaults,
            required=tuple(item.name for item in known.values() if item.required),
            outside=frozenset(item.name for item in known.values() if not item.identity),
        )
        return recipe if self.shape.template else replace(recipe, slots=_slots(recipe))

    def _converter(self, index: int, item: Field) -> Convert:
        """What makes the field's value of a cell; ratios that Excel took for times are mended."""
        plain = converter(item)
        return self.ratios.mending(index, item.name, plain) if item.name in RATIO_FIELDS else plain

    def _defaults(self, kind: AnyEndpoint, known: Mapping[str, Field]) -> dict[str, JSON]:
        """What options give to rows whose own cell is blank.

        -m is not for endpoints with a model of their own, unless -e names them.
        """
        defaults: dict[str, JSON] = {}
        chosen = self.shape.endpoint is not None and endpoint(self.shape.endpoint) is kind
        if self.shape.model is not None and (chosen or not _own_model(known)):
            defaults["model"] = self.shape.model
        for name, text in self.shape.constants.items():
            if name in known:
                defaults[name] = converter(known[name])(text)
            elif name.startswith(BODY):
                defaults[name] = _json_where_it_parses(text)
        return defaults

    def _fields(self, recipe: _Recipe, cells: Sequence[JSON]) -> dict[str, JSON]:
        fields: dict[str, JSON] = dict(recipe.defaults)
        template = self.shape.template
        if template is not None:
            fields["prompt"] = template.render(cells)
        for index, name, convert in recipe.columns:
            cell = cells[index]
            if cell is None or cell == "":
                continue
            if name == "prompt" and template is not None and self._template_wins:
                continue
            fields[name] = convert(cell)
        for index, name in recipe.pictures:
            cell = cells[index]
            if cell is not None and cell != "":
                fields[name] = [*_listed(fields.get(name)), *self._pictures(name, cell)]
        for item in recipe.bounded:
            if item.name in fields:
                _check_pictures(item, _listed(fields[item.name]))
        return fields

    def _pictures(self, name: str, cell: JSON) -> list[JSON]:
        try:
            found = resolve(cell, folder=self.shape.folder, allowed=self.shape.allowed)
        except AttachmentError as error:
            raise InputError(name, expected=error.expected, found=error.found) from error
        self.attached |= {
            one.value: one for one in found if one.kind == "file" and not one.is_inside
        }
        return [_stored(one) for one in found]

    def _problem(self, name: str, expected: str, found: str) -> Problem:
        index = _column_of(self.shape.columns, name)
        header = self.shape.headers[index] if index is not None else name
        return Problem(column=header, expected=expected, found=found)


def _stored(reference: Reference) -> JSON:
    """A picture as the job keeps it; size and time belong to the file, not to the request."""
    kept: dict[str, JSON] = {"kind": reference.kind, "value": reference.value}
    return kept | ({"digest": reference.digest} if reference.digest else {})


def _is_bounded(item: Field) -> bool:
    bounds = (item.low, item.high)
    return item.kind is Kind.PICTURES and (bounds != (None, None) or not item.addresses)


def _check_pictures(item: Field, stored: list[JSON]) -> None:
    kept = [one for one in stored if isinstance(one, dict)]
    addresses = [str(one["value"]) for one in kept if one["kind"] == "url"]
    check_pictures(item, addresses, count=len(kept))


def _own_model(known: Mapping[str, Field]) -> str:
    item = known.get("model")
    return str(item.default) if item is not None and item.default else ""


def _listed(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def _request(recipe: _Recipe, fields: Mapping[str, JSON]) -> Request:
    text = _canonical(fields)
    identity = text
    if recipe.pictures or not recipe.outside.isdisjoint(fields):
        identity = _canonical(
            {
                name: _identifying(value)
                for name, value in fields.items()
                if name not in recipe.outside
            }
        )
    name = recipe.endpoint.name
    return Request(
        endpoint=name,
        model=str(fields.get("model", recipe.model)),
        fields=text,
        identity=f"{name}\n{identity}",
    )


def _slots(recipe: _Recipe) -> tuple[_Slot, ...]:
    """The fields of a simple request; none where pictures or fields of no identity belong to it."""
    columns = {name: (index, convert) for index, name, convert in recipe.columns}
    names = sorted(columns.keys() | recipe.defaults.keys())
    if recipe.pictures or len(columns) < len(recipe.columns) or recipe.outside & set(names):
        return ()
    slots = []
    for name in names:
        index, convert = columns.get(name, (None, _json_where_it_parses))
        label = f'"{name}":'
        default = label + _json(recipe.defaults[name]) if name in recipe.defaults else None
        slots.append(_Slot(name, label, index, convert, default))
    return tuple(slots)


def _written(recipe: _Recipe, cells: Sequence[JSON]) -> Request | None:
    """A simple request in one go: a million rows pass here. None: the long way says what is wrong.

    Byte for byte what the long way makes.
    """
    pieces = []
    model = recipe.defaults.get("model", recipe.model)
    for name, label, column, convert, default in recipe.slots:
        if column is None or (cell := cells[column]) is None or cell == "":
            if default is not None:
                pieces.append(default)
            elif name in recipe.required:
                return None
            continue
        try:
            value = convert(cell)
        except InputError:
            return None
        pieces.append(label + (encode_basestring(value) if type(value) is str else _json(value)))
        if name == "model":
            model = value
    text = "{" + ",".join(pieces) + "}"
    name = recipe.endpoint.name
    return Request(name, str(model), text, f"{name}\n{text}")


def _json(value: JSON) -> str:
    return encode_basestring(value) if type(value) is str else _encode(value)


def _canonical(fields: Mapping[str, JSON]) -> str:
    """JSON with sorted names; by hand, since nearly all are texts and a million rows pass here."""
    return (
        "{" + ",".join([f'"{name}":{_json(value)}' for name, value in sorted(fields.items())]) + "}"
    )


def _identifying(value: JSON) -> JSON:
    """Local pictures count by content: a renamed file is the same request."""
    if isinstance(value, list):
        return [_identifying(one) for one in value]
    if isinstance(value, dict) and value.get("kind") == "file" and "digest" in value:
        return {"digest": value["digest"]}
    return value


def _json_where_it_parses(cell: JSON) -> JSON:
    if not isinstance(cell, str):
        return cell
    try:
        parsed: JSON = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    return parsed


def _column_of(columns: ColumnMap, name: str) -> int | None:
    return next((index for index, found in columns.fields if found == name), None)
