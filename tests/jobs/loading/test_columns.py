"""Headers become request fields by name, in English and Chinese."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.loading.columns import (
    ALIASES,
    RESULT_COLUMNS,
    ColumnMap,
    Guessing,
    map_columns,
    normalise,
)
from jobs.sheet.reader import Finding
from runner.catalogue.findings import finding_text

KNOWN = {"prompt", "image", "mask", "size", "quality", "n", "system", "max_tokens", "schema"}


def fields(*headers: str, known: set[str] = KNOWN) -> list[tuple[int, str]]:
    found = map_columns(headers, known)
    assert [f for f in found.findings if f.severity == "error"] == []
    return list(found.fields)


def errors(found: ColumnMap) -> list[Finding]:
    return [finding for finding in found.findings if finding.severity == "error"]


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("prompt", "prompt"),
        ("PROMPT", "prompt"),
        (" Prompt ", "prompt"),
        ("ｐｒｏｍｐｔ", "prompt"),
        ("提示词", "prompt"),
        ("提 示 词", "prompt"),
        ("正向提示词", "prompt"),
        ("画面描述", "prompt"),
        ("描述", "prompt"),
        ("文案", "prompt"),
        ("text", "prompt"),
        ("模型", "model"),
        ("图片", "image"),
        ("参考图", "image"),
        ("垫图", "image"),
        ("原图", "image"),
        ("Reference", "image"),
        ("尺寸", "size"),
        ("分辨率", "size"),
        ("质量", "quality"),
        ("数量", "n"),
        ("张数", "n"),
        ("count", "n"),
        ("系统提示", "system"),
        ("System Prompt", "system"),
        ("system-prompt", "system"),
        ("蒙版", "mask"),
        ("接口", "endpoint"),
        ("Endpoint", "endpoint"),
        ("参数", "params"),
        ("最大长度", "max_tokens"),
        ("Max Tokens", "max_tokens"),
        ("maxTokens", "max_tokens"),
        ("结构", "schema"),
        ("body.guidance_Scale", "body.guidance_Scale"),
        ("Body . seed", "body.seed"),
        ("ｂｏｄｙ．seed", "body.seed"),
    ],
)
def test_a_header_is_understood(header: str, field: str) -> None:
    assert fields(header) == [(0, field)]


@pytest.mark.parametrize(
    "header", ["种子", "seed", "风格", "notes", "备注", "", " ", "--", "body."]
)
def test_what_no_endpoint_in_use_understands_is_carried(header: str) -> None:
    assert fields(header) == []


def test_a_field_without_an_alias_is_known_by_its_own_name() -> None:
    assert fields("Some-Thing", known={"some_thing"}) == [(0, "some_thing")]
    assert fields("text", "prompt", known={"text", "prompt"}) == [(0, "text"), (1, "prompt")]


@given(st.text(max_size=30))
def test_normalising_twice_changes_nothing(header: str) -> None:
    assert normalise(normalise(header)) == normalise(header)


def test_every_alias_is_normalised_and_leads_to_a_field() -> None:
    assert all(name and normalise(name) == name for name in ALIASES)
    assert all(ALIASES[normalise(field)] == field for field in set(ALIASES.values()))


def test_numbered_pictures_come_in_their_order() -> None:
    assert fields("image_10", "prompt", "参考图2", "Image 1", "image") == [
        (1, "prompt"),
        (4, "image"),
        (3, "image"),
        (2, "image"),
        (0, "image"),
    ]
    assert fields("prompt_1", "size2") == []


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        (("prompt", "提示词"), "same_field"),
        (("图片", "参考图"), "same_field"),
        (("image_1", "图片1"), "same_field"),
        (("prompt", "prompt"), "same_header"),
        (("body.x", "BODY.x"), "same_field"),
    ],
)
def test_two_columns_for_one_field_are_an_error_that_names_both(
    headers: tuple[str, str], kind: str
) -> None:
    found = map_columns(["n", *headers], KNOWN)
    (finding,) = errors(found)
    assert finding.kind == kind
    assert f'"{headers[0]}" (B), "{headers[1]}" (C)' in finding.found
    assert len(found.fields) == 2
    assert "--column" in finding_text(finding).message or kind == "same_header"


def test_column_settles_a_conflict() -> None:
    found = map_columns(["prompt", "描述"], KNOWN, given={"描述": "prompt"})
    assert found.fields == ((1, "prompt"),)
    assert errors(found) == []


def test_column_maps_any_header_by_near_spelling_to_any_name_of_a_field() -> None:
    found = map_columns(["主 文案", "pic a", "pic b"], KNOWN, given={"主文案": "提示词"})
    assert found.fields == ((0, "prompt"),)
    given = {"pic b": "image", "pic a": "image"}
    assert map_columns(["主文案", "pic a", "pic b"], KNOWN, given=given).fields == (
        (2, "image"),
        (1, "image"),
    )
    assert map_columns(["x"], KNOWN, given={"x": "body.x"}).fields == ((0, "body.x"),)


def test_two_columns_given_to_one_field_are_an_error() -> None:
    found = map_columns(["a", "b"], KNOWN, given={"a": "size", "b": "size"})
    assert [finding.kind for finding in errors(found)] == ["same_field"]


def test_an_unknown_header_in_column_lists_the_sheets_columns() -> None:
    (finding,) = errors(map_columns(["title", "提示词"], KNOWN, given={"titel": "prompt"}))
    assert finding.kind == "unknown_column_near"
    assert 'did you mean "title"?' in finding_text(finding).message
    assert '"title", "提示词"' in finding.expected


def test_an_unknown_field_in_column_names_the_nearest_and_a_few_others() -> None:
    (finding,) = errors(map_columns(["title"], KNOWN, given={"title": "promt"}))
    assert finding.kind == "unknown_field_near"
    assert 'did you mean "prompt"?' in finding_text(finding).message
    assert finding.expected.startswith("prompt, ")
    assert finding.expected.count(",") <= 6


def explicit(*headers: str, **guessing: Any) -> tuple[list[tuple[int, str]], list[str]]:
    """The fields, and the kinds of findings about the columns."""
    known = KNOWN | {"style", "model"}
    found = map_columns(headers, known, guessing=Guessing(**guessing))
    return list(found.fields), [one.kind for one in found.findings]


def test_a_column_that_the_template_names_is_words_only() -> None:
    fields_, kinds = explicit("prompt", "Style", "size", template_columns=(0, 1, 2))
    assert (fields_, kinds) == ([], ["words_only"] * 3)
    mapped = map_columns(
        ["Style"],
        KNOWN | {"style"},
        given={"Style": "style"},
        guessing=Guessing(template_columns=(0,)),
    )
    assert mapped.fields == ((0, "style"),), "what --column maps is sent too"


def test_a_flag_beats_a_similar_name_and_not_the_fields_own_name() -> None:
    flags = frozenset({"prompt", "model"})
    assert explicit("Text", "Model", flags=flags) == ([], ["overruled_column"] * 2)
    assert explicit("Text", "描述", flags=flags) == ([], ["overruled_column"] * 2), "no conflict"
    fields_, kinds = explicit("prompt", "model", flags=flags)
    assert fields_ == [(0, "prompt"), (1, "model")]
    assert kinds == ["column_over_option"] * 2


def test_a_column_can_be_kept_out_of_requests() -> None:
    found = map_columns(["Prompt", "Style"], KNOWN | {"style"}, given={"Style": ""})
    assert found.fields == ((0, "prompt"),)
    assert found.findings == ()
    found = map_columns(["Prompt"], KNOWN, given={"Style": ""})
    assert [one.kind for one in found.findings] == ["unknown_column"], "a typing error is told"


@pytest.mark.parametrize(
    ("header", "guessed"),
    [
        ("prompt", False),
        (" prompt ", False),
        ("Prompt", True),
        ("提示词", True),
        ("image_2", False),
        ("Image 2", True),
        ("Body . seed", False),
    ],
)
def test_a_column_is_a_guess_unless_it_bears_the_fields_own_name(
    header: str, *, guessed: bool
) -> None:
    assert map_columns([header], KNOWN).guessed == (frozenset({0}) if guessed else frozenset())


def test_a_header_that_occurs_twice_cannot_be_named() -> None:
    found = map_columns(["x", "x"], KNOWN, given={"x": "prompt"}, id_column="x")
    assert [finding.kind for finding in errors(found)] == ["ambiguous_column"] * 2


@pytest.mark.parametrize(
    ("headers", "index"),
    [
        (["prompt", "编号"], 1),
        (["SKU", "prompt"], 0),
        (["sku", "uuid", "ID"], 2),
        (["prompt", "序号"], None),
        (["id", "id", "sku"], 2),
        (["prompt"], None),
    ],
)
def test_the_id_column_is_found_by_name(headers: list[str], index: int | None) -> None:
    assert map_columns(headers, KNOWN).id_column == index


def test_the_users_id_column_wins_and_must_exist() -> None:
    assert map_columns(["id", "货 号"], KNOWN, id_column="货号").id_column == 1
    found = map_columns(["id", "货号"], KNOWN, id_column="货好")
    assert found.id_column is None
    assert "--id" in finding_text(errors(found)[0]).message


def test_the_columns_of_an_earlier_results_file_are_no_input() -> None:
    headers = ["prompt", *RESULT_COLUMNS, "result_of_mine"]
    found = map_columns(headers, KNOWN)
    assert found.result_columns == tuple(range(1, len(RESULT_COLUMNS) + 1))
    assert found.fields == ((0, "prompt"),)
    assert found.findings == ()


def test_a_result_column_can_be_made_input_by_name() -> None:
    found = map_columns(["result_text"], KNOWN, given={"result_text": "prompt"})
    assert (found.fields, found.result_columns) == (((0, "prompt"),), ())


def test_duplicate_headers_that_are_only_carried_are_a_note() -> None:
    found = map_columns(["prompt", "note", "note", "", ""], KNOWN)
    assert [(f.kind, f.severity) for f in found.findings] == [
        ("blank_header", "note"),
        ("duplicate_header", "note"),
    ]


def test_a_misspelt_header_is_a_warning_because_it_would_not_be_sent() -> None:
    found = map_columns(["prompt", "qualty", "notes", "model"], KNOWN)
    assert [(f.kind, f.column, f.expected) for f in found.findings] == [
        ("near_name", "qualty", "quality")
    ]
