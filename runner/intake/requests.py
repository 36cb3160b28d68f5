"""Turns the cells of a row into the request they ask for."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from jobs.job import JSON
from jobs.loading.request import Problem, Request, Requests
from jobs.sheet.block import RowBlock, cell_json
from runner.endpoints.inputs import Field, InputError, check_pictures
from runner.files.attachments import Reference
from runner.intake.excel_ratios import Ratios
from runner.intake.recipes import Recipe, Recipes, RequestOptions, Slot, column_of
from runner.intake.request_json import canonical, json_of, only_blanks


class RequestMaker:
    """Makes requests out of rows."""

    def __init__(self, options: RequestOptions) -> None:
        self.options = options
        self._recipes = Recipes(options)
        self._width = len(options.headers)
        self._endpoint_column = column_of(options.columns, "endpoint")

    @property
    def attached(self) -> Mapping[str, Reference]:
        """The local pictures that rows and options name."""
        return self._recipes.attached

    @property
    def ratios(self) -> Ratios:
        """The ratios that were repaired."""
        return self._recipes.ratios

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
            _require(recipe.required, fields)
            return _request(recipe, fields)
        except InputError as error:
            return self._recipes.problem(error.field, error.expected, error.found)

    def together(self, block: RowBlock) -> Requests:
        """The requests of many rows, byte for byte the same; simple ones column by column."""
        recipe = self._common(block)
        if recipe is None or not recipe.slots:
            return Requests.of(map(self, block.rows))
        pieces = [self._pieces(slot, block) for slot in recipe.slots]
        fields = [f"{{{row}}}" for row in _joined(pieces)]
        requests = Requests(
            endpoints=[recipe.endpoint.name] * len(fields),
            models=_models(recipe, block),
            fields=fields,
            identities=list(fields),
        )
        for place in sorted({place for one in pieces if None in one for place in _missing(one)}):
            requests.put(place, self(block.rows[place]))
        return requests

    def _common(self, block: RowBlock) -> Recipe | None:
        """The recipe of all rows; None if they have several, or another width."""
        if len(block.columns) != self._width:
            return None
        column = self._endpoint_column
        if column is not None and len(set(block.written[column])) > 1:
            return None
        recipe = self._recipe(block.rows[0])
        return recipe if isinstance(recipe, Recipe) else None

    def _pieces(self, slot: Slot, block: RowBlock) -> list[str | None]:
        """What a field adds to each row's JSON; None if only `__call__` can tell."""
        defaults = [slot.default] * len(block.rows)
        template = self.options.template
        if slot.name == "prompt" and template is not None:
            texts = map(template.render, block.rows)
            defaults = [slot.label + cell_json(text) if text.strip() else None for text in texts]
        if slot.column is None:
            return defaults
        column, written = block.columns[slot.column], block.written[slot.column]
        cells = zip(column, written, defaults, strict=True)
        if slot.as_is:
            label, required = slot.label, slot.required
            return [
                label + text
                if cell and type(cell) is str and not (required and cell.isspace())
                else _piece(slot, cell, default)
                for cell, text, default in cells
            ]
        return [_piece(slot, cell, default) for cell, _, default in cells]

    def _recipe(self, cells: Sequence[JSON]) -> Recipe | Problem:
        name = self.options.endpoint or ""
        if self._endpoint_column is not None and cells[self._endpoint_column]:
            name = str(cells[self._endpoint_column]).strip()
        return self._recipes.of(name)

    def _fields(self, recipe: Recipe, cells: Sequence[JSON]) -> dict[str, JSON]:
        fields: dict[str, JSON] = dict(recipe.defaults)
        template = self.options.template
        if template is not None:
            fields["prompt"] = template.render(cells)
        for index, name, convert in recipe.columns:
            cell = cells[index]
            if cell is None or cell == "" or (name in recipe.required and only_blanks(cell)):
                continue
            if name == "prompt" and template is not None and self._recipes.template_wins:
                continue
            fields[name] = convert(cell)
        own: dict[str, list[JSON]] = {}
        for index, name in recipe.pictures:
            cell = cells[index]
            if cell is not None and cell != "":
                own[name] = [*own.get(name, ()), *self._recipes.pictures(name, cell)]
        fields |= own
        for item in recipe.bounded:
            if item.name in fields:
                _check_pictures(item, _listed(fields[item.name]))
        return fields


def _require(names: Iterable[str], fields: Mapping[str, JSON]) -> None:
    for name in names:
        if name not in fields or only_blanks(fields[name]):
            raise InputError(name, expected="a value", found="nothing")


def _check_pictures(item: Field, stored: list[JSON]) -> None:
    kept = [one for one in stored if isinstance(one, dict)]
    addresses = [str(one["value"]) for one in kept if one["kind"] == "url"]
    check_pictures(item, addresses, count=len(kept))


def _listed(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def _request(recipe: Recipe, fields: Mapping[str, JSON]) -> Request:
    text = canonical(fields)
    identity = text
    if recipe.shows_pictures or not recipe.outside.isdisjoint(fields):
        identity = canonical(
            {
                name: _identifying(value)
                for name, value in fields.items()
                if name not in recipe.outside
            }
        )
    return Request(
        endpoint=recipe.endpoint.name,
        model=str(fields.get("model", recipe.model)),
        fields=text,
        identity=identity,
    )


def _joined(pieces: Sequence[Sequence[str | None]]) -> Iterable[str]:
    """The fields of each row with commas between them; blank ones are left out."""
    rows = zip(*pieces, strict=True)
    if all(map(all, pieces)):
        return map(",".join, cast("Iterable[tuple[str, ...]]", rows))
    return (",".join(filter(None, row)) for row in rows)


def _missing(pieces: Sequence[str | None]) -> Iterator[int]:
    """The places of rows that only `RequestMaker.__call__` can decide."""
    return (place for place, piece in enumerate(pieces) if piece is None)


def _piece(slot: Slot, cell: JSON, default: str | None) -> str | None:
    if cell is None or cell == "" or (slot.required and only_blanks(cell)):
        return default
    try:
        return slot.label + json_of(slot.name, slot.convert(cell))
    except InputError:
        return None


def _models(recipe: Recipe, block: RowBlock) -> list[str]:
    """The model of each row, as the table records it."""
    given = str(recipe.defaults.get("model", recipe.model))
    slot = next((one for one in recipe.slots if one.name == "model"), None)
    if slot is None or slot.column is None:
        return [given] * len(block.rows)
    cells = block.columns[slot.column]
    return [_model(slot, cell, given) for cell in cells]


def _model(slot: Slot, cell: JSON, given: str) -> str:
    if slot.as_is and cell and type(cell) is str and not only_blanks(cell):
        return cell
    piece = _piece(slot, cell, None)
    return given if piece is None else str(json.loads(piece.removeprefix(slot.label)))


def _identifying(value: JSON) -> JSON:
    """Local pictures count by content: a renamed file is the same request."""
    if isinstance(value, list):
        return [_identifying(one) for one in value]
    if isinstance(value, dict) and value.get("kind") == "file" and "digest" in value:
        return {"digest": value["digest"]}
    return value
