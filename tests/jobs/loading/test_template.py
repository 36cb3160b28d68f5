"""A template is the user's text; a cell is only data in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.job import JSON
from jobs.loading.template import Template, TemplateError
from runner.catalogue.findings import describe

HEADERS = ["name", "negative prompt", "风格", "a|b", "Size_Wide", "", "twice", "twice"]
ROW: list[JSON] = ["cat", "blurry", "水彩", "bar", "16:9", "x", "1", "2"]


def render(text: str, row: list[JSON] | None = None) -> str:
    return Template.parse(text, HEADERS).render(row or ROW)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("Studio photo of {{ name }}, {{ 风格 }}", "Studio photo of cat, 水彩"),
        ("{{name}}{{name}}", "catcat"),
        ("{{negative prompt}}", "blurry"),
        ("{{ Negative_Prompt }}", "blurry"),
        ("{{ size wide }}", "16:9"),
        ("{{ ＳＩＺＥ－ＷＩＤＥ }}", "16:9"),
        ("{{ a|b }}", "bar"),
        ("{{ a|b | d }}", "bar"),
        ("{{{ name }}}", "{cat}"),
        ('{"a": {"b": "{{ name }}"}}', '{"a": {"b": "cat"}}'),
        ("}} { } {0} {0.__class__} %s %(name)s $HOME ${name} {% if x %} \\1", None),
        ("", ""),
        ("line\n{{ name }}\n", "line\ncat\n"),
    ],
)
def test_a_template_is_filled(text: str, result: str | None) -> None:
    assert render(text) == (text if result is None else result)


@pytest.mark.parametrize("blank", ["", "  ", "\u3000\n", None])
def test_a_blank_cell_takes_the_default(blank: JSON) -> None:
    row = [blank, *ROW[1:]]
    assert render("a {{ name | water  colour }}!", row) == "a water  colour!"
    assert render("a {{ name ｜水彩 }}!", row) == "a 水彩!"
    assert render("a {{ name | b | c }}!", row) == "a b | c!"
    assert render("a {{ name | }}!", row) == "a !"
    assert render("a {{ name }}!", row) == "a !"


@pytest.mark.parametrize("cell", ["0", "false", 0, False])
def test_a_cell_that_only_looks_empty_takes_no_default(cell: JSON) -> None:
    assert "default" not in render("{{ name | default }}", [cell, *ROW[1:]])


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
        (["猫", 1], '["猫", 1]'),
        ({"a": None}, '{"a": null}'),
    ],
)
def test_typed_cells_become_json(cell: JSON, text: str) -> None:
    assert render("{{ name }}", [cell, *ROW[1:]]) == text


@pytest.mark.parametrize(
    "cell", ["{{ 风格 }}", "{{", "}}", "{0.__class__}", "%s", "$HOME", "\\g<0>", "{{ name | x }}"]
)
def test_a_cell_is_never_a_template(cell: str) -> None:
    assert render("[{{ name }}] {{ 风格 }}", [cell, *ROW[1:]]) == f"[{cell}] 水彩"


@given(cell=st.text(), text=st.text(st.characters(exclude_characters="{")))
def test_any_text_in_cell_and_template_is_left_unchanged(cell: str, text: str) -> None:
    row: list[JSON] = [cell, *ROW[1:]]
    shown = cell if cell.strip() else ""
    assert render(text + "{{ name }}" + text, row) == text + shown + text


@pytest.mark.parametrize(
    "text",
    [
        "{{ nmae }}",
        "{{ name.__class__ }}",
        "{{ name | upper | x }} {{ other }}",
        "{{ }}",
        "{{ | default }}",
        "{{ -- }}",
        "{{ 0 }}",
    ],
)
def test_an_unknown_name_lists_the_sheets_columns(text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Template.parse(text, HEADERS)
    assert '"name", "negative prompt", "风格"' in describe(caught.value.finding)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(TemplateError) as caught:
        Template.parse("{{ nmae }}", HEADERS)
    said = describe(caught.value.finding)
    assert '"nmae", which is not a column; did you mean "name"?' in said


@pytest.mark.parametrize("text", ["{{ name }", "a {{ name", "{{ {{ name }} }}", "{{ {name} }}"])
def test_an_open_brace_pair_is_an_error_before_it_is_paid_for(text: str) -> None:
    with pytest.raises(TemplateError, match="template_open"):
        Template.parse(text, HEADERS)


def test_a_name_of_two_columns_is_an_error() -> None:
    with pytest.raises(TemplateError, match="template_ambiguous"):
        Template.parse("{{ twice }}", HEADERS)


def test_exact_text_goes_before_near_text() -> None:
    template = Template.parse("{{ Name }}", ["name", "Name"])
    assert template.render(["a", "b"]) == "b"


def test_the_columns_in_use_are_known() -> None:
    assert Template.parse("{{ 风格 }}{{ name }}{{ 风格 }}", HEADERS).columns == (2, 0)
    assert Template.parse("nothing", HEADERS).columns == ()
