"""Cells become request fields, or errors that say what is wrong with them."""

# ruff: noqa: RUF009 - column() is dataclasses.field with a help text

import time
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.job import JSON
from runner.endpoints.chat import ENDPOINT as CHAT
from runner.endpoints.fields import (
    FieldKind,
    InputError,
    body_column,
    column,
    describe,
    enclosed_pictures,
    field_named,
)
from runner.endpoints.inputs import converter, parse
from runner.protocol.json_text import decode
from runner.protocol.pictures import Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The inputs of an endpoint with one column of each kind."""

    model: str = column("the model")
    note: str | None = column("a text", default=None, example="x")
    count: int | None = column("a number", default=None, low=1, high=10)
    ratio: float | None = column("a share", default=0.5, low=0)
    stream: bool | None = column("in pieces", default=None, identity=False)
    either: JSON = column("any JSON", default=None)
    schema: dict[str, JSON] | None = column("an object", default=None)
    tools: list[JSON] | None = column("a list", default=None)
    detail: Literal["auto", "Low"] | None = column("a choice", default=None)
    image: tuple[Attachment, ...] = column("pictures", default=())
    body: dict[str, JSON] = body_column()


def converted(name: str, cell: JSON) -> JSON:
    field = field_named(Sample, name)
    assert field is not None
    return converter(field)(cell)


def test_a_class_describes_its_columns() -> None:
    kinds = {field.name: field.kind for field in describe(Sample)}
    assert kinds == {
        "model": FieldKind.TEXT,
        "note": FieldKind.TEXT,
        "count": FieldKind.INTEGER,
        "ratio": FieldKind.NUMBER,
        "stream": FieldKind.BOOLEAN,
        "either": FieldKind.JSON,
        "schema": FieldKind.JSON,
        "tools": FieldKind.JSON,
        "detail": FieldKind.CHOICE,
        "image": FieldKind.PICTURES,
        "params": FieldKind.JSON,
    }
    assert [field.name for field in describe(Sample) if field.required] == ["model"]
    assert [field.name for field in describe(Sample) if not field.identity] == ["stream"]
    assert describe(Sample) is describe(Sample)
    detail = field_named(Sample, "detail")
    assert detail is not None
    assert detail.choices == ("auto", "Low")


def test_an_unknown_column_has_no_field() -> None:
    assert field_named(Sample, "colour") is None
    assert field_named(Sample, "body.") is None


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("note", " 007 ", " 007 "),
        ("note", "null", "null"),
        ("note", 7, "7"),
        ("note", True, "true"),
        ("note", None, None),
        ("count", "7", 7),
        ("count", 7.0, 7),
        ("count", " 7.00 ", 7),
        ("count", "７", 7),
        ("count", "", None),
        ("ratio", "1.0", 1),
        ("ratio", ".5", 0.5),
        ("ratio", "2e-1", 0.2),
        ("ratio", 0, 0),
        ("stream", "是", True),
        ("stream", "No", False),
        ("stream", 1, True),
        ("stream", 0.0, False),
        ("stream", False, False),
        ("stream", " ", None),
        ("either", "[1, 2]", [1, 2]),
        ("either", "auto", "auto"),
        ("either", "[END]", "[END]"),
        ("either", '"5"', "5"),
        ("either", 5, 5),
        ("schema", '{"a": 1}', {"a": 1}),
        ("schema", {"a": 1}, {"a": 1}),
        ("tools", "[]", []),
        ("detail", "LOW", "Low"),
        ("detail", "", None),
        ("image", "a.png;b.png", "a.png;b.png"),
        ("params", '{"top_k": 4}', {"top_k": 4}),
        ("body.n", "5", 5),
        ("body.n", "words", "words"),
        ("body.n", "false", False),
    ],
)
def test_a_cell_becomes_its_canonical_value(name: str, cell: JSON, value: JSON) -> None:
    found = converted(name, cell)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "cell", "expected"),
    [
        ("note", {"a": 1}, "text"),
        ("count", "7.5", "a whole number"),
        ("count", "seven", "a whole number"),
        ("count", "1_0", "a whole number"),
        ("count", True, "a whole number"),
        ("count", float("nan"), "a whole number"),
        ("count", float("inf"), "a whole number"),
        ("count", "9" * 5000, "a whole number"),
        ("count", 0, "1 to 10"),
        ("count", "11", "1 to 10"),
        ("ratio", "-1", "at least 0"),
        ("ratio", "nan", "a number"),
        ("ratio", "1e999", "a number"),
        ("ratio", "0,5", "a number"),
        ("ratio", [], "a number"),
        ("stream", "maybe", "true or false"),
        ("stream", 2, "true or false"),
        ("either", '{"a": 1,}', "JSON"),
        ("schema", "[1]", "a JSON object"),
        ("schema", '{"a": NaN}', "a JSON object"),
        ("schema", '{"a":' * 5000 + "1" + "}" * 5000, "a JSON object"),
        ("tools", '{"a": 1}', "a JSON list"),
        ("tools", "words", "a JSON list"),
        ("detail", "high", "auto or Low"),
        ("params", "top_k=4", "a JSON object"),
        ("body.n", '{"a": }', "JSON"),
    ],
)
def test_a_wrong_cell_says_what_was_expected(name: str, cell: JSON, expected: str) -> None:
    with pytest.raises(InputError) as raised:
        converted(name, cell)
    assert raised.value.field == name
    assert raised.value.expected.startswith(expected)
    assert len(raised.value.found) <= 80


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()))
def test_no_cell_raises_anything_else_and_canonical_values_stay(cell: Any) -> None:
    for field in describe(Sample):
        try:
            value = converter(field)(cell)
        except InputError:
            continue
        if field.kind is not FieldKind.JSON:
            assert converter(field)(value) == value or value != value  # noqa: PLR0124 - NaN


def test_text_costs_next_to_nothing() -> None:
    convert = converter(describe(Sample)[1])
    begun = time.process_time()
    for _ in range(100_000):
        convert("a prompt")
    assert time.process_time() - begun < 0.5


# --- rows ---------------------------------------------------------------------------------------


def test_a_row_becomes_inputs() -> None:
    picture = Attachment(url="https://a.example/1.png")
    row = parse(Sample, {"model": "m", "count": "3", "price": "9"}, {"image": (picture,)})
    assert row == Sample(model="m", count=3, image=(picture,))


def test_what_is_not_given_has_its_default() -> None:
    row = parse(Sample, {"model": "m", "note": "", "ratio": None}, {})
    assert (row.note, row.ratio, row.image) == (None, 0.5, ())


@pytest.mark.parametrize("fields", [{}, {"model": ""}, {"model": None}])
def test_a_missing_value_is_named(fields: dict[str, JSON]) -> None:
    with pytest.raises(InputError, match="model: expected a value, found nothing"):
        parse(Sample, fields, {})


def test_a_required_picture_is_asked_for() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Edit:
        image: tuple[Attachment, ...] = column("pictures")

    with pytest.raises(InputError, match="image"):
        parse(Edit, {"image": "a.png"}, {"image": ()})


def test_pictures_that_go_out_inside_are_counted_and_may_not_be_addresses() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Blend:
        image: tuple[Attachment, ...] = enclosed_pictures("two of them", low=2, high=2)

    one = Attachment(data=b"x", media_type="image/png")
    assert parse(Blend, {}, {"image": (one, one)}).image == (one, one)
    for wrong in ((one,), (one, one, one), (one, Attachment(url="https://e.x/a.png"))):
        with pytest.raises(InputError) as caught:
            parse(Blend, {}, {"image": wrong})
        assert caught.value.field == "image"


def test_body_columns_lie_over_params_and_keep_canonical_values() -> None:
    fields: dict[str, JSON] = {
        "model": "m",
        "params": {"a": 1, "b": None},
        "body.a": "5",
        "body.c.d": [1],
    }
    assert parse(Sample, fields, {}).body == {"a": "5", "b": None, "c.d": [1]}


def test_wrong_params_are_named() -> None:
    with pytest.raises(InputError, match="params"):
        parse(Sample, {"model": "m", "params": [1]}, {})


def test_an_annotation_that_is_no_column_is_a_programming_error() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Odd:
        x: bytes = column("?")

    with pytest.raises(TypeError, match="bytes"):
        describe(Odd)


# --- chat's own checks ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nothing"},
        {"$ref": "https://a.example/schema.json"},
        {"properties": {"a": {"$ref": "file:///etc/passwd"}}},
        {"name": "two words", "schema": {"type": "object"}},
        {"required": 3},
    ],
)
def test_a_schema_that_cannot_be_checked_is_refused_before_it_is_paid_for(
    schema: dict[str, JSON],
) -> None:
    with pytest.raises(InputError, match="schema"):
        CHAT.check({"model": "m", "prompt": "p", "schema": schema})


def test_two_formats_for_one_answer_are_refused() -> None:
    with pytest.raises(InputError, match="response_format"):
        CHAT.check({"schema": {"type": "object"}, "response_format": "text"})


def test_a_schema_may_refer_to_itself() -> None:
    schema = decode('{"$defs":{"t":{"type":"string"}},"properties":{"a":{"$ref":"#/$defs/t"}}}')
    assert isinstance(schema, dict)
    CHAT.check({"model": "m", "prompt": "p", "schema": schema})
