"""Works out once for each endpoint how its rows become requests."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from jobs.job import JSON
from jobs.loading.columns import ColumnMap
from jobs.loading.request import BAD_ROW, Problem
from jobs.loading.template import Template
from runner.endpoints.endpoint import AnyEndpoint
from runner.endpoints.fields import ATTACHED, Field, FieldKind, InputError, describe
from runner.endpoints.inputs import converter
from runner.endpoints.registry import UnknownEndpoint, endpoint
from runner.files.attachments import AttachmentError, Reference, accepted, resolve
from runner.intake.excel_ratios import Ratios
from runner.intake.guessed_values import FIELDS, only_plausible
from runner.intake.request_json import body_converter, json_of, only_blanks

BODY = "body."
NO_VALUE = ("a value", "nothing")
"""What is expected, and what was found, where a required field has no value."""
RATIO_FIELDS = frozenset({"aspect_ratio", "size"})
Convert = Callable[[JSON], JSON]


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
    settled: frozenset[int] = frozenset()  # guessed columns that an earlier load accepted


class Slot(NamedTuple):
    """One field of a request whose value is a constant, or comes from one cell or the template."""

    name: str
    label: str  # the name as JSON, with the colon
    column: int | None  # the column whose cell gives the value
    convert: Convert
    as_is: bool  # True if texts are sent unchanged
    required: bool  # then a cell of blanks alone counts as empty
    default: str | None  # label and JSON where the cell is empty, "" for none; None: row is bad


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How rows of one endpoint become requests."""

    endpoint: AnyEndpoint
    columns: tuple[tuple[int, str, Convert], ...]
    pictures: tuple[tuple[int, Field], ...]
    shows_pictures: bool  # True if a request may have pictures, from its row or from an option
    bounded: tuple[Field, ...]  # picture fields that limit the number or the kind of pictures
    model: str  # recorded for rows that name no model, where the endpoint needs none
    defaults: Mapping[str, JSON]
    required: tuple[str, ...]
    outside: frozenset[str]  # fields that are not part of a request's identity
    slots: tuple[Slot, ...] = ()  # all fields in JSON order, if every row is simple; else empty


class Recipes:
    """The recipes of all endpoints that rows name, each compiled once.

    `attached` collects the local pictures that rows and options name, those inside a workbook are
    in `local` only; `ratios` are the repaired cells.
    """

    def __init__(self, options: RequestOptions) -> None:
        self.options = options
        self.attached: dict[str, Reference] = {}
        self.local: dict[str | None, Reference] = {}  # by digest
        self.ratios = Ratios()
        prompt = column_of(options.columns, "prompt")
        used = options.template.columns if options.template is not None else ()
        self.template_wins = prompt is None or prompt in used
        self._compiled: dict[str, Recipe | Problem] = {}

    def of(self, name: str) -> Recipe | Problem:
        """The recipe of an endpoint, or why its rows cannot become requests."""
        recipe = self._compiled.get(name)
        if recipe is None:
            recipe = self._compiled[name] = self._compile(name)
        return recipe

    def pictures(self, item: Field, cell: JSON) -> list[JSON]:
        """The pictures or files that a cell names, as the job keeps them. Raises InputError."""
        options, name = self.options, item.name
        try:
            found = resolve(
                cell,
                folder=options.folder,
                allowed=options.allowed,
                accepts=accepted(item.accepts),
            )
        except AttachmentError as error:
            raise InputError(name, expected=error.expected, found=error.found) from error
        self.attached |= {
            one.value: one for one in found if one.kind == "file" and not one.is_inside
        }
        self.local |= {one.digest: one for one in found if one.kind == "file"}
        return [_stored(one) for one in found]

    def problem(self, name: str, expected: str, found: str) -> Problem:
        """A problem at the column of a field, or at the field where no column gives it."""
        index = column_of(self.options.columns, name)
        header = self.options.headers[index] if index is not None else name
        kind = "empty_cell" if (expected, found) == NO_VALUE else BAD_ROW
        field = name if kind == "empty_cell" else ""
        return Problem(column=header, expected=expected, found=found, kind=kind, field=field)

    def _compile(self, name: str) -> Recipe | Problem:
        if not name:
            return Problem(column="endpoint", expected="an endpoint (-e)", found="none")
        found = endpoint(name)
        if isinstance(found, UnknownEndpoint):
            return Problem(column="endpoint", expected="a known endpoint", found=str(found))
        known = {item.name: item for item in describe(found.inputs)}
        try:
            defaults = self._defaults(found, known)
        except InputError as error:
            return self.problem(error.field, error.expected, error.found)
        columns, pictures = self._columns(known)
        recipe = Recipe(
            endpoint=found,
            columns=columns,
            pictures=pictures,
            shows_pictures=bool(pictures) or any(map(_is_pictures, _fields(known, defaults))),
            bounded=tuple(filter(_is_bounded, known.values())),
            model=_own_model(known),
            defaults=defaults,
            required=tuple(item.name for item in known.values() if item.required),
            outside=frozenset(item.name for item in known.values() if not item.identity),
        )
        texts = {item.name for item in known.values() if item.kind is FieldKind.TEXT}
        texts -= RATIO_FIELDS | FIELDS
        return replace(recipe, slots=self._slots(recipe, texts))

    def _columns(
        self, known: Mapping[str, Field]
    ) -> tuple[tuple[tuple[int, str, Convert], ...], tuple[tuple[int, Field], ...]]:
        """The columns that this endpoint reads, those of pictures and files apart."""
        columns: list[tuple[int, str, Convert]] = []
        pictures: list[tuple[int, Field]] = []
        for index, name in self.options.columns.fields:
            item = known.get(name)
            if name.startswith(BODY):
                columns.append((index, name, body_converter(name)))
            elif item is not None and _is_pictures(item):
                pictures.append((index, item))
            elif item is not None:
                columns.append((index, name, self._converter(index, item)))
        return tuple(columns), tuple(pictures)

    def _converter(self, index: int, item: Field) -> Convert:
        """Turns a cell into the field's value, and repairs ratios that Excel took for times."""
        convert = converter(item)
        if item.name in RATIO_FIELDS:
            convert = self.ratios.repairing(index, item.name, convert)
        options = self.options
        if item.name in FIELDS and index in options.columns.guessed - options.settled:
            convert = only_plausible(item.name, convert)
        return convert

    def _defaults(self, kind: AnyEndpoint, known: Mapping[str, Field]) -> dict[str, JSON]:
        """What options give to rows whose own cell is blank.

        -m does not apply to endpoints with a model of their own, unless -e names them.
        """
        options = self.options
        defaults: dict[str, JSON] = {}
        chosen = options.endpoint is not None and endpoint(options.endpoint) is kind
        if options.model is not None and (chosen or not _own_model(known)):
            defaults["model"] = options.model
        for name, text in options.constants.items():
            item = known.get(name)
            if item is not None:
                is_pictures = _is_pictures(item)
                defaults[name] = self.pictures(item, text) if is_pictures else converter(item)(text)
            elif name.startswith(BODY):
                defaults[name] = body_converter(name)(text)
        return defaults

    def _slots(self, recipe: Recipe, texts: Collection[str]) -> tuple[Slot, ...]:
        """The fields of simple requests; empty where each row must be looked at by itself."""
        columns = {name: (index, convert) for index, name, convert in recipe.columns}
        names = columns.keys() | recipe.defaults.keys()
        if self.options.template is not None:
            names = names | {"prompt"}
            if self.template_wins:
                columns.pop("prompt", None)
        once = len({name for _, name, _ in recipe.columns}) == len(recipe.columns)
        if (
            recipe.shows_pictures
            or not once
            or recipe.outside & names
            or recipe.endpoint.rules.keys() & names
            or {*recipe.required} - names
        ):
            return ()
        return tuple(
            Slot(
                name=name,
                label=f'"{name}":',
                column=columns[name][0] if name in columns else None,
                convert=columns[name][1] if name in columns else body_converter(name),
                as_is=name in texts,
                required=name in recipe.required,
                default=_default(recipe, name),
            )
            for name in sorted(names)
        )


def column_of(columns: ColumnMap, name: str) -> int | None:
    """The first column that gives a field."""
    return next((index for index, found in columns.fields if found == name), None)


def _stored(reference: Reference) -> JSON:
    """A picture as the job keeps it; size and time belong to the file, not to the request."""
    kept: dict[str, JSON] = {"kind": reference.kind, "value": reference.value}
    return kept | ({"digest": reference.digest} if reference.digest else {})


def _fields(known: Mapping[str, Field], names: Collection[str]) -> list[Field]:
    return [known[name] for name in names if name in known]


def _is_pictures(item: Field) -> bool:
    return item.kind in ATTACHED


def _is_bounded(item: Field) -> bool:
    return _is_pictures(item) and ((item.low, item.high) != (None, None) or not item.addresses)


def _own_model(known: Mapping[str, Field]) -> str:
    item = known.get("model")
    return str(item.default) if item is not None and item.default else ""


def _default(recipe: Recipe, name: str) -> str | None:
    """What a slot adds where the cell is empty."""
    required = name in recipe.required
    if name in recipe.defaults and not (required and only_blanks(recipe.defaults[name])):
        return f'"{name}":{json_of(name, recipe.defaults[name])}'
    return None if required else ""
