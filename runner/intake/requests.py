"""Turns the cells of one row into the request they ask for."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, cast

from jobs.job import JSON
from jobs.loading.columns import ColumnMap
from jobs.loading.request import Problem, Request, Requests
from jobs.loading.template import Template
from jobs.sheet.block import Block, write
from runner.endpoints.endpoint import AnyEndpoint
from runner.endpoints.inputs import (
    Field,
    FieldKind,
    InputError,
    check_pictures,
    converter,
    describe,
)
from runner.endpoints.registry import UnknownEndpoint, endpoint
from runner.files.attachments import AttachmentError, Reference, resolve
from runner.intake.excel_ratios import Ratios

BODY = "body."
RATIO_FIELDS = frozenset({"aspect_ratio", "size"})
Convert = Callable[[JSON], JSON]
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
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
    """One field of a request whose value is a constant, or comes from one cell or the template."""

    name: str
    label: str  # as JSON has it, with the colon
    column: int | None  # whose cell it comes from
    convert: Convert
    taken: bool  # are texts taken as they are?
    required: bool  # then one of blanks alone is none
    default: str | None  # where there is no cell: label and JSON, or nothing; None: must not be


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recipe:
    """How rows of one endpoint become requests."""

    endpoint: AnyEndpoint
    columns: tuple[tuple[int, str, Convert], ...]
    pictures: tuple[tuple[int, str], ...]
    shows_pictures: bool  # a request can have some, from its row or from an option
    bounded: tuple[Field, ...]  # picture columns that not everything may go into
    model: str  # for the books, where a row names none and the endpoint needs none
    defaults: Mapping[str, JSON]
    required: tuple[str, ...]
    outside: frozenset[str]  # fields that are no part of a request's identity
    slots: tuple[_Slot, ...] = ()  # all fields in the order of the JSON, where they are so simple


class RequestMaker:
    """Makes requests out of rows.

    `attached` gathers the local pictures that rows name, `ratios` the cells that were mended.
    """

    def __init__(self, shape: RequestOptions) -> None:
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
        try:
            fields = self._fields(recipe, cells)
            recipe.endpoint.check(fields)
        except InputError as error:
            return self._problem(error.field, error.expected, error.found)
        for name in recipe.required:
            if name not in fields or _only_blanks(fields[name]):
                return self._problem(name, "a value", "nothing")
        return _request(recipe, fields)

    def together(self, block: Block) -> Requests:
        """The requests of many rows, byte for byte the same; simple ones column by column."""
        recipe = self._common(block)
        if recipe is None or not recipe.slots:
            return Requests.of(map(self, block.rows))
        pieces = [self._pieces(slot, block) for slot in recipe.slots]
        fields = [f"{{{row}}}" for row in _joined(pieces)]
        asked = Requests(
            endpoints=[recipe.endpoint.name] * len(fields),
            models=_models(recipe, block),
            fields=fields,
            identities=list(fields),
        )
        for place in sorted({place for one in pieces if None in one for place in _unmade(one)}):
            asked.put(place, self(block.rows[place]))
        return asked

    def _common(self, block: Block) -> "_Recipe | None":
        """The recipe of all rows; None where they have several, or another width."""
        if len(block.columns) != self._width:
            return None
        column = self._endpoint_column
        if column is not None and len(set(block.written[column])) > 1:
            return None
        recipe = self._recipe(block.rows[0])
        return recipe if isinstance(recipe, _Recipe) else None

    def _pieces(self, slot: _Slot, block: Block) -> list[str | None]:
        """What a field adds to each row's JSON; None where only the long way can tell."""
        defaults = [slot.default] * len(block.rows)
        template = self.shape.template
        if slot.name == "prompt" and template is not None:
            texts = map(template.render, block.rows)
            defaults = [slot.label + write(text) if text.strip() else None for text in texts]
        if slot.column is None:
            return defaults
        column, written = block.columns[slot.column], block.written[slot.column]
        cells = zip(column, written, defaults, strict=True)
        if slot.taken:
            label, wanted = slot.label, slot.required
            return [
                label + text
                if cell and type(cell) is str and not (wanted and cell.isspace())
                else _piece(slot, cell, default)
                for cell, text, default in cells
            ]
        return [_piece(slot, cell, default) for cell, _, default in cells]

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
            elif item is not None and item.kind is FieldKind.PICTURES:
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
            shows_pictures=bool(pictures)
            or any(
                known[name].kind is FieldKind.PICTURES for name in defaults.keys() & known.keys()
            ),
            bounded=tuple(filter(_is_bounded, known.values())),
            model=_own_model(known),
            defaults=defaults,
            required=tuple(item.name for item in known.values() if item.required),
            outside=frozenset(item.name for item in known.values() if not item.identity),
        )
        texts = {item.name for item in known.values() if item.kind is FieldKind.TEXT} - RATIO_FIELDS
        return replace(recipe, slots=self._slots(recipe, texts))

    def _slots(self, recipe: _Recipe, texts: Collection[str]) -> tuple[_Slot, ...]:
        """The fields of simple requests; none where the long way must look at each row."""
        columns = {name: (index, convert) for index, name, convert in recipe.columns}
        names = columns.keys() | recipe.defaults.keys()
        if self.shape.template is not None:
            names = names | {"prompt"}
            if self._template_wins:
                columns.pop("prompt", None)
        known = len({name for _, name, _ in recipe.columns}) == len(recipe.columns)
        if (
            recipe.shows_pictures
            or not known
            or recipe.outside & names
            or recipe.endpoint.rules.keys() & names
            or {*recipe.required} - names
        ):
            return ()
        return tuple(
            _Slot(
                name=name,
                label=f'"{name}":',
                column=columns[name][0] if name in columns else None,
                convert=columns[name][1] if name in columns else _json_where_it_parses,
                taken=name in texts,
                required=name in recipe.required,
                default=_default(recipe, name),
            )
            for name in sorted(names)
        )

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
            item = known.get(name)
            if item is not None:
                pictures = item.kind is FieldKind.PICTURES
                defaults[name] = self._pictures(name, text) if pictures else converter(item)(text)
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
            if cell is None or cell == "" or (name in recipe.required and _only_blanks(cell)):
                continue
            if name == "prompt" and template is not None and self._template_wins:
                continue
            fields[name] = convert(cell)
        own: dict[str, list[JSON]] = {}
        for index, name in recipe.pictures:
            cell = cells[index]
            if cell is not None and cell != "":
                own[name] = [*own.get(name, ()), *self._pictures(name, cell)]
        fields |= own
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
    return item.kind is FieldKind.PICTURES and (bounds != (None, None) or not item.addresses)


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
    if recipe.shows_pictures or not recipe.outside.isdisjoint(fields):
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
        identity=identity,
    )


def _default(recipe: _Recipe, name: str) -> str | None:
    """What a slot adds where there is no cell."""
    required = name in recipe.required
    if name in recipe.defaults and not (required and _only_blanks(recipe.defaults[name])):
        return f'"{name}":{_json(recipe.defaults[name])}'
    return None if required else ""


def _joined(pieces: Sequence[Sequence[str | None]]) -> Iterable[str]:
    """The fields of each row with commas between them; those that are blank are left out."""
    rows = zip(*pieces, strict=True)
    if all(map(all, pieces)):
        return map(",".join, cast("Iterable[tuple[str, ...]]", rows))
    return (",".join(filter(None, row)) for row in rows)


def _unmade(pieces: Sequence[str | None]) -> Iterator[int]:
    """The places of rows that only the long way can tell of."""
    return (place for place, piece in enumerate(pieces) if piece is None)


def _piece(slot: _Slot, cell: JSON, default: str | None) -> str | None:
    if cell is None or cell == "" or (slot.required and _only_blanks(cell)):
        return default
    try:
        return slot.label + _json(slot.convert(cell))
    except InputError:
        return None


def _models(recipe: _Recipe, block: Block) -> list[str]:
    """The model of each row, for the books."""
    given = str(recipe.defaults.get("model", recipe.model))
    slot = next((one for one in recipe.slots if one.name == "model"), None)
    if slot is None or slot.column is None:
        return [given] * len(block.rows)
    cells = block.columns[slot.column]
    return [_model(slot, cell, given) for cell in cells]


def _model(slot: _Slot, cell: JSON, given: str) -> str:
    if slot.taken and cell and type(cell) is str and not _only_blanks(cell):
        return cell
    piece = _piece(slot, cell, None)
    return given if piece is None else str(json.loads(piece.removeprefix(slot.label)))


def _only_blanks(cell: JSON) -> bool:
    return isinstance(cell, str) and not cell.strip()


def _json(value: JSON) -> str:
    return write(value) if type(value) is str else _encode(value)


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
