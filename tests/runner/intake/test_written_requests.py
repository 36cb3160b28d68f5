"""Simple requests are built column by column and equal those of the general path."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.job import JSON
from jobs.loading.columns import map_columns
from jobs.loading.request import EMPTY, Problem, Request, Requests
from jobs.loading.template import Template
from jobs.sheet.block import RowBlock, count_characters
from runner.endpoints.registry import known_fields
from runner.intake.recipes import RequestOptions
from runner.intake.requests import RequestMaker

HEADERS = ("prompt", "temperature", "model", "system", "body.top_k", "shelf")
TEMPLATES = (None, "{{ prompt }}", "{{ shelf | none }}: \n {{ shelf }}")


def maker(headers: Sequence[str], template: str | None = None) -> RequestMaker:
    return RequestMaker(
        RequestOptions(
            headers=tuple(headers),
            columns=map_columns(headers, known_fields()),
            endpoint=None if "endpoint" in headers else "chat",
            model="m",
            template=Template.parse(template, headers) if template is not None else None,
            constants={"temperature": "0.5", "system": "Be brief."},
            folder=Path(),
        )
    )


def one_by_one(asked: Requests) -> list[Request | Problem]:
    parts = zip(asked.endpoints, asked.models, asked.fields, asked.identities, strict=True)
    empty = Problem(column="", expected="", found="", kind=EMPTY)
    return [
        empty if place in asked.empty else asked.problems.get(place) or Request(*part)
        for place, part in enumerate(parts)
    ]


def both_ways(make: RequestMaker, rows: Sequence[Sequence[JSON]], *, typed: bool) -> None:
    block = RowBlock.of(range(len(rows)), rows, {}, typed=typed)
    assert one_by_one(make.together(block)) == [make(cells) for cells in rows]


BLANKS = st.sampled_from(["", " ", "\u3000\t"])
TEXTS = st.tuples(
    st.text(max_size=8) | BLANKS,
    st.sampled_from(["", " ", "1", "1.0", "0.25", "9", "warm"]),
    st.sampled_from(["", " ", "m-2", "模型"]),
    st.text(max_size=5) | BLANKS,
    st.sampled_from(["", "5", "five", '{"b": 1, "a": [2]}', "null"]),
    st.text(max_size=3) | BLANKS,
)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3), BLANKS)
OBJECTS = st.dictionaries(st.sampled_from("ab"), VALUES)


@given(st.lists(TEXTS, min_size=1, max_size=6), st.sampled_from(TEMPLATES))
def test_requests_made_column_by_column_are_those_that_the_long_way_makes(
    rows: list[tuple[str, ...]], template: str | None
) -> None:
    both_ways(maker(HEADERS, template), rows, typed=False)


@given(
    st.lists(st.tuples(*[VALUES | OBJECTS] * len(HEADERS)), min_size=1, max_size=6),
    st.sampled_from(TEMPLATES),
)
def test_requests_of_typed_cells_are_those_that_the_long_way_makes(
    rows: list[tuple[JSON, ...]], template: str | None
) -> None:
    both_ways(maker(HEADERS, template), rows, typed=True)


@pytest.mark.parametrize("rows", [[["chat", "a"], ["messages", "b"], ["chat", ""]], [["chat", ""]]])
def test_rows_of_several_endpoints_say_each_what_they_lack(rows: list[list[JSON]]) -> None:
    both_ways(maker(["endpoint", "prompt"]), rows, typed=False)


def test_rows_whose_sheet_has_no_prompt_at_all_are_bad_rows() -> None:
    make = maker(["endpoint", "shelf"])
    both_ways(make, [["chat", "a"]], typed=False)
    found = make(["chat", "a"])
    assert isinstance(found, Problem)
    assert (found.column, found.expected) == ("prompt", "a value")


def test_a_row_longer_than_its_header_is_bad_among_good_ones() -> None:
    both_ways(maker(["prompt"]), [["a"], ["b", "c"], ["d"]], typed=False)


def test_rows_of_two_hundred_columns_are_written_whole() -> None:
    headers = ["prompt", *(f"c{number}" for number in range(200))]
    rows = [[f'{place}\n"é\u0001{column}' for column in headers] for place in range(3)]
    both_ways(maker(headers), rows, typed=False)
    block = RowBlock.of(range(3), rows, {}, typed=False)
    assert block.texts == RowBlock.of(range(3), rows, {}, typed=True).texts


@pytest.mark.parametrize(
    ("cells", "count"),
    [(["ab", "c"], 3), ([], 0), (["ab", None, ["c", 1, "de"], 2, {"f": "g"}], 5)],
)
def test_the_text_of_a_row_is_counted_whatever_else_is_in_it(cells: list[JSON], count: int) -> None:
    assert count_characters(cells) == count
