"""Turns the cells of a row into the request they ask for."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import cast

from jobs.job import JSON
from jobs.loading.request import EMPTY, Problem, Request, Requests, UnsuitedColumnError
from jobs.sheet.block import RowBlock, cell_json
from jobs.sheet.finding import Finding, excerpt
from runner.endpoints.fields import Field, InputError
from runner.endpoints.inputs import check_pictures
from runner.files.attachments import Reference
from runner.intake.excel_ratios import EXPECTED_RATIO, Ratios
from runner.intake.recipes import NO_VALUE, Recipe, Recipes, RequestOptions, Slot, column_of
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
    def local(self) -> Collection[Reference]:
        """The same with those inside workbooks, one for all of the same bytes."""
        return self._recipes.local.values()

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
            return self._made(recipe, cells)
        except InputError as error:
            return self._recipes.problem(error.field, error.expected, error.found)

    def _made(self, recipe: Recipe, cells: Sequence[JSON]) -> Request | Problem:
        """The request of one row. Raises InputError for a cell that does not suit its field."""
        fields, from_template = self._fields(recipe, cells)
        recipe.endpoint.check(fields)
        missing = next((one for one in recipe.required if not _is_given(fields, one)), None)
        template = self.options.template
        hole = template.hole(cells) if template is not None and from_template else None
        if missing is None and hole is None:
            return _request(recipe, fields)
        if self._is_empty(recipe, cells):
            return Problem(column="", expected="", found="", kind=EMPTY)
        if hole is not None:
            return _hole(self.options.headers[hole])
        return self._recipes.problem(str(missing), *NO_VALUE)

    def _is_empty(self, recipe: Recipe, cells: Sequence[JSON]) -> bool:
        """True if every column that the row's request uses is blank."""
        used = self.used_columns(recipe)
        return bool(used) and all(
            cells[index] is None or only_blanks(cells[index]) for index in used
        )

    def used_columns(self, recipe: Recipe) -> frozenset[int]:
        """The columns whose cells make a request of this recipe."""
        template = self.options.template
        named = template.columns if template is not None else ()
        columns = (index for index, _, _ in recipe.columns)
        return frozenset({*columns, *(index for index, _ in recipe.pictures), *named})

    def together(self, block: RowBlock) -> Requests:
        """The requests of many rows, byte for byte the same; simple ones column by column."""
        recipe = self._common(block)
        if recipe is None or not recipe.slots:
            return Requests.of(self._one_of(block, place) for place in range(len(block.rows)))
        pieces = [self._pieces(slot, block) for slot in recipe.slots]
        fields = [f"{{{row}}}" for row in _joined(pieces)]
        requests = Requests(
            endpoints=[recipe.endpoint.name] * len(fields),
            models=_models(recipe, block),
            fields=fields,
            identities=list(fields),
        )
        for place in sorted({place for one in pieces if None in one for place in _missing(one)}):
            requests.put(place, self._one_of(block, place))
        return requests

    def _one_of(self, block: RowBlock, place: int) -> Request | Problem:
        """One row of a block, whose cells may show that a column was recognised wrongly."""
        cells, position = block.rows[place], block.positions[place]
        recipe = self._recipe(cells) if len(cells) <= self._width else None
        if not isinstance(recipe, Recipe) or position in block.errors:
            return self(cells)
        try:
            return self._made(recipe, cells)
        except InputError as error:
            self._check_guess(recipe, error, position)
            return self._recipes.problem(error.field, error.expected, error.found)

    def _check_guess(self, recipe: Recipe, error: InputError, position: int) -> None:
        """Raises UnsuitedColumnError if nobody asked for the column that this error is about."""
        columns = self.options.columns
        index = column_of(columns, error.field)
        if index is None or index not in columns.guessed or error.field in recipe.required:
            return
        if index in self.options.settled or error.expected == EXPECTED_RATIO:
            return  # Excel made a date of a ratio: the column is right, the cell is damaged
        header = self.options.headers[index]
        finding = Finding(
            kind="unsuited_column",
            severity="warning",
            row=position,
            column=header,
            expected=error.expected,
            found=error.found,
            values=(("field", error.field), ("header", excerpt(header, 40))),
        )
        raise UnsuitedColumnError(index, finding)

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
            holes = map(template.hole, block.rows)
            defaults = [
                slot.label + cell_json(text) if hole is None and text.strip() else None
                for text, hole in zip(texts, holes, strict=True)
            ]
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

    def _fields(self, recipe: Recipe, cells: Sequence[JSON]) -> tuple[dict[str, JSON], bool]:
        """The fields of a row, and True if its prompt comes from the template."""
        fields: dict[str, JSON] = dict(recipe.defaults)
        template = self.options.template
        from_template = template is not None
        if template is not None:
            fields["prompt"] = template.render(cells)
        for index, name, convert in recipe.columns:
            cell = cells[index]
            if cell is None or cell == "" or (name in recipe.required and only_blanks(cell)):
                continue
            if name == "prompt" and template is not None and self._recipes.template_wins:
                continue
            fields[name] = convert(cell)
            from_template = from_template and name != "prompt"
        own: dict[str, list[JSON]] = {}
        for index, item in recipe.pictures:
            cell = cells[index]
            if cell is not None and cell != "":
                own[item.name] = [*own.get(item.name, ()), *self._recipes.pictures(item, cell)]
        fields |= own
        for item in recipe.bounded:
            if item.name in fields:
                _check_pictures(item, _listed(fields[item.name]))
        return fields, from_template


def _is_given(fields: Mapping[str, JSON], name: str) -> bool:
    return name in fields and not only_blanks(fields[name])


def _hole(header: str) -> Problem:
    expected = "text, or a default in the template"
    return Problem(
        column=header, expected=expected, found="nothing", kind="template_hole", field=header
    )


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
