"""jsonl and json values keep their types."""

import json
from pathlib import Path

import pytest

from jobs.job import JSON
from jobs.sheet.reader import Sheet, SheetError, open_sheet


def sheet_of(folder: Path, text: str, name: str = "sheet.jsonl") -> Sheet:
    path = folder / name
    path.write_bytes(text.encode())
    return open_sheet(path)


def lines(*records: JSON) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


TYPED: list[JSON] = ["007", 7, 9007199254740993, 10**30, 1.5, True, None, [1, {"a": None}], "NA"]


@pytest.mark.parametrize("name", ["sheet.jsonl", "sheet.ndjson", "SHEET.JSONL"])
def test_types_survive(tmp_path: Path, name: str) -> None:
    sheet = sheet_of(tmp_path, lines(*({"v": value} for value in TYPED)), name)
    assert sheet.layout.typed
    assert sheet.layout.format == "jsonl"
    got = [cells[0] for _, cells in sheet.rows()]
    assert [(type(value), value) for value in got] == [(type(value), value) for value in TYPED]


def test_columns_are_the_union_of_keys_and_missing_is_none(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, '{"b": 1}\n\n{"a": 2, "b": null}\n{"c": ""}\n')
    assert sheet.layout.headers == ("b", "a", "c")
    assert list(sheet.rows()) == [
        (1, [1, None, None]),
        (3, [None, 2, None]),
        (4, [None, None, ""]),
    ]


def test_a_json_list_is_numbered_by_item(tmp_path: Path) -> None:
    text = json.dumps([{"prompt_en": "a cat"}, {"prompt_en": "猫", "n": 2}], indent=2)
    sheet = sheet_of(tmp_path, text, "sheet.json")
    assert sheet.layout.format == "json"
    assert list(sheet.rows()) == [(1, ["a cat", None]), (2, ["猫", 2])]


def test_bare_texts_are_prompts(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, '["a cat", "a dog"]', "sheet.json")
    assert sheet.layout.headers == ("prompt",)
    assert list(sheet.rows()) == [(1, ["a cat"]), (2, ["a dog"])]


@pytest.mark.parametrize(
    ("text", "name", "format_"),
    [('[{"prompt": "x"}]', "s.jsonl", "json"), (lines({"prompt": "x"}), "s.json", "jsonl")],
)
def test_what_the_file_holds_decides(tmp_path: Path, text: str, name: str, format_: str) -> None:
    sheet = sheet_of(tmp_path, text, name)
    assert list(sheet.rows()) == [(1, ["x"])]
    assert sheet.layout.format == format_
    assert [f.kind for f in sheet.findings] == [
        "read_as_list" if format_ == "json" else "read_as_lines"
    ]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ('{"prompt": "x"', "bad_json"),
        ("{'prompt': 'x'}", "bad_json"),
        ('{"prompt": NaN}', "bad_json"),
        ('{"prompt": 1e999}', "bad_json"),
        ('{"prompt": ' + "1" * 5000 + "}", "bad_json"),
        ('{"prompt": ' + "[" * 100_000 + "]" * 100_000 + "}", "bad_json"),
        ("[1, 2]", "not_an_object"),
        ("17", "not_an_object"),
        ("null", "not_an_object"),
    ],
)
def test_a_bad_record_is_an_error_at_its_line_and_keeps_its_place(
    tmp_path: Path, line: str, kind: str
) -> None:
    sheet = sheet_of(tmp_path, f'{{"prompt": "a"}}\n{line}\n{{"prompt": "b"}}\n')
    assert list(sheet.rows()) == [(1, ["a"]), (2, [None]), (3, ["b"])]
    assert [(f.kind, f.severity, f.row) for f in sheet.findings] == [(kind, "error", 2)]
    assert len(sheet.findings[0].found) < 300


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"data": [\n{"prompt": "x"}]}', "not_a_list"),
        ('{"total": 1, "data": [{"prompt": "x"}]}\n', "not_a_list"),
        ('[{"prompt": "x"},\n', "not_a_list"),
        ("[]", "no_records"),
    ],
)
def test_a_json_file_without_a_list_of_records_is_refused(
    tmp_path: Path, text: str, kind: str
) -> None:
    with pytest.raises(SheetError) as caught:
        sheet_of(tmp_path, text, "sheet.json")
    assert caught.value.findings[-1].kind == kind


def test_half_an_emoji_is_named_and_can_be_written(tmp_path: Path) -> None:
    good = '{"prompt": "whole \\ud83d\\ude00"}\n'
    bad = '{"prompt": "half \\ud83d", "more": [{"\\udc00": "\\ud83d"}]}\n'
    sheet = sheet_of(tmp_path, good + bad)
    rows = list(sheet.rows())
    assert rows == [
        (1, ["whole 😀", None]),
        (2, ["half \ufffd", [{"\ufffd": "\ufffd"}]]),
    ]
    json.dumps(rows, ensure_ascii=False).encode()
    assert [(f.kind, f.severity, f.row, f.column) for f in sheet.findings] == [
        ("lone_surrogate", "error", 2, "prompt"),
        ("lone_surrogate", "error", 2, "more"),
    ]


def test_half_an_emoji_in_a_key_is_named_too(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, '{"a\\ud83d": "x"}\n')
    assert sheet.layout.headers == ("a\ufffd",)
    assert list(sheet.rows()) == [(1, ["x"])]


def test_nested_values_are_kept_also_where_a_key_comes_late(tmp_path: Path) -> None:
    bench: JSON = [{"class": "bench", "count": 1}]
    early: list[JSON] = [{"tag": "one", "include": bench, "prompt": "a bench"}] * 550
    late: JSON = {"tag": "two", "include": [], "exclude": bench, "prompt": "no bench"}
    sheet = sheet_of(tmp_path, lines(*early, late))
    assert sheet.layout.headers == ("tag", "include", "prompt", "exclude")
    rows = list(sheet.rows())
    assert (len(rows), rows[0]) == (551, (1, ["one", bench, "a bench", None]))
    assert rows[-1] == (551, ["two", [], "no bench", bench])
