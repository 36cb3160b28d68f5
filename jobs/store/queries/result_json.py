"""Builds results as JSON in the database, a page of rows at a time."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
    text,
)

from jobs.store.edits import edited_cells
from jobs.store.picks import picks_of
from jobs.store.queries.results import ResultRow, Results, pages
from jobs.store.row_status import (
    ANSWERED_FILES,
    BOUGHT_BY,
    COST_OF_EACH,
    IS_PAID,
    STATUS,
    TOLD_LANES,
    TRIED_AGAIN,
    TRIES_AT_ONCE,
    WITH_LAST_CALL,
)
from jobs.store.schema import attempts, calls, edits, files, jobs, picks, rows

MOST_PAIRS = 40  # in one json_object; SQLite takes 100 arguments at least
_OLDEST = (3, 38, 0)  # has ->, which gives a value as it is written
_PROBE = """json_object(
'a', '["b\\n", 1e3]' -> '$[0]',
'c', CASE WHEN random() IS NOT NULL THEN (SELECT json_group_array('d')) END,
'e', CASE WHEN random() IS NOT NULL THEN json_array('f') END)"""
_PROBED = '{"a":"b\\n","c":["d"],"e":["f"]}'

Built: TypeAlias = Sequence[Any]
"""A row: its number in the table, is it odd; an object with own cells and ours up to the tokens;
cost and seconds; an object up to the request; the time of its end; one with the rest.

Numbers stay apart, because SQLite writes fewer digits, and so does the time, which is to be local.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultShape:
    """What differs from sheet to sheet."""

    own: Sequence[tuple[str, int]]  # name and place of the cells
    width: int  # cells of a row that is as wide as the header
    files_at: str  # the way to the saved files


def can_build(found: Results) -> bool:
    """True if this database can build JSON exactly as we write it."""
    if found.connection.dialect.name != "sqlite" or sqlite3.sqlite_version_info < _OLDEST:
        return False
    built: str = found.connection.execute(text(f"SELECT {_PROBE}")).scalar_one()
    return built == _PROBED


def built_rows(found: Results, shape: ResultShape) -> Iterator[Sequence[Built | ResultRow]]:
    """The rows of `found`, some at a time.

    Odd rows, picked ones, and rows with several calls are left to the general writer.
    """
    beside: list[ColumnElement[bool]] = []
    if edited_cells(found.connection, found.sheet_id):
        edited = select(edits.c.key).where(edits.c.batch_id == found.sheet_id)
        beside.append(rows.c.key.in_(edited))
    if picks_of(found.connection, found.sheet_id):
        beside.append(jobs.c.id.in_(select(picks.c.job_id)))
    query = _query(shape, beside)
    for condition in found.conditions():
        for page in pages(found.connection, query.where(condition)):
            odd = [line[0] for line in page if line[1]]
            apart = found.apart(odd) if odd else {}
            yield [apart.get(line[0], line) for line in page] if apart else page


def _query(shape: ResultShape, beside: Sequence[ColumnElement[bool]]) -> Select[Any]:
    cells = [(name, rows.c.cells.op("->")(f"$[{place}]")) for name, place in shape.own]
    values = [
        rows.c.id,
        _is_odd(shape.width, beside),
        _objects([*cells, *_head(shape.files_at)]),
        COST_OF_EACH,
        calls.c.seconds,
        _object(_MIDDLE),
        case((_STATUS.not_in(["pending", "parked"]), jobs.c.updated_at)),
        _object(_TAIL),
    ]
    return (
        select(*(value.label(f"value_{place}") for place, value in enumerate(values)))
        .select_from(WITH_LAST_CALL.outerjoin(_first, _IS_FIRST))
        .order_by(rows.c.position, rows.c.id)
    )


def _is_odd(width: int, beside: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """True for a row not as wide as the header, tried again, never a request, or `beside`."""
    return or_(
        func.json_array_length(rows.c.cells) != width,
        TRIED_AGAIN,
        func.coalesce(jobs.c.cause, "") == "bad_row",
        *beside,
    )


_Pair: TypeAlias = tuple[str, ColumnElement[Any]]


def _object(pairs: Sequence[_Pair]) -> ColumnElement[Any]:
    return func.json_object(*(one for pair in pairs for one in pair))


def _objects(pairs: Sequence[_Pair]) -> ColumnElement[Any]:
    """Any number of pairs as one JSON object."""
    first, *others = (
        _object(pairs[at : at + MOST_PAIRS]) for at in range(0, len(pairs), MOST_PAIRS)
    )
    for other in others:
        before: ColumnElement[Any] = func.substr(first, 1, func.length(first) - 1)
        first = before + "," + func.substr(other, 2)
    return first


_STATUS = case((rows.c.parked, "parked"), else_=STATUS)
_MIDDLE: Sequence[_Pair] = (
    ("result_attempts", TRIES_AT_ONCE),
    (
        "result_model",
        func.coalesce(func.nullif(attempts.c.answered_model, ""), func.nullif(jobs.c.model, "")),
    ),
    ("result_request_id", calls.c.request_id),
)
_TOLD = func.json_extract(attempts.c.data, "$.lane")
_TAIL: Sequence[_Pair] = (
    ("result_data", func.json(func.nullif(attempts.c.data, "{}"))),
    ("result_lane", case((and_(IS_PAID, _TOLD.in_(TOLD_LANES)), _TOLD), else_=BOUGHT_BY)),
    ("result_row", rows.c.position),
    ("result_key", rows.c.key),
    ("result_pick", null()),
)


def _head(files_at: str) -> list[_Pair]:
    way = literal(f"{files_at}/")
    return [
        ("result_status", _STATUS),
        ("result_text", attempts.c.text),
        ("result_urls", _list(lambda file: file.c.url, lambda file: file.c.url != "")),
        (
            "result_files",
            _list(lambda file: way + file.c.name, lambda file: file.c.state == "done"),
        ),
        ("result_error", func.coalesce(func.nullif(jobs.c.detail, ""), jobs.c.cause)),
        ("result_error_class", jobs.c.kind),
        ("result_finish", attempts.c.finish),
        ("result_prompt_tokens", attempts.c.prompt_tokens),
        ("result_completion_tokens", attempts.c.completion_tokens),
        ("result_total_tokens", attempts.c.total_tokens),
    ]


_first = files.alias("first")
_IS_FIRST = and_(
    _first.c.job_id == jobs.c.id, _first.c.call_id == jobs.c.call_id, _first.c.number == 1
)
_other = files.alias("other")
_HAS_OTHERS = jobs.c.id.in_(select(_other.c.job_id).where(_other.c.number > 1))
_OfFile: TypeAlias = Callable[[FromClause], ColumnElement[Any]]


def _list(value: _OfFile, condition: _OfFile) -> ColumnElement[Any]:
    """A JSON list of what the row's files have, in the order of their numbers.

    Most rows have at most one file; only the others need a lookup.
    """
    kept = select(value(files).label("value")).where(ANSWERED_FILES, condition(files))
    in_order = kept.order_by(files.c.number).correlate(jobs).subquery()
    return case(
        (_HAS_OTHERS, select(func.json_group_array(in_order.c.value)).scalar_subquery()),
        (condition(_first), func.json_array(value(_first))),
        else_=func.json_array(),
    )
