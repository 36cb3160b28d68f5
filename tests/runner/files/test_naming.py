"""File names are valid on every system, whatever a cell contains."""

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.files.naming import DEFAULT_TEMPLATE, FileNameError, check_template, name_file, slug


def named(template: str, *, version: int = 1, **values: str) -> str:
    return str(name_file(template, values, version=version, extension="png"))


def test_the_default_names_row_words_and_number() -> None:
    assert (
        named(DEFAULT_TEMPLATE, row="7", slug=slug("A red fox, at dawn!"), n="1")
        == "7-A-red-fox-at-dawn-1.png"
    )


def test_chinese_prompts_stay_readable() -> None:
    assert slug("一只橘猫，坐在窗台上") == "一只橘猫-坐在窗台上"


def test_a_prompt_without_letters_still_gives_a_name() -> None:
    assert slug("!!! ✨") == "untitled"


def test_a_new_version_is_placed_beside_the_old_one() -> None:
    assert named("{{ key }}", key="cup", version=2) == "cup_v2.png"


def test_a_slash_in_the_template_is_a_folder_and_in_a_cell_it_is_not() -> None:
    assert named("{{ model }}/{{ key }}", model="a/b", key="c\\d:e") == "a_b/c_d_e.png"


def test_a_slash_in_a_default_is_no_folder() -> None:
    assert named("{{ size | 3/4 }}-{{ n }}", size="", n="1") == "3_4-1.png"


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("..", "_.png"),
        ("../../etc/passwd", "_.._etc_passwd.png"),
        ("-rf", "rf.png"),
        ("~root", "root.png"),
        (".hidden", "hidden.png"),
        ("dot. ", "dot.png"),
        ("CON", "_CON.png"),
        ("nul.txt", "_nul.txt.png"),
        ("com¹", "_com¹.png"),
        ("LPT9", "_LPT9.png"),
        ("console", "console.png"),
        ("a\u202egnp", "agnp.png"),
        ("a\x00b\x1fc", "abc.png"),
        ("line\nbreak", "line break.png"),
        ("cafe\u0301", "café.png"),
        ("C:\\x", "C__x.png"),
        ("／／x：y", "__x_y.png"),
        ("\ud800x", "x.png"),
        ("", "_.png"),
    ],
)
def test_a_cell_cannot_harm(cell: str, name: str) -> None:
    assert named("{{ key }}", key=cell) == name


def test_a_template_cannot_climb_out_of_its_folder() -> None:
    assert named("../../{{ key }}", key="x") == "x.png"
    assert named("/etc/{{ key }}", key="x") == "etc/x.png"


def test_long_names_are_cut_on_a_character_and_keep_their_ending() -> None:
    name = name_file("{{ key }}", {"key": "字" * 200}, version=3, extension=".webp")
    assert len(name.name.encode()) <= 120
    assert name.name.endswith("字_v3.webp")


def test_an_extension_is_a_plain_word() -> None:
    assert name_file("a", {}, version=1, extension="../PN G").name == "a.png"


def test_an_unknown_name_is_told_with_the_names_there_are() -> None:
    with pytest.raises(FileNameError, match=r"colour.*row, key, slug, n, model, endpoint, 商品"):
        check_template("{{ colour }}", ["商品"])
    with pytest.raises(FileNameError, match="colour"):
        name_file("{{ colour }}", {"row": "1"}, version=1, extension="png")


@pytest.mark.parametrize(
    "template", ["{{ row", "row }}", "a\\{{ row }}", "{{ row }}/", "", " . ", "a/.."]
)
def test_a_template_that_gives_no_name_is_refused(template: str) -> None:
    with pytest.raises(FileNameError):
        check_template(template)


@pytest.mark.parametrize(
    "template", [DEFAULT_TEMPLATE, "{{row}}", "{{ 商品 名 | none }}/{{n}}", "plain"]
)
def test_a_good_template_is_taken(template: str) -> None:
    check_template(template, ["商品 名"])


@given(st.text(max_size=300), st.text(max_size=60), st.integers(1, 40))
def test_every_name_is_safe(cell: str, other: str, version: int) -> None:
    path = name_file("{{ a }}/x{{ b }}", {"a": cell, "b": other}, version=version, extension="jpeg")
    assert not path.is_absolute()
    assert len(path.parts) == 2
    for part in path.parts:
        assert len(part.encode()) <= 120
        assert part == unicodedata.normalize("NFC", part)
        assert part not in {".", ".."}
        assert part[0] not in "-~. "
        assert part[-1] not in ". "
        assert not set(part) & set('<>:"/\\|?*')
        assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs"} for c in part)
    assert path.suffix == ".jpeg"
    assert PurePosixPath(str(path)) == path
