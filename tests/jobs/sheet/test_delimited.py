"""csv and tsv cells are read exactly as written, and anything doubtful is reported."""

import csv
import tracemalloc
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.sheet.reader import Finding, Sheet, SheetError, open_sheet
from jobs.sheet.text.delimiters import best_delimiter
from runner.catalogue.findings import finding_text

NASTY = [
    *("NA", "N/A", "null", "NULL", "None", "nan", "NaN", "#N/A", "007", "00123", "7.50", "1e5"),
    *("true", "FALSE", "12345678901234567890", "9007199254740993", "1,000", "0x1F", "-0", "+1"),
    *("=1+1", "@x", "'x", '"', '""', 'say "hi"', "a\nb", "a\r\nb", "a\rb", "\u00a0", "\u3000"),
    *("😀", "👨‍👩‍👧", "e\u0301", "{", "{{x}}", "${HOME}", "%s", "\t", " lead", "trail ", "\u2028"),
    *("1-2", "16:9", "2026-11-23", "\\", ";", "|", "x" * 200_000),
]


def sheet_of(folder: Path, text: str | bytes, name: str = "sheet.csv") -> Sheet:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_sheet(path)


def kinds(sheet: Sheet) -> list[tuple[str, str, int | None]]:
    return [(f.kind, f.severity, f.row) for f in sheet.findings]


def failure(folder: Path, text: str, name: str = "sheet.csv") -> tuple[Finding, ...]:
    with pytest.raises(SheetError) as caught:
        list(sheet_of(folder, text, name).rows())
    return caught.value.findings


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_nasty_cells_come_back_as_written(tmp_path: Path, line_end: str) -> None:
    path = tmp_path / "sheet.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator=line_end, quoting=csv.QUOTE_ALL)
        writer.writerow(["id", "prompt"])
        writer.writerows([[str(i), cell] for i, cell in enumerate(NASTY)])
    assert [row for _, row in open_sheet(path).rows()] == [
        [str(i), cell] for i, cell in enumerate(NASTY)
    ]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
@pytest.mark.parametrize("mark", [",", ";", "|"])
def test_what_csv_writes_comes_back_identical(
    tmp_path: Path, rows: list[tuple[str, str]], mark: str
) -> None:
    path = tmp_path / "sheet.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=mark)
        writer.writerow(["id", "prompt", "size"])
        writer.writerows([f"k{i}", *row] for i, row in enumerate(rows))
    assert list(open_sheet(path).rows()) == [(i + 2, [f"k{i}", *row]) for i, row in enumerate(rows)]


def test_row_numbers_are_those_of_a_spreadsheet_program(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, 'id,prompt\n1,"two\nlines"\n\n,\n  \n2,x\n')
    assert list(sheet.rows()) == [(2, ["1", "two\nlines"]), (6, ["2", "x"])]
    assert kinds(sheet) == [("line_breaks", "note", 2)]


def test_a_sheet_can_be_read_again_and_says_nothing_twice(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, "id,prompt\n1,a cat, a dog\n2\n")
    assert list(sheet.rows()) == list(sheet.rows())
    assert kinds(sheet) == [("long_row", "error", 2), ("short_row", "warning", 3)]


def test_a_bare_comma_never_cuts_or_shifts_a_row(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, "id,prompt\n1,a cat, a dog\n2,a fox, a hen\n")
    assert list(sheet.rows()) == [(2, ["1", "a cat", " a dog"]), (3, ["2", "a fox", " a hen"])]
    assert kinds(sheet) == [("long_row", "error", 2), ("long_row", "error", 3)]
    assert "a dog" in sheet.findings[0].found
    assert "2 cells" in finding_text(sheet.findings[0]).expected


def test_empty_cells_behind_the_last_column_do_no_harm(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, "id,prompt\n1,a cat,,\n")
    assert list(sheet.rows()) == [(2, ["1", "a cat"])]
    assert sheet.findings == []


def test_a_short_row_is_filled_up(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, "id,prompt,size\n1,a cat\n")
    assert list(sheet.rows()) == [(2, ["1", "a cat", ""])]
    assert kinds(sheet) == [("short_row", "warning", 2)]


def test_duplicate_and_blank_headers_stay(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, "prompt,note,note,\na,b,c,d\n")
    assert sheet.layout.headers == ("prompt", "note", "note", "")
    assert list(sheet.rows()) == [(2, ["a", "b", "c", "d"])]


def test_an_open_quote_names_its_row_and_line(tmp_path: Path) -> None:
    text = 'id,prompt\n1,"two\nlines"\n\n2,"never closed\n3,x\n4,y\n'
    (finding,) = failure(tmp_path, text)
    assert (finding.kind, finding.row) == ("open_quote", 4)
    assert "opens in line 5" in finding_text(finding).message
    assert "never closed" in finding.found


def test_rows_before_an_open_quote_are_numbered_behind_a_sep_line(tmp_path: Path) -> None:
    (finding,) = failure(tmp_path, 'sep=;\nid;prompt\n1;x\n2;"never closed\n')
    assert finding.row == 3
    assert "opens in line 4" in finding_text(finding).message


def test_text_behind_a_closing_quote_is_named(tmp_path: Path) -> None:
    (finding,) = failure(tmp_path, 'id,prompt\n1,x\n2,"G I G" painted\n')
    assert (finding.kind, finding.row) == ("broken_quotes", 3)
    assert "line 3" in finding_text(finding).message


def test_an_open_quote_in_the_first_row_is_an_error_at_opening(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text('id,prompt\n1,"never closed\n')
    with pytest.raises(SheetError, match="row 2"):
        open_sheet(path)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", [["id", "prompt"], ["Nr", "Wert"], ["编号", "提示词"]])
def test_each_delimiter_is_found(tmp_path: Path, mark: str, header: list[str]) -> None:
    rows = [header, ["1", "a red cat"], ["2", "a blue dog"]]
    sheet = sheet_of(tmp_path, "".join(mark.join(row) + "\n" for row in rows))
    assert sheet.layout.delimiter == mark
    assert [row for _, row in sheet.rows()] == rows[1:]


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("id;prompt\n1;a cat, a dog, a hen\n2;a, b, c\n", ";"),
        ("id,prompt\n1,one; two; three\n2,a; b; c\n", ","),
        ("id,prompt,size\n1,a|b|c,x\n2,d|e|f,x\n", ","),
        ("prompt\na cat, red\na dog, blue\n", None),
        ("prompt\none cat\ntwo dogs\n", None),
        ("a cat, sitting\na dog\na hen, red, fat\nno comma\n", None),
        ("红猫,水彩\n一只狗\n一只鸡\n", None),
        ("Preis;Menge\n1,50;2,00\n3,70;1,00\n", ";"),
        ("id,prompt\n1,a cat, a dog\n2,a fox, a hen\n", ","),
        ('name,text\n"x, y","a; b"\n"p, q","c; d"\n', ","),
        ("id\tprompt, with comma\n1\tx\n", "\t"),
        ("Meine Liste;;\nid;prompt;size\n1;a, b;x\n", ";"),
        ("编号,提示词\n1,猫；狗\n", ","),
        ("The quick brown fox, jumping over\nthe lazy dog\n", None),
    ],
)
def test_the_header_leads_to_the_delimiter(text: str, mark: str | None) -> None:
    assert best_delimiter(text) == mark


def test_one_column_keeps_its_commas_and_its_quoting(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, 'prompt\na cat, red\n"a dog, ""blue"""\n')
    assert sheet.layout.delimiter is None
    assert [row for _, row in sheet.rows()] == [["a cat, red"], ['a dog, "blue"']]


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_sep_line_is_honoured_and_dropped(tmp_path: Path, line: str, mark: bytes) -> None:
    sheet = sheet_of(tmp_path, mark + f"{line}\r\nid;prompt\r\n1;a,b,c\r\n".encode())
    assert (sheet.layout.headers, sheet.layout.header_row) == (("id", "prompt"), 1)
    assert list(sheet.rows()) == [(2, ["1", "a,b,c"])]


def test_a_title_above_the_header_is_left_out_and_said(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, "商品提示词表,,\n\n编号,提示词,尺寸\n1,猫,1:1\n")
    assert sheet.layout.header_row == 3
    assert list(sheet.rows()) == [(4, ["1", "猫", "1:1"])]
    assert kinds(sheet) == [("rows_above_header", "warning", 1)]


def test_a_data_row_that_holds_a_known_name_is_no_header(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, "foo,bar\ntext,prompt\nx,y\n")
    assert sheet.layout.headers == ("foo", "bar")
    assert len(list(sheet.rows())) == 2
    assert kinds(sheet) == [("no_known_header", "warning", 1)]


def test_bare_quotes_in_a_tsv_are_text(tmp_path: Path) -> None:
    text = 'Prompt\tNote\n"G I G" painted\tx\nplain\t"y"\n'
    sheet = sheet_of(tmp_path, text, "sheet.tsv")
    assert [row for _, row in sheet.rows()] == [['"G I G" painted', "x"], ["plain", '"y"']]
    assert kinds(sheet) == [("bare_quotes", "note", 2)]


def test_a_tsv_with_quoted_cells_is_unquoted(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, 'Prompt\tNote\n"say ""hi"""\tx\n"two\nlines"\ty\n', "sheet.tsv")
    assert [row for _, row in sheet.rows()] == [['say "hi"', "x"], ["two\nlines", "y"]]
    assert kinds(sheet) == [("line_breaks", "note", 3)]


def test_bare_quotes_never_swallow_rows_of_a_tsv(tmp_path: Path) -> None:
    text = 'Note\tPrompt\na\t"cat\nb\tdog\nc\then"\n'
    sheet = sheet_of(tmp_path, text, "sheet.tsv")
    assert [row for _, row in sheet.rows()] == [["a", '"cat'], ["b", "dog"], ["c", 'hen"']]


def test_a_bare_quote_far_down_a_long_tsv_swallows_nothing(tmp_path: Path) -> None:
    lines = [f"A cat, {k} of them\tAnimals\tPlain; simple\t" for k in range(1632)]
    lines[1560] = '"G I G" painted on a wall\tSigns\tWriting\t'
    text = "\n".join(["Prompt\tCategory\tChallenge\tNote", *lines, ""])
    sheet = sheet_of(tmp_path, text, "sheet.tsv")
    rows = list(sheet.rows())
    assert (len(rows), sheet.layout.delimiter) == (1632, "\t")
    assert {len(row) for _, row in rows} == {4}
    assert rows[1560] == (1562, ['"G I G" painted on a wall', "Signs", "Writing", ""])


def test_a_unicode_text_export_of_excel_reads(tmp_path: Path) -> None:
    text = b"\xff\xfe" + "编号\t提示词\r\n1\t一只猫\r\n".encode("utf-16-le")
    sheet = sheet_of(tmp_path, text, "sheet.csv")
    assert list(sheet.rows()) == [(2, ["1", "一只猫"])]


def test_many_blank_rows_are_no_block_of_their_own(tmp_path: Path) -> None:
    blank = ",\n" * 700
    sheet = sheet_of(tmp_path, f"id,prompt\n1,a\n{blank}2,b\n{blank}")
    blocks = [(list(block.positions), list(block.texts)) for block in sheet.blocks()]
    assert [*chain.from_iterable(positions for positions, _ in blocks)] == [2, 703]
    assert all(texts for _, texts in blocks)


def test_memory_stays_flat_over_many_rows(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    with path.open("w") as file:
        file.write("id,prompt\n")
        file.writelines(f"{i},{'a studio photo of a cat ' * 10}\n" for i in range(40_000))
    assert path.stat().st_size > 9_000_000
    tracemalloc.start()
    try:
        count = sum(1 for _ in open_sheet(path).rows())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 40_000
    assert peak < 6_000_000


# --- spaces before quotes -------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [",", ";", "|", "\t"])
@pytest.mark.parametrize("far", [0, 30_000])
def test_blanks_before_quotes_are_left_out_wherever_they_begin(
    tmp_path: Path, mark: str, far: int
) -> None:
    rows = [
        *([["0", "plain", "-"]] * far),
        ["1", ' "a kettle, blue; a|b"', '  "x\ny"'],
        ["2", ' "a"', "z"],
    ]
    text = "\n".join(mark.join(cells) for cells in [["id", " prompt", " note"], *rows])
    sheet = sheet_of(tmp_path, text)
    assert sheet.layout.headers == ("id", "prompt", "note")
    found = [cells for _, cells in sheet.rows()]
    assert found[far:] == [["1", "a kettle, blue; a|b", "x\ny"], ["2", "a", "z"]]
    assert ("spaced_quotes", "note", far + 2) in kinds(sheet)


def test_a_blank_before_a_quote_that_holds_no_cell_together_is_kept_and_said(
    tmp_path: Path,
) -> None:
    sheet = sheet_of(tmp_path, 'id,prompt\n1, "hello" he said\n2,a cat\n')
    assert [cells for _, cells in sheet.rows()] == [["1", ' "hello" he said'], ["2", "a cat"]]
    assert kinds(sheet) == [("spaced_quotes_kept", "warning", 2)]


def test_quotes_inside_quoted_cells_are_no_blanks_before_quotes(tmp_path: Path) -> None:
    text = 'id,prompt\n1,"he said, ""hi"", and: ""a"""\n2,"red, "\n3, lead\n'
    sheet = sheet_of(tmp_path, text)
    found = [cells for _, cells in sheet.rows()]
    assert found == [["1", 'he said, "hi", and: "a"'], ["2", "red, "], ["3", " lead"]]
    assert kinds(sheet) == []


# --- rows without their trailing delimiters -------------------------------------------------------


@pytest.mark.parametrize("mark", [",", ";", "|", "\t"])
def test_rows_may_lack_trailing_delimiters_though_no_name_is_known(
    tmp_path: Path, mark: str
) -> None:
    lines = ["item,kind,remark", "t1,tree", "t2,lamp", "t3,bench", "t4,kettle,sale"]
    sheet = sheet_of(tmp_path, "\n".join(lines).replace(",", mark))
    assert sheet.layout.delimiter == mark
    assert next(cells for _, cells in sheet.rows()) == ["t1", "tree", ""]


def test_a_list_of_prompts_is_not_cut_though_some_have_commas(tmp_path: Path) -> None:
    text = "scenes\na cat, red\na dog, blue, big\na fish\n"
    assert next(cells for _, cells in sheet_of(tmp_path, text).rows()) == ["a cat, red"]
