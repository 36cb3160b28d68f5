"""What a vendor makes of a row without saying so, as far as its dialect knows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jobs.job import JSON
from runner.endpoints.dialects.tasks.known import COLUMN, dialect_of
from runner.endpoints.dialects.tasks.template import names_in
from runner.endpoints.fields import describe
from runner.protocol.task_dialect import SilentChange, TaskDialect

REST = "*"  # every value that is not named
_DERIVED = {"first_image": "image", "references": "image", "description": "prompt"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChange:
    """A column whose value is made into another one; `made` is empty where it is ignored."""

    dialect: str
    column: str
    asked: str
    made: str


def changes_of(
    endpoint: str, inputs: type[object], fields: Mapping[str, JSON]
) -> list[ColumnChange]:
    """What becomes of the fields of one row of an endpoint of tasks. Raises InputError."""
    given = fields.get(COLUMN)
    dialect = dialect_of(endpoint, str(given) if given else None)
    columns = {item.name for item in describe(inputs)} - {COLUMN, "params"}
    asked = {name: value for name, value in fields.items() if name in columns and value}
    known = [
        one for one in dialect.changes if one.model.lower() in str(fields.get("model")).lower()
    ]
    found = [change for one in known if (change := _change(dialect, one, asked)) is not None]
    told = {one.column for one in known}
    used = _used(dialect, str(fields.get("model") or ""))
    found += [
        ColumnChange(dialect=dialect.name, column=name, asked=_text(value), made="")
        for name, value in asked.items()
        if name not in used | told
    ]
    return found


def _change(
    dialect: TaskDialect, one: SilentChange, asked: Mapping[str, JSON]
) -> ColumnChange | None:
    value = asked.get(one.column)
    if value is None:
        return None
    text = _text(value)
    made = one.becomes.get(text, one.becomes.get(REST))
    if made is None or made == text:
        return None
    return ColumnChange(dialect=dialect.name, column=one.column, asked=text, made=made)


def _used(dialect: TaskDialect, model: str) -> set[str]:
    """The columns that this dialect sends for a model."""
    submit = dialect.submit
    extra = [more for part, more in submit.extra.items() if part.lower() in model.lower()]
    names = {name for template in (submit.body, *extra) for name in names_in(dict(template))}
    in_path = {"model"} if "{model}" in submit.path else set()
    return set(_columns(names)) | in_path


def _columns(names: set[str]) -> Iterator[str]:
    for name in names:
        plain = name.lstrip("$").removesuffix("?").partition(":")[0]
        yield _DERIVED.get(plain, plain)


def _text(value: JSON) -> str:
    if isinstance(value, list):
        return f"{len(value)}"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
