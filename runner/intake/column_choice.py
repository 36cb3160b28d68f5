"""Decides which columns of a sheet give request fields: explicit choices beat guesses."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from jobs.job import JSON
from jobs.loading.columns import ColumnMap, Guessing, map_columns
from jobs.loading.template import Template, TemplateError
from jobs.sheet.finding import Finding
from jobs.sheet.reader import Sheet
from jobs.store.loaded_sheets import LoadedSheet
from runner.endpoints.registry import known_fields
from runner.intake.recipes import RequestOptions
from runner.intake.requests import RequestMaker
from runner.settings.settings import BY_FLAG, Settings

GUESSES = "guesses"
"""Where the table keeps, in the sheet's layout, what became of columns with a similar name."""
MAX_CELL_LENGTH_READ = 2_000  # characters: longer cells are data URIs, or no pictures
_PICTURE = re.compile(
    r"\s*(?:https?://|data:|\[)|.*\.(?:png|jpe?g|gif|webp|bmp|tiff?|heic|avif|svg)\b"
    r"|.*#xl/",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesses:
    """What is known of columns whose name resembles a field's: headers."""

    accepted: frozenset[str] = frozenset()  # an unfit value there is a bad row
    unsuited: Mapping[str, Finding] = field(default_factory=dict)  # not sent, and why

    @classmethod
    def of_last_load(cls, known: LoadedSheet | None) -> "Guesses":
        """What the first load decided stays: a later value changes no other row's request."""
        if known is None:
            return cls()
        record = known.layout.get(GUESSES)
        if not isinstance(record, dict):  # loaded by an older rowmill, which accepted them all
            return cls(accepted=frozenset(known.headers))
        return cls(
            accepted=frozenset(header for header, name in record.items() if name),
            unsuited={header: _left_out(header) for header, name in record.items() if not name},
        )

    def with_unsuited(self, header: str, finding: Finding) -> "Guesses":
        """The same, and one more column that is not sent."""
        return replace(self, unsuited={**self.unsuited, header: finding})

    def with_accepted(self, header: str) -> "Guesses":
        """The same, and one more column whose unfit values are bad rows."""
        return replace(self, accepted=self.accepted | {header})

    def record(self, headers: Sequence[str], columns: ColumnMap) -> dict[str, JSON]:
        """What the table keeps."""
        fields = dict(columns.fields)
        sent: dict[str, JSON] = {headers[index]: fields[index] for index in columns.guessed}
        return sent | dict.fromkeys(self.unsuited, "")


def _left_out(header: str) -> Finding:
    return Finding(kind="column_left_out", severity="note", column=header)


def choose_columns(
    headers: Sequence[str], settings: Settings, guesses: Guesses, *, id_column: str | None
) -> ColumnMap:
    """The columns that give fields. Raises TemplateError."""
    template = _template(headers, settings)
    unsuited = {
        index: guesses.unsuited[header]
        for index, header in enumerate(headers)
        if header in guesses.unsuited
    }
    guessing = Guessing(
        template_columns=template.columns if template is not None else (),
        flags=fields_by_flag(settings),
        unsuited=unsuited,
    )
    return map_columns(
        headers, known_fields(), given=settings.column, id_column=id_column, guessing=guessing
    )


def fields_by_flag(settings: Settings) -> frozenset[str]:
    """The request fields that a flag gives."""
    names = settings.by_flag
    options = {name for name in ("endpoint", "model", "prompt") if name in names}
    return frozenset(options | {name for name in settings.set if f"set.{name}" in names})


def options_for(
    path: Path, headers: tuple[str, ...], columns: ColumnMap, settings: Settings, guesses: Guesses
) -> RequestOptions:
    """What shapes the requests of a sheet. Raises TemplateError."""
    settled = (index for index, header in enumerate(headers) if header in guesses.accepted)
    return RequestOptions(
        headers=headers,
        columns=columns,
        endpoint=settings.endpoint,
        model=settings.model,
        template=_template(headers, settings),
        constants={**settings.set, **({"lane": settings.lane} if settings.lane else {})},
        folder=path.absolute().parent,
        allowed=settings.files_from,
        settled=frozenset(settled),
    )


def _template(headers: Sequence[str], settings: Settings) -> Template | None:
    return Template.parse(settings.prompt, headers) if settings.prompt is not None else None


def last_maker(
    path: Path, headers: tuple[str, ...], settings: Settings, known: LoadedSheet | None
) -> RequestMaker | None:
    """Makes the requests that the last load's options make of the sheet as it is now.

    None if these options are the same, or do not fit the sheet any more.
    """
    if known is None:
        return None
    kept = known.options
    last = replace(
        settings,
        endpoint=_text(kept.get("endpoint")),
        model=_text(kept.get("model")),
        prompt=_text(kept.get("prompt")),
        set=_texts(kept.get("set")),
        column=_texts(kept.get("column")),
        by_flag=frozenset(_names(kept.get(BY_FLAG))),
    )
    names = ("endpoint", "model", "prompt", "set", "column", "by_flag")
    if all(getattr(last, name) == getattr(settings, name) for name in names):
        return None
    guesses = replace(Guesses.of_last_load(known), accepted=frozenset(headers))
    try:
        columns = choose_columns(headers, last, guesses, id_column=None)
        return RequestMaker(options_for(path, headers, columns, last, guesses))
    except TemplateError:
        return None


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: JSON) -> dict[str, str]:
    return {key: str(one) for key, one in value.items()} if isinstance(value, dict) else {}


def _names(value: JSON) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def has_pictures(sheet: Sheet, column: int) -> bool:
    """True if a cell of the column looks like a picture's path or address."""
    for _, cells in sheet.rows():
        cell = cells[column] if column < len(cells) else None
        if isinstance(cell, list) or (
            isinstance(cell, str) and _PICTURE.match(cell[:MAX_CELL_LENGTH_READ])
        ):
            return True
    return False
