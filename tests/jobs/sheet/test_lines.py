"""Each line of a txt sheet is one prompt."""

from pathlib import Path

import pytest

from jobs.sheet.reader import Sheet, SheetError, open_sheet


def sheet_of(folder: Path, text: str, encoding: str = "utf-8") -> Sheet:
    path = folder / "prompts.txt"
    path.write_bytes(text.encode(encoding))
    return open_sheet(path)


def test_each_line_is_a_prompt_with_its_line_number(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, 'a cat, a "dog"\n\n   \n007;x\ty \nlast')
    assert sheet.layout.headers == ("prompt",)
    assert sheet.layout.header_row == 0
    assert list(sheet.rows()) == [(1, ['a cat, a "dog"']), (4, ["007;x\ty "]), (5, ["last"])]
    assert sheet.findings == []


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_line_ends_and_encodings_do_not_matter(
    tmp_path: Path, line_end: str, encoding: str
) -> None:
    text = line_end.join(["一只小猫坐在窗边看雨", "老街夜市，霓虹灯", "白色背景，柔光"])
    rows = list(sheet_of(tmp_path, text, encoding).rows())
    assert [number for number, _ in rows] == [1, 2, 3]
    assert rows[0][1] == ["一只小猫坐在窗边看雨"]


@pytest.mark.parametrize("name", ["prompt", "提示词", " Prompt "])
def test_a_first_line_that_names_the_column_is_no_prompt(tmp_path: Path, name: str) -> None:
    sheet = sheet_of(tmp_path, f"\n{name}\na cat\n")
    assert list(sheet.rows()) == [(3, ["a cat"])]
    assert sheet.layout.headers == (name.strip(),)
    assert [(f.kind, f.row) for f in sheet.findings] == [("header_in_text", 2)]


@pytest.mark.parametrize("line", ["id\tprompt", "编号,提示词,尺寸"])
def test_a_table_in_a_txt_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(SheetError) as caught:
        sheet_of(tmp_path, f"{line}\n1\ta cat\n")
    assert [(f.kind, f.row) for f in caught.value.findings] == [("table_in_text", 1)]


@pytest.mark.parametrize("line", ['{"prompt": "a cat"}', '["a cat", "a dog"]', "sep=;"])
def test_json_or_a_separator_line_in_a_txt_is_never_paid_for_as_a_prompt(
    tmp_path: Path, line: str
) -> None:
    with pytest.raises(SheetError, match="in_text"):
        sheet_of(tmp_path, f"{line}\nmore\n")


def test_prompts_about_json_are_prompts(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, "{a cat} in braces\n[1] a dog\ntext, in neon\n")
    assert len(list(sheet.rows())) == 3


def test_a_prompt_that_mentions_known_names_is_a_prompt(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, "style, a text in neon\nsize\n")
    assert [cell for _, cell in sheet.rows()] == [["style, a text in neon"], ["size"]]
    assert sheet.findings == []
