"""The delimiter comes from the user, then a `sep=` line, then known column names, then the rows."""

from pathlib import Path

import pytest

from jobs.sheet.reader import Sheet, SheetError, open_sheet
from jobs.sheet.text.delimiters import read_delimiter
from tests.support.world import TEXT, World


def opened(folder: Path, text: str, name: str = "a.csv", **options: str) -> Sheet:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return open_sheet(path, **options)


@pytest.mark.parametrize(
    ("word", "mark"),
    [
        *((";", ";"), (" ; ", ";"), ("tab", "\t"), ("\t", "\t"), ("\\t", "\t"), ("TAB", "\t")),
        *((" ", " "), ("space", " "), ("comma", ","), ("pipe", "|"), ("none", ""), ("；", "；")),
        *(("", None), ("x", None), ("1", None), ('"', None), ("\n", None), ("||", None)),
    ],
)
def test_a_delimiter_is_one_character_or_a_word_for_it(word: str, mark: str | None) -> None:
    assert read_delimiter(word) == mark


def test_the_persons_word_beats_known_names_and_a_sep_line(tmp_path: Path) -> None:
    text = "prompt,note;id\na cat, a dog;7\n"
    assert opened(tmp_path, text).layout.headers == ("prompt", "note;id")
    sheet = opened(tmp_path, f"sep=,\n{text}", delimiter=";")
    assert (sheet.layout.headers, sheet.layout.delimiter) == (("prompt,note", "id"), ";")
    assert [cells for _, cells in sheet.rows()] == [["a cat, a dog", "7"]]


def test_none_keeps_a_list_of_prompts_in_one_column(tmp_path: Path) -> None:
    sheet = opened(tmp_path, "prompt,text\na cat, a dog\n", delimiter="none")
    assert (sheet.layout.headers, sheet.layout.delimiter) == (("prompt,text",), None)
    assert [cells for _, cells in sheet.rows()] == [["a cat, a dog"]]


def test_a_txt_table_is_read_where_its_delimiter_is_named(tmp_path: Path) -> None:
    text = "id\tprompt\n1\ta cat\n"
    with pytest.raises(SheetError) as caught:
        opened(tmp_path, text, "a.txt")
    assert caught.value.findings[0].kind == "table_in_text"
    sheet = opened(tmp_path, text, "a.txt", delimiter="tab")
    assert sheet.layout.headers == ("id", "prompt")
    assert [cells for _, cells in sheet.rows()] == [["1", "a cat"]]


def test_a_word_that_is_no_delimiter_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SheetError) as caught:
        opened(tmp_path, "prompt\na cat\n", delimiter="||")
    assert [one.kind for one in caught.value.findings] == ["unknown_delimiter"]
    sheet = opened(tmp_path, '{"prompt": "a cat"}\n', "a.jsonl", delimiter=";")
    assert [one.kind for one in sheet.findings] == ["unused_option"]


def test_the_names_that_the_options_use_are_known_names(tmp_path: Path) -> None:
    text = "Shop list 2026\n\nitem;kind\nt1;tree, green, old\nt2\n"
    assert opened(tmp_path, text).layout.delimiter is None
    path = tmp_path / "a.csv"
    sheet = open_sheet(path, names=["Kind"])
    assert (sheet.layout.headers, sheet.layout.header_row) == (("item", "kind"), 3)


def test_a_run_remembers_the_delimiter_and_the_template_helps_to_find_it(world: World) -> None:
    world.mock()
    sheet = world.folder / "a.csv"
    sheet.write_text("item:kind\nt1:tree\nt2:bench\n", encoding="utf-8")
    asked = ("-p", "Photo of {{kind}}", *TEXT)
    assert world.run("run", sheet, *asked).code == 3, "a colon is not guessed"
    done = world.run("run", sheet, *asked, "--delimiter", ":", "--limit", "1")
    assert (done.code, done.posts) == (0, 1), done.err
    again = world.run("run", sheet, "-y")
    assert (again.code, again.posts) == (0, 1), again.err
    checked = world.run("check", sheet)
    assert "Photo of bench" in checked.out
    assert world.standing(sheet) == {"done": 2}
