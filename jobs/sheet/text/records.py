"""Reads jsonl sheets, and json sheets that are one list; values keep their types."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, TypeAlias, cast

from jobs.job import JSON
from jobs.sheet.area import Area
from jobs.sheet.finding import Finding, SheetError, excerpt
from jobs.sheet.layout import Layout, NeededColumns, Note, Row, RowSource, Sheet
from jobs.sheet.text.batch_files import batch_row
from jobs.sheet.text.decode import open_text, undecodable
from jobs.sheet.text.encodings import Encoding

_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


BATCH_COLUMNS = ({"custom_id", "endpoint", "model"}, {"key", "endpoint", "body.contents"})
"""The columns by which a provider's batch file is known."""
_WRAPPERS = frozenset({"data", "rows", "records", "items", "results", "list"})
"""Members in which other programs wrap a list of records."""


_Numbered: TypeAlias = tuple[int, dict[str, JSON] | Finding, bool]
"""Number, record or what is wrong with it, and True if it may hold half a surrogate pair."""


def open_records(path: Path, encoding: Encoding, *, format: str) -> Sheet:  # noqa: A002 - as in reader.open_sheet
    """A jsonl or json sheet. The content decides which, not the ending of the file's name.

    One pass over all records finds the columns: the union of their keys, in order of appearance.
    """
    whole = _is_one_value(path, encoding.name, format)
    headers: dict[str, None] = {}
    area = Area()
    for _, record, _escaped in _records(path, encoding.name, whole=whole):
        if isinstance(record, dict):
            headers.update(dict.fromkeys(record))
            area.add_row(len(record))
        area.check(path, len(headers))
    columns = tuple(headers)
    layout = Layout(
        format="json" if whole else "jsonl",
        encoding=encoding.label,
        headers=tuple(_SURROGATE.sub("\ufffd", column) for column in columns),
        typed=True,
    )
    sheet = Sheet(
        path,
        layout,
        source=_source(path, encoding.name, columns, whole=whole),
        findings=encoding.findings,
    )
    if any(names <= headers.keys() for names in BATCH_COLUMNS):
        sheet.note(Finding(kind="batch_file", severity="warning"))
    if format != layout.format:
        sheet.note(
            Finding(
                kind="read_as_list" if whole else "read_as_lines",
                severity="note",
            )
        )
    return sheet


def _source(path: Path, encoding: str, columns: tuple[str, ...], *, whole: bool) -> RowSource:
    def rows(note: Note, _: NeededColumns) -> Iterator[Row]:
        for number, record, escaped in _records(path, encoding, whole=whole):
            if isinstance(record, Finding):
                note(record)
                yield number, [None] * len(columns)
                continue
            cells = [record.get(column) for column in columns]
            if escaped:
                cells = _without_surrogates(number, columns, cells, note)
            yield number, cells

    return rows


def _is_one_value(path: Path, encoding: str, format: str) -> bool:  # noqa: A002 - as above
    """True if the file is one JSON value, and not one object a line."""
    with open_text(path, encoding, newline=None) as stream:
        lines = (line.strip() for line in stream if not line.isspace())
        first, is_alone = next(lines, ""), next(lines, None) is None
    if first.startswith("["):
        return True
    value = _parse(first)
    return format == "json" and (isinstance(value, ValueError) or (is_alone and _is_wrapper(value)))


def _is_wrapper(value: JSON | ValueError) -> bool:
    """True for an object whose list of records is meant, and not the object itself."""
    members = value.items() if isinstance(value, dict) else ()
    return any(
        name in _WRAPPERS and isinstance(one, list) and one and isinstance(one[0], dict)
        for name, one in members
    )


def _records(path: Path, encoding: str, *, whole: bool) -> Iterator[_Numbered]:
    with open_text(path, encoding, newline=None) as stream:
        try:
            if whole:
                yield from _items(path, stream.read())
                return
            for number, line in enumerate(stream, 1):
                if not line.isspace():
                    value = _parse(line)
                    record = _repeated(number, value, line) or _record(number, value, line)
                    yield number, record, _SURROGATE_ESCAPE.search(line) is not None
        except UnicodeError as error:
            raise undecodable(path, encoding) from error


def _items(path: Path, text: str) -> Iterator[_Numbered]:
    value = _parse(text)
    if not isinstance(value, list):
        finding = Finding(
            kind="not_a_list",
            severity="error",
            found=str(value) if isinstance(value, ValueError) else excerpt(text),
        )
        raise SheetError(path, [finding])
    escaped = _SURROGATE_ESCAPE.search(text) is not None
    for number, item in enumerate(value, 1):
        yield number, _record(number, item, ""), escaped


def _record(number: int, value: JSON | ValueError, line: str) -> dict[str, JSON] | Finding:
    """A record as an object; a bare text is a prompt."""
    match value:
        case dict():
            return _batch_record(number, value)
        case str():
            return {"prompt": value}
        case ValueError():
            kind, found = "bad_json", f"{value}: {excerpt(line)}"
        case _:
            kind, found = "not_an_object", excerpt(json.dumps(value, ensure_ascii=False))
    return Finding(
        kind=kind,
        severity="error",
        row=number,
        found=found,
        expected='a JSON object such as {"prompt": "a cat"}',
    )


def _batch_record(number: int, record: dict[str, JSON]) -> dict[str, JSON] | Finding:
    """The record, or the row that it stands for if it is a line of a provider's batch file."""
    try:
        return batch_row(record) or record
    except ValueError:
        return Finding(
            kind="batch_request",
            severity="error",
            row=number,
            column="url",
            found=excerpt(str(record["url"])),
            expected="/v1/chat/completions or /v1/embeddings",
        )


def _repeated(number: int, value: JSON | ValueError, line: str) -> Finding | None:
    """An error if a name is repeated in one object, since only the last value would count.

    Counting the names is nearly free; the line is parsed again only if the count is off.
    """
    if not isinstance(value, dict) or line.count('":') + line.count('" :') == len(value):
        return None
    twice: list[str] = []

    def look(pairs: list[tuple[str, JSON]]) -> None:
        counts = Counter(name for name, _ in pairs)
        twice.extend(name for name, count in counts.items() if count > 1)

    json.loads(line, object_pairs_hook=look)
    if not twice:
        return None
    return Finding(
        kind="repeated_name",
        severity="error",
        row=number,
        column=_SURROGATE.sub("\ufffd", twice[0]),
        found=excerpt(_SURROGATE.sub("\ufffd", line)),
        expected="each name once",
    )


def _parse(text: str) -> JSON | ValueError:
    """The value, or the error. Nothing outside the JSON standard is accepted."""
    try:
        return cast(
            "JSON", json.loads(text, parse_constant=_no_constant, parse_float=_finite_number)
        )
    except ValueError as error:
        return error
    except RecursionError:
        return ValueError("nested too deeply")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _finite_number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{excerpt(text, 20)} is too large a number")
    return number


def _cleaned(value: JSON) -> tuple[JSON, bool]:
    """The value without lone surrogates, and True if there were any.

    json reads them from escapes such as \\ud83d, and no encoding can write them.
    """
    match value:
        case str():
            clean: JSON = _SURROGATE.sub("\ufffd", value)
        case list():
            clean = [_cleaned(item)[0] for item in value]
        case dict():
            clean = {
                _SURROGATE.sub("\ufffd", key): _cleaned(item)[0] for key, item in value.items()
            }
        case _:
            clean = value
    return clean, clean != value


def _without_surrogates(
    number: int, columns: tuple[str, ...], cells: list[JSON], note: Note
) -> list[JSON]:
    cleaned = []
    for column, cell in zip(columns, cells, strict=True):
        value, changed = _cleaned(cell)
        cleaned.append(value)
        if changed:
            note(
                Finding(
                    kind="lone_surrogate",
                    severity="error",
                    row=number,
                    column=_SURROGATE.sub("\ufffd", column),
                    found=excerpt(str(value)),
                    expected="whole characters",
                )
            )
    return cleaned
