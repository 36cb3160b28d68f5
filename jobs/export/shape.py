"""Which columns and which format the results of a sheet have."""

from pathlib import Path

from jobs.loading.columns import RESULT_COLUMNS
from jobs.sheet.write.writers import Column, ColumnKind, ResultColumns
from jobs.store.batches import LoadedSheet

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

_MARKS = frozenset({"result_status", "result_row", "result_key"})
"""Only a results file has all three: nobody gives a sheet of their own these columns."""


def columns(loaded: LoadedSheet) -> list[str]:
    """The headers of a results file: the user's in their order, then ours."""
    return list(grid(loaded).names)


def own_columns(loaded: LoadedSheet) -> tuple[int, ...]:
    """Which columns of the sheet are the user's.

    All of them, unless the sheet is a results file itself. Then the last column of each of our
    names is an old result, which the new one replaces; an earlier one of the same name is the
    user's, and so is one that feeds a request field.
    """
    names = [header.strip().lower() for header in loaded.headers]
    if not set(names) >= _MARKS:
        return tuple(range(len(names)))
    mapped = loaded.options.get("column")
    fed = set(mapped) if isinstance(mapped, dict) else set()
    last = {name: place for place, name in enumerate(names) if name in RESULT_COLUMNS}
    old = {place for place in last.values() if loaded.headers[place] not in fed}
    return tuple(place for place in range(len(names)) if place not in old)


def grid(loaded: LoadedSheet) -> ResultColumns:
    """The columns of a results file, with what each holds."""
    own = [Column(name=loaded.headers[place], kind=ColumnKind.OWN) for place in own_columns(loaded)]
    ours = [
        Column(name=name, kind=_KINDS.get(name, ColumnKind.TEXT), foreign=name in _FOREIGN)
        for name in RESULT_COLUMNS
    ]
    return ResultColumns(columns=(*own, *ours), typed=loaded.layout.get("typed") is True)


def format_of(loaded: LoadedSheet) -> str:
    """The format of a sheet's own results file."""
    named = loaded.layout.get("format") or Path(loaded.sheet).suffix.lstrip(".").lower()
    return _FORMAT_FOR.get(str(named), "csv")


def format_for(name: str) -> str | None:
    """The format that a file name's ending asks for, if it is one that we write."""
    ending = Path(name).suffix.lstrip(".").lower()
    found = _FORMAT_FOR.get(ending)
    # What Excel finds in an .xls must be one: a sheet of that kind gets .xlsx results instead.
    return None if found == "xlsx" and ending != "xlsx" else found


def results_path(workspace: Path, loaded: LoadedSheet) -> Path:
    """Where a sheet's results are: in its workspace, in the format of the sheet."""
    return workspace / f"results.{format_of(loaded)}"
