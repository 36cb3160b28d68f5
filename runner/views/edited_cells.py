"""Which cells of a sheet make requests, and what a person changed in some of them."""

from collections.abc import Iterator, Mapping, Sequence

from jobs.job import JSON
from jobs.loading.columns import map_columns
from jobs.loading.template import Template, TemplateError
from jobs.sheet.write.cells import clean
from jobs.sheet.write.texts import is_placeholder
from jobs.sheet.write.writers import ColumnKind, cell_text
from jobs.store.edits import Edit
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.queries.few_rows import OwnRow
from runner.endpoints.registry import known_fields
from runner.protocol.json_text import parse_strict


def sent_columns(loaded: LoadedSheet) -> dict[int, str]:
    """The columns that requests are made of, each with its field; `prompt` for the template's."""
    given = loaded.options.get("column")
    columns = map_columns(
        loaded.headers,
        known_fields(),
        given={name: str(field) for name, field in given.items()}
        if isinstance(given, dict)
        else {},
    )
    places = dict(columns.fields)
    prompt = loaded.options.get("prompt")
    if isinstance(prompt, str):
        try:
            named = Template.parse(prompt, loaded.headers).columns
        except TemplateError:
            return places
        places |= dict.fromkeys(named, "prompt")
    return places


def edits_in(
    cells: Mapping[str, str], own: OwnRow, names: Sequence[str], edited: Mapping[str, JSON]
) -> Iterator[Edit]:
    """The cells that differ from what a person was shown of them."""
    for place, name in enumerate(names):
        if name not in cells:
            continue
        before = own.cells[place] if place < len(own.cells) else None
        shown = cell_text(edited.get(name, before), ColumnKind.OWN)
        found = cells[name]
        if is_placeholder(found) or _as_kept(found) == _as_kept(shown):
            continue
        yield Edit(own.key, name, before, _typed(found, like=before))


def _as_kept(text: str) -> str:
    """A text as a workbook gives it back: one kind of line break, no characters it cannot hold."""
    return clean(text)[0].replace("\r\n", "\n").replace("\r", "\n")


def _typed(text: str, *, like: JSON) -> JSON:
    """The text as the type of the value before: jsonl and parquet keep their types."""
    if isinstance(like, str) or like is None:
        return text
    try:
        return parse_strict(text)
    except ValueError:
        return text
