"""Which cells become part of a request, and which requests are the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from jobs.job import JSON
from jobs.loading.columns import map_columns
from jobs.loading.request import EMPTY, Problem, Request
from jobs.loading.template import Template
from runner.endpoints.registry import known_fields
from runner.intake.recipes import RequestOptions
from runner.intake.requests import RequestMaker


def maker(headers: list[str], folder: Path = Path(), **given_options: Any) -> RequestMaker:
    """A request maker for rows with these headers."""
    prompt = given_options.pop("prompt", None)
    options: dict[str, Any] = {"endpoint": "chat", "model": "m", "constants": {}, **given_options}
    return RequestMaker(
        RequestOptions(
            headers=tuple(headers),
            columns=map_columns(headers, known_fields()),
            template=Template.parse(prompt, headers) if prompt is not None else None,
            folder=folder,
            **options,
        )
    )


def made(found: Request | Problem) -> Request:
    assert isinstance(found, Request), found
    return found


def fields(found: Request | Problem) -> dict[str, JSON]:
    return dict(json.loads(made(found).fields))


def test_a_blank_cell_gives_way_to_the_option_and_a_filled_one_wins() -> None:
    make = maker(["prompt", "temperature", "model"], constants={"temperature": "0.5"})
    assert fields(make(["a", "", ""])) == {"model": "m", "prompt": "a", "temperature": 0.5}
    assert fields(make(["a", "1", "x"])) == {"model": "x", "prompt": "a", "temperature": 1}


def test_defaults_of_rowmill_are_no_part_of_a_request() -> None:
    assert fields(maker(["prompt"])(["a"])) == {"model": "m", "prompt": "a"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("1", "1.0"), ("0.50", "0.5"), (" 1 ", "1")],
)
def test_the_same_number_written_otherwise_is_the_same_request(ours: str, theirs: str) -> None:
    make = maker(["prompt", "temperature"])
    assert made(make(["a", ours])).identity == made(make(["a", theirs])).identity


def test_streaming_is_no_part_of_the_identity() -> None:
    make = maker(["prompt", "stream"])
    plain, streamed = made(make(["a", ""])), made(make(["a", "yes"]))
    assert plain.identity == streamed.identity
    assert plain.fields != streamed.fields


def test_columns_that_no_field_needs_are_no_part_of_the_identity() -> None:
    make = maker(["prompt", "notes"])
    assert made(make(["a", "x"])) == made(make(["a", "y"]))


def test_endpoint_and_model_are_part_of_the_identity() -> None:
    make = maker(["prompt", "endpoint", "model"])
    rows = (["a", "", ""], ["a", "chat-image", ""], ["a", "", "x"])
    found = [made(make(row)) for row in rows]
    assert len({(one.endpoint, one.identity) for one in found}) == 3


def test_pictures_count_by_content(tmp_path: Path) -> None:
    for name, colour in (("a.png", "red"), ("b.png", "red"), ("c.png", "blue")):
        Image.new("RGB", (4, 4), colour).save(tmp_path / name)
    make = maker(["prompt", "image"], tmp_path)
    first, same, other = (made(make(["x", f"{name}.png"])) for name in "abc")
    assert first.identity == same.identity
    assert first.identity != other.identity
    assert set(make.attached) == {"a.png", "b.png", "c.png"}
    both = made(make(["x", "a.png; c.png"]))
    assert len(json.loads(both.fields)["image"]) == 2


@pytest.mark.parametrize(
    ("cells", "column", "found"),
    [
        (["", "1"], "提示词", "nothing"),
        ([" \u3000\n", "1"], "提示词", "nothing"),
        (["a", "warm"], "temperature", "'warm'"),
        (["a", "", "more"], "", "more: more"),
    ],
)
def test_a_row_that_cannot_become_a_request_says_where_and_why(
    cells: list[JSON], column: str, found: str
) -> None:
    problem = maker(["提示词", "temperature"])(cells)
    assert isinstance(problem, Problem)
    assert (problem.column, problem.found) == (column, found)


def test_blanks_are_no_prompt_and_no_model_and_are_kept_where_text_may_be_missing() -> None:
    make = maker(["prompt", "model", "system"])
    assert fields(make([" a ", " ", " "])) == {"model": "m", "prompt": " a ", "system": " "}
    rendered = maker(["name"], prompt="{{ name }}")
    for cells in (["  "], [""]):
        problem = rendered(cells)
        assert isinstance(problem, Problem)
        assert problem.kind == EMPTY
    assert isinstance(maker(["sku"], constants={"prompt": " "})(["1"]), Problem)


def test_an_unknown_endpoint_in_a_cell_is_that_rows_problem() -> None:
    make = maker(["prompt", "endpoint"])
    problem = make(["a", "chat-imge"])
    assert isinstance(problem, Problem)
    assert "chat-image" in problem.found
    assert isinstance(make(["a", " chat "]), Request)


def test_a_template_wins_over_the_column_it_uses() -> None:
    make = maker(["prompt", "style"], prompt="{{ prompt }}, {{ style | plain }}")
    assert fields(make(["a cat", ""]))["prompt"] == "a cat, plain"


def test_a_template_of_other_columns_is_for_rows_without_a_prompt_of_their_own() -> None:
    make = maker(["prompt", "name"], prompt="Draw {{ name }}")
    assert fields(make(["", "a cat"]))["prompt"] == "Draw a cat"
    assert fields(make(["mine", "a cat"]))["prompt"] == "mine"


def test_body_columns_and_constants_are_json_where_they_parse() -> None:
    make = maker(["prompt", "body.top_k"], constants={"body.seed": "7", "body.tag": "x y"})
    found = fields(make(["a", "[1]"]))
    assert (found["body.top_k"], found["body.seed"], found["body.tag"]) == ([1], 7, "x y")


NOT_JSON_VALUES = ["NaN", "Infinity", "-Infinity", "1e999", "[1, NaN]", '{"a": {"b": -1e999}}']


@pytest.mark.parametrize("cell", [*NOT_JSON_VALUES, "[" * 300 + "]" * 300, "[" * 100_000])
def test_a_body_cell_that_no_request_can_hold_is_a_bad_row(cell: str) -> None:
    make = maker(["prompt", "body.top_k"])
    problem = make(["a", cell])
    assert isinstance(problem, Problem)
    assert problem.column == "body.top_k"
    constant = maker(["prompt"], constants={"body.top_k": cell})(["a"])
    assert isinstance(constant, Problem)


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), {"a": [float("inf")]}])
def test_a_typed_value_that_json_cannot_hold_is_a_bad_row(value: JSON) -> None:
    for column in ("body.top_k", "params"):
        problem = maker(["prompt", column])(["a", {"a": value} if column == "params" else value])
        assert isinstance(problem, Problem)
        assert problem.column == column


@pytest.mark.parametrize("cell", ["nan", "Infinity and beyond", "007", "{a: 1}"])
def test_a_body_cell_that_is_no_json_is_text(cell: str) -> None:
    assert fields(maker(["prompt", "body.x"])(["a", cell]))["body.x"] == cell


def test_half_a_character_in_a_body_cell_can_be_stored() -> None:
    found = made(maker(["prompt", "body.x"])(["a", '{"x": "\\ud83d"}']))
    assert found.identity.encode()


@pytest.mark.parametrize("seed", ["18446744073709551615", "-9223372036854775808", 2**64 - 1])
def test_a_seed_may_have_all_64_bits(seed: JSON) -> None:
    assert fields(maker(["prompt", "seed"])(["a", seed]))["seed"] == int(str(seed))


@pytest.mark.parametrize("seed", ["18446744073709551616", "99999999999999999999", 2**64, 1e30])
def test_a_number_of_more_than_64_bits_is_a_bad_row(seed: JSON) -> None:
    assert isinstance(maker(["prompt", "seed"])(["a", seed]), Problem)


@settings(deadline=None, max_examples=50)  # the first row is slow: it compiles the recipe
@given(st.lists(st.text(max_size=20), min_size=1, max_size=4, unique=True))
def test_different_prompts_are_different_requests(prompts: list[str]) -> None:
    make = maker(["prompt"])
    rows = [make([prompt]) for prompt in prompts if prompt]
    identities = [made(row).identity for row in rows if isinstance(row, Request)]
    assert len(set(identities)) == len(identities)


@settings(deadline=None)  # as above
@given(st.text(max_size=40), st.text(max_size=40))
def test_the_fields_are_json_that_says_what_the_cells_said(prompt: str, system: str) -> None:
    found = maker(["prompt", "system"])([prompt, system])
    if isinstance(found, Problem):
        assert not prompt.strip()
        return
    expected = {"model": "m", "prompt": prompt} | ({"system": system} if system else {})
    assert json.loads(found.fields) == expected
