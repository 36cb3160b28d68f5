"""Decides the columns and the format of a sheet's results."""

from dataclasses import replace
from pathlib import Path

from jobs.job import JSON
from jobs.loading.columns import READ_COLUMNS, RESULT_COLUMNS
from jobs.sheet.result_names import chinese_name, result_name
from jobs.sheet.text.safe_csv import MARKER_COLUMNS
from jobs.sheet.write.writers import Column, ColumnKind, ResultColumns
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.spans import spans_of

FORMATS = ("csv", "tsv", "xlsx", "jsonl", "parquet")

_FORMAT_FOR = {
    **dict.fromkeys(("csv", "txt"), "csv"),
    **dict.fromkeys(("tsv", "tab"), "tsv"),
    **dict.fromkeys(("jsonl", "ndjson", "json"), "jsonl"),
    **dict.fromkeys(("xlsx", "xlsm", "xls", "xlsb", "ods"), "xlsx"),
    "parquet": "parquet",
}
"""A sheet's format → that of its results."""

_KINDS = {
    "result_urls": ColumnKind.LIST,
    "result_files": ColumnKind.LIST,
    "result_prompt_tokens": ColumnKind.INTEGER,
    "result_completion_tokens": ColumnKind.INTEGER,
    "result_total_tokens": ColumnKind.INTEGER,
    "result_cost": ColumnKind.NUMBER,
    "result_seconds": ColumnKind.NUMBER,
    "result_attempts": ColumnKind.INTEGER,
    "result_data": ColumnKind.OBJECT,
    "result_row": ColumnKind.INTEGER,
}
_FOREIGN = frozenset(
    {
        *("result_text", "result_urls", "result_files", "result_error", "result_finish"),
        *("result_model", "result_request_id", "result_data", "result_key"),
    }
)


def columns(loaded: LoadedSheet) -> list[str]:
    """The headers of a results file: the user's in their order, then ours."""
    return list(grid(loaded).names)


def own_columns(loaded: LoadedSheet) -> tuple[int, ...]:
    """The indexes of the user's own columns.

    All columns, unless the sheet is itself a results file. Then the last column with each of our
    names is an old result, which the new one replaces; an earlier one of the same name is the
    user's, and so is one that is mapped to a request field.
    """
    names = [result_name(header) for header in loaded.headers]
    if not set(names) >= MARKER_COLUMNS:
        return tuple(range(len(names)))
    mapped = loaded.options.get("column")
    fed = set(mapped) if isinstance(mapped, dict) else set()
    last = {name: place for place, name in enumerate(names) if name in READ_COLUMNS}
    old = {place for place in last.values() if loaded.headers[place] not in fed}
    return tuple(place for place in range(len(names)) if place not in old)


def grid(loaded: LoadedSheet) -> ResultColumns:
    """The columns of a results file and their kinds."""
    types = loaded.layout.get("types")
    hidden = _numbers(loaded.layout.get("hidden_columns"))
    arrow = types if isinstance(types, list) and len(types) == len(loaded.headers) else ()
    own = [
        Column(
            name=loaded.headers[place],
            kind=ColumnKind.OWN,
            arrow=str(arrow[place]) if arrow else "",
            hidden=place in hidden,
        )
        for place in own_columns(loaded)
    ]
    ours = [
        Column(name=name, kind=_KINDS.get(name, ColumnKind.TEXT), foreign=name in _FOREIGN)
        for name in RESULT_COLUMNS
    ]
    return ResultColumns(
        columns=(*own, *ours),
        typed=loaded.layout.get("typed") is True,
        hidden_rows=frozenset(
            row
            for first, last in spans_of(str(loaded.layout.get("hidden_rows") or ""))
            for row in range(first, last + 1)
        ),
    )


def titled(columns: ResultColumns, headers: str) -> ResultColumns:
    """The columns with ours named in this language: en or zh."""
    if headers != "zh":
        return columns
    own = ColumnKind.OWN
    return replace(
        columns,
        columns=tuple(
            one if one.kind is own else replace(one, title=chinese_name(one.name))
            for one in columns.columns
        ),
    )


def _numbers(value: JSON) -> frozenset[int]:
    return (
        frozenset(one for one in value if isinstance(one, int))
        if isinstance(value, list)
        else frozenset()
    )


def format_of(loaded: LoadedSheet) -> str:
    """The format of the results file in the sheet's workspace."""
    named = loaded.layout.get("format") or Path(loaded.sheet).suffix.lstrip(".").lower()
    return _FORMAT_FOR.get(str(named), "csv")


def format_for(name: str) -> str | None:
    """The format for a file name's ending; None if we do not write it."""
    ending = Path(name).suffix.lstrip(".").lower()
    found = _FORMAT_FOR.get(ending)
    # Excel refuses an .xls that is really an .xlsx, so such endings are not written.
    return None if found == "xlsx" and ending != "xlsx" else found


def results_path(workspace: Path, loaded: LoadedSheet) -> Path:
    """The path of the results file in the sheet's workspace."""
    return workspace / f"results.{format_of(loaded)}"
