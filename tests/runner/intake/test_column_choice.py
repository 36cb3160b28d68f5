"""Explicit column choices override guesses, checked at the wire."""

import json

import pytest

from tests.support.world import TEXT, World


def models(world: World) -> list[str]:
    return [str(call["model"]) for call in world.calls]


def test_a_template_flag_is_used_for_every_row_whatever_column_resembles_a_prompt(
    world: World,
) -> None:
    world.mock()
    sheet = world.sheet(
        "a.csv", ["Name", "Text", "描述"], ["lamp", "", ""], ["kettle", "Enamelled steel", "rot"]
    )
    done = world.run("run", sheet, *TEXT, "-p", "One line for {{ Name }}")
    assert (done.code, done.posts) == (0, 2), done.err
    texts = world.column(sheet, "result_text")
    assert "One line for lamp" in texts[0]
    assert "One line for kettle" in texts[1]
    assert "column Text: this column is not sent as prompt" in done.err


def test_a_model_flag_beats_a_column_of_product_models_also_when_it_is_remembered(
    world: World,
) -> None:
    world.mock()
    headers = ["prompt", "Model"]
    sheet = world.sheet("a.csv", headers, ["a lamp", "XJ-2000"])
    assert world.run("run", sheet, *TEXT).code == 0
    world.sheet("a.csv", headers, ["a lamp", "XJ-2000"], ["a kettle", "XJ-3000"])
    assert world.run("run", sheet, "-y").posts == 1
    assert models(world) == ["mock-text", "mock-text"]


def test_the_fields_own_name_beats_a_flag_where_the_cell_is_filled(world: World) -> None:
    world.mock()
    sheet = world.sheet("a.csv", ["prompt", "model"], ["a", "mock-b"], ["b", ""])
    assert world.run("run", sheet, *TEXT).code == 0
    assert sorted(models(world)) == ["mock-b", "mock-text"]


def test_a_similar_name_beats_a_settings_file(world: World) -> None:
    world.mock()
    world.settings('[defaults]\nmodel = "mock-a"\nendpoint = "chat"\n')
    sheet = world.sheet("a.csv", ["prompt", "Model"], ["a", "mock-b"], ["b", ""])
    done = world.run("run", sheet, "-y")
    assert done.code == 0, done.err
    assert sorted(models(world)) == ["mock-a", "mock-b"]
    assert "columns recognised by name: Model → model" in done.err


def test_a_recognised_column_whose_values_do_not_suit_is_left_out_with_a_note(
    world: World,
) -> None:
    world.mock()
    rows = (["a lamp", "2", "warm white"], ["a kettle", "about 20", "cold"])
    sheet = world.sheet("a.csv", ["prompt", "数量", "Temperature"], *rows)
    checked = world.run("check", sheet, *TEXT[:-1])
    assert checked.code == 0, checked.out
    done = world.run("run", sheet, *TEXT)
    assert (done.code, done.posts) == (0, 2), done.err
    for said in (checked.out, done.err):
        words = " ".join(said.split())
        assert "row 3, column 数量: this column is not sent as n" in words
        assert '--column "Temperature=temperature"' in words
    again = world.sheet("a.csv", ["prompt", "数量", "Temperature"], *rows, ["a cup", "1", "1"])
    assert world.run("run", again, "-y").posts == 1, "what was decided once stays"


def test_the_same_value_under_the_fields_own_name_is_a_bad_row(world: World) -> None:
    world.mock()
    sheet = world.sheet("a.csv", ["prompt", "n"], ["a lamp", "2"], ["a kettle", "many"])
    refused = world.run("run", sheet, *TEXT)
    assert (refused.code, refused.posts) == (3, 0)
    assert "row 3, column n" in refused.err


def test_a_guess_that_a_first_load_accepted_makes_later_values_bad_rows(world: World) -> None:
    world.mock()
    sheet = world.sheet("a.csv", ["prompt", "数量"], ["a lamp", "1"])
    assert world.run("run", sheet, *TEXT).code == 0
    world.sheet("a.csv", ["prompt", "数量"], ["a lamp", "1"], ["a kettle", "many"])
    refused = world.run("run", sheet, "-y")
    assert (refused.code, refused.posts) == (3, 0)
    assert "row 3, column 数量" in refused.err


def test_a_missing_picture_of_a_picture_column_is_a_bad_row_and_words_are_no_pictures(
    world: World,
) -> None:
    world.mock()
    sheet = world.sheet("a.csv", ["prompt", "参考图"], ["a lamp", "lamp.png"], ["b", "see mail"])
    refused = world.run("run", sheet, *TEXT)
    assert (refused.code, refused.posts) == (3, 0)
    assert "lamp.png" in refused.err
    other = world.sheet("b.csv", ["prompt", "参考图"], ["a lamp", "see mail"])
    done = world.run("run", other, *TEXT)
    assert (done.code, done.posts) == (0, 1), done.err
    assert "column 参考图: this column is not sent as image" in done.err


def test_an_unknown_field_in_column_is_named_on_a_loaded_sheet_too(world: World) -> None:
    world.mock()
    sheet = world.sheet("a.csv", ["id", "prompt"], ["k1", "a cat"], ["k2", "a dog"])
    assert world.run("run", sheet, *TEXT).code == 0
    refused = world.run("run", sheet, "-y", "--column", "id=promt")
    assert (refused.code, refused.posts) == (3, 0)
    assert 'did you mean "prompt"?' in refused.err
    assert "identified by column" not in refused.err


def test_check_shows_as_data_what_a_run_sends(world: World) -> None:
    world.mock()
    sheet = world.sheet("a.csv", ["Prompt", "Style"], ["a lamp", "oil painting"])
    words = ("-e", "image", "-m", "m", "--column", "Style=")
    found = world.run("check", sheet, *words, "--json").json
    assert found["columns"] == [["Prompt", "prompt"], ["Style", None]]
    assert "style" not in json.dumps(found["requests"])


@pytest.mark.parametrize(
    ("header", "field", "good", "bad"),
    [
        ("Size", "size", ["1024x1024", "auto", "16:9", "1024*1024"], ["XL", "42"]),
        ("质量", "quality", ["high", "HD", "2K"], ["A", "premium oak"]),
        ("Style", "style", ["vivid", "natural"], ["oil painting", "水彩"]),
        ("背景", "background", ["transparent"], ["white kitchen"]),
    ],
)
def test_a_shops_own_column_of_the_same_name_is_not_sent(
    world: World, header: str, field: str, good: list[str], bad: list[str]
) -> None:
    words = ("-e", "image", "-m", "m", "--json")

    def sent_as(head: str, value: str) -> object:
        sheet = world.sheet("a.csv", ["prompt", head], ["a lamp", value])
        return world.run("check", sheet, *words).json["columns"][1][1]

    assert [sent_as(header, value) for value in good] == [field] * len(good)
    assert [sent_as(header, value) for value in bad] == [None] * len(bad)
    assert [sent_as(field, value) for value in bad] == [field] * len(bad), "its own name"
