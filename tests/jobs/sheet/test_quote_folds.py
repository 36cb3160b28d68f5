"""Quotes that join rows, and rows of another width, are reported and never shifted silently."""

from pathlib import Path

import pytest

from jobs.sheet.reader import Sheet, open_sheet
from runner.catalogue.findings import finding_text


def sheet_of(folder: Path, text: str) -> tuple[Sheet, list[tuple[int, list[object]]]]:
    path = folder / "sheet.csv"
    path.write_text(text, encoding="utf-8", newline="")
    sheet = open_sheet(path)
    return sheet, [(number, list(cells)) for number, cells in sheet.rows()]


def rows_named(sheet: Sheet) -> dict[str, int | None]:
    return {one.kind: one.row for one in sheet.findings}


@pytest.mark.parametrize(
    "text",
    [
        'id,prompt,size\n1,"cat,1:1\n2,dog,1:1\n3,a 27",1:1\n4,x,1:1\n',
        'id;prompt;size\r\n1;"cat;1:1\r\n2;dog";1:1\r\n4;x;1:1\r\n',
        'id,prompt\n1,"cat\n2,dog\n3,hen"\n4,x\n',
        'sku,prompt,size\nA-1,"cat,1:1\nA-2,a 27 tv",1:1\nA-3,x,1:1\n',
    ],
)
def test_a_bare_quote_closed_in_a_later_row_is_an_error_at_that_row(
    tmp_path: Path, text: str
) -> None:
    sheet, rows = sheet_of(tmp_path, text)
    assert rows_named(sheet)["swallowed_rows"] == 2
    assert len(rows) == 2
    for _ in range(2):
        (block,) = sheet.blocks()
        assert [*block.errors] == [2], "the error is there again when the sheet is read again"


def test_a_block_has_the_errors_of_its_own_rows_however_far_ahead_was_read(tmp_path: Path) -> None:
    rows = [f"k{number},text {number}" for number in range(2, 302)]
    rows[100], rows[200] = ",", "k202,#N/A"  # a block has 250 rows, and blank ones do not count
    rows[270:273] = ['k272,"a cat', "k273,a dog", 'k274,a hen"']
    sheet, _ = sheet_of(tmp_path, "\n".join(["id,prompt", *rows, ""]))
    for _ in range(2):
        found = [({*block.positions}, block.errors) for block in sheet.blocks()]
        assert [{at: one.kind for at, one in errors.items()} for _, errors in found] == [
            {202: "error_cell"},
            {272: "swallowed_rows"},
        ]
        assert all(positions >= errors.keys() for positions, errors in found)


def test_the_error_names_lines_and_what_to_do(tmp_path: Path) -> None:
    sheet, _ = sheet_of(tmp_path, 'id,prompt\n\n1,"cat\n2,dog\n3,hen"\n')
    (finding,) = [one for one in sheet.findings if one.kind == "swallowed_rows"]
    assert "lines 3 to 5" in finding_text(finding).message
    assert "1,cat" in finding.found


@pytest.mark.parametrize(
    "text",
    [
        'id,prompt\n1,"a cat, red\nsitting, quiet"\n2,x\n',
        'id,prompt,size\n1,"line one\nline two, with a comma",1:1\n',
        'id,prompt\n1,"\na,b\nc,d"\n',
        'id,prompt\n1,"1. first, then\n2. second, last"\n2,x\n',
        'act,prompt\n"Linux Terminal","I want you to act\nas a terminal.\n\nReply, always."\n',
    ],
)
def test_cells_of_several_lines_are_rows_as_they_are(tmp_path: Path, text: str) -> None:
    sheet, _ = sheet_of(tmp_path, text)
    assert rows_named(sheet) == {"line_breaks": 2}


def test_lines_that_could_be_rows_by_chance_are_a_warning(tmp_path: Path) -> None:
    sheet, rows = sheet_of(tmp_path, 'name,prompt\nAnna Lee,"a cat\nsitting still, quiet"\n')
    assert rows_named(sheet)["suspect_lines"] == 2
    assert rows == [(2, ["Anna Lee", "a cat\nsitting still, quiet"])]


@pytest.mark.parametrize(
    "text",
    ['id|prompt|size\nk1|a|"\nk2|b"\nk3|c|1\n', 'id,prompt,size\n1,a,"\n2,b"\n3,c,1\n'],
)
def test_a_row_left_short_in_a_bare_quote_is_a_warning(tmp_path: Path, text: str) -> None:
    sheet, rows = sheet_of(tmp_path, text)
    assert rows_named(sheet)["suspect_lines"] == 2
    assert len(rows) == 2


def test_curly_quotes_that_hold_nothing_together_are_named(tmp_path: Path) -> None:
    sheet, rows = sheet_of(tmp_path, "id,prompt\n1,“a cat, red”\n")
    assert rows_named(sheet) == {"curly_quotes": 2}
    assert rows == [(2, ["1", "“a cat", " red”"])]


def test_short_rows_are_counted(tmp_path: Path) -> None:
    sheet, _ = sheet_of(tmp_path, "id,prompt,size\n1,a,x\n2,b\n3,c\n4\n")
    (finding,) = sheet.findings
    assert (finding.kind, finding.row) == ("short_row", 3)
    assert dict(finding.values)["count"] == 3


def test_a_million_odd_rows_are_told_by_a_thousand(tmp_path: Path) -> None:
    sheet, rows = sheet_of(tmp_path, "id,prompt\n" + "1,a,b\n" * 3_000)
    assert len(rows) == 3_000
    assert len(sheet.findings) == 1_000
