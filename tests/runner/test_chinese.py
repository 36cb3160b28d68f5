"""A person who reads Chinese gets Chinese messages, whatever goes wrong."""

import csv
import os
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner

from runner.catalogue import choose_language
from runner.cli import COMMANDS, rowmill
from runner.console.usage import ask_yes_no
from tests.support.builders import IN_DOUBT, REFUSED, Fate, Sheet, make_table
from tests.support.english import CHINESE, english_in
from tests.support.world import PICTURE, TEXT, World


def answered(*words: str, env: dict[str, str] | None = None) -> str:
    """The message about a wrong use, all of it in Chinese."""
    done = CliRunner().invoke(rowmill, ["--lang", "zh", *words], env=env)
    assert done.exit_code not in (0, 1), done.output
    assert english_in(done.output) == [], done.output
    for line in done.output.splitlines():
        assert CHINESE.search(line), done.output
    return done.output


WRONG_LINES = (
    ("nope",),
    ("endpiont",),
    ("--nope",),
    ("--config",),
    ("--color", "blue", "mock"),
    ("mock", "--prot", "1"),
    ("mock", "--port"),
    ("mock", "--port", "x"),
    ("mock", "--quiet=1"),
    ("mock", "extra"),
    ("mock", "extra", "more"),
    ("show",),
    ("show", "x"),
    ("keys", "nope"),
    ("keys", "-q"),
    ("keys", "set"),
    ("keys", "list", "x"),
    ("check", "a.csv", "--first", "x"),
    ("check", "a.csv", "--first", "9999"),
    ("export", "--format", "doc"),
    ("export", "--only", "none"),
    ("run", "a.csv", "-c", "many"),
    ("run", "a.csv", "--lang", "fr"),
    ("run", "a.csv", "--until", "soon"),
    ("run", "a.csv", "--max-cost", "much"),
    ("run", "a.csv", "--set", "size"),
    ("run", "a.csv", "--in-doubt", "ask"),
    ("retry", "a.csv", "--class", "none"),
    ("retry", "a.csv", "--rows", "all"),
    ("skip",),
    ("steer",),
)


@pytest.mark.parametrize("words", WRONG_LINES, ids=" ".join)
def test_a_line_that_cannot_be_understood_is_told_in_chinese(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    answered(*words)


def test_a_switch_in_the_environment_is_told_in_chinese() -> None:
    assert "--open" in answered("report", env={"ROWMILL_OPEN": "perhaps"})


@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS)], ids=" ".join)
def test_help_holds_no_english_sentence(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(rowmill, ["--lang", "zh", *words, "--help"])
    assert done.exit_code == 0
    assert english_in(done.output) == [], done.output
    assert "[OPTIONS]" not in done.output


def test_a_question_is_asked_again_in_chinese() -> None:
    choose_language("zh", {})
    with CliRunner().isolation(input="perhaps\n是\n") as (_, printed, _):
        assert ask_yes_no("继续吗？", default=False)
        assert "请输入 y 或 n。" in printed.getvalue().decode()


# --- sheets -----------------------------------------------------------------------------------

BAD_CELLS: tuple[dict[str, str], ...] = (
    {"n": "two"},
    {"n": "999"},
    {"temperature": "warm"},
    {"temperature": "5"},
    {"stream": "perhaps"},
    {"schema": "{"},
    {"schema": '{"type":}'},
    {"schema": '{"a": "b'},
    {"schema": "[1]"},
    {"tools": '{"a": 1}'},
    {"tools": "[1"},
    {"params": '{"a" 1}'},
    {"params": '{"a": 1} x'},
    {"params": '{"a": NaN}'},
    {"params": '{"a": 1e999}'},
    {"prompt": ""},
    {"model": ""},
    {"endpoint": "chatt"},
    {"endpoint": "zzz"},
    {"endpoint": "image-edit"},
    {"endpoint": "image-edit", "image": "https://a.com/b.png"},
    {"endpoint": "image", "response_format": "jpg"},
    {"endpoint": "mj-blend", "image": "https://a.com/b.png"},
    {"endpoint": "mj-imagine", "size": "2026-01-01"},
    *(
        {"image": cell}
        for cell in (
            *("web.png", "empty.png", "folder.png", "bytes.png", "away.png", "closed.png"),
            *("none.png", "/etc/passwd", "//host/a.png", "~/a.png", "ftp://a/b.png"),
            *("http://", "http://u@h/a.png", "data:image/png,xx", "data:image/png;base64,!!"),
            *('["a"', "[1]", '{"a": 1}', "data:image/png;base64,PGh0bWw+"),
        )
    ),
)
HEADERS = (
    *("prompt", "endpoint", "model", "image", "n", "size", "stream", "schema", "params", "tools"),
    *("temperature", "response_format"),
)


def bad_cells(folder: Path) -> Path:
    """A sheet with one fault in each row, and the files that its cells name."""
    (folder / "web.png").write_text("<html>", encoding="utf-8")
    (folder / "empty.png").touch()
    (folder / "folder.png").mkdir()
    (folder / "bytes.png").write_bytes(bytes(range(40)))
    (folder / "away.png").symlink_to("/etc/hostname")
    os.mkfifo(folder / "closed.png")
    usual = {"prompt": "x", "endpoint": "chat", "model": "m"}
    path = folder / "cells.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(HEADERS)
        out.writerows([(usual | row).get(name, "") for name in HEADERS] for row in BAD_CELLS)
        out.writerow([*("x" for _ in HEADERS), "more"])
    return path


@pytest.mark.skipif(os.name == "nt", reason="links and pipes")
def test_whatever_is_wrong_with_a_cell_is_told_in_chinese(world: World) -> None:
    sheet = bad_cells(world.folder)
    printed = world.run("--lang", "zh", "check", sheet)
    assert printed.code == 3
    assert english_in(printed.out) == []
    rows = [line for line in printed.out.splitlines() if line.startswith("  - 第 ")]
    assert len(rows) > len(BAD_CELLS) - 5, printed.out  # a few are found only when they are sent


def test_what_the_table_keeps_of_bad_rows_is_shown_in_chinese_and_stays_english(
    world: World,
) -> None:
    sheet = world.sheet("a.csv", ("prompt", "n"), ("a cat", "two"), ("a dog", "1"))
    world.mock()
    world.run("run", sheet, *TEXT, "--skip-bad")
    for words in (("errors",), ("show", "2")):
        printed = world.run("--lang", "zh", *words, sheet).out
        assert english_in(printed) == [], printed
        assert "一个整数" in printed
    assert world.column(sheet, "result_error")[0] == "n: expected a whole number, found 'two'"


@pytest.mark.parametrize(
    "content",
    [b"prompt", b"{", b"PK\3\4", b'a,"b\nc'],
    ids=["header", "brace", "zip", "quote"],
)
@pytest.mark.parametrize("ending", ["csv", "json", "xlsx", "doc"])
def test_a_sheet_that_cannot_be_read_is_told_in_chinese(
    world: World, ending: str, content: bytes
) -> None:
    sheet = world.folder / f"a.{ending}"
    sheet.write_bytes(content)
    printed = world.run("--lang", "zh", "run", sheet, *TEXT)
    assert printed.code == 3
    assert english_in(printed.err) == [], printed.err


# --- tables, outputs, settings ----------------------------------------------------------------


def foreign(table: Path) -> None:
    table.unlink()
    with sqlite3.connect(table) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()


def stamped(revision: str) -> Callable[[Path], None]:
    def stamp(table: Path) -> None:
        with sqlite3.connect(table) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.close()

    return stamp


def torn(table: Path) -> None:
    with table.open("r+b") as file:
        file.seek(4096)
        file.write(b"rubbish" * 20_000)


SPOILED: dict[str, Callable[[Path], object]] = {
    "junk": lambda table: table.write_bytes(b"prompt,size,style,name\r\n"),
    "foreign": foreign,
    "newer": stamped("9999"),
    "torn": torn,
}


@pytest.mark.parametrize("kind", SPOILED)
def test_a_table_that_cannot_be_used_is_told_in_chinese(world: World, kind: str) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("rehearse", sheet, *TEXT)
    folder = world.folder / "a.rehearsal"
    SPOILED[kind](folder / "jobs.db")
    for words in (("status", folder), ("export", folder), ("doctor", folder)):
        printed = world.run("--lang", "zh", *words)
        assert printed.code in (3, 6), printed.out + printed.err
        assert english_in(printed.err) == [], printed.err
        checks = printed.out.partition("检查结果")[2]
        assert english_in(checks) == [], checks
        assert "jobs.db" in printed.err + checks


def test_an_output_that_cannot_be_written_is_told_in_chinese(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("rehearse", sheet, *TEXT)
    os.mkfifo(world.folder / "pipe")
    for words in (
        ("export", "-o", "."),
        ("export", "-o", "nowhere/x.csv"),
        ("export", "-o", "pipe", "--format", "csv"),
        ("export", "-o", "x.doc"),
        ("export", "--into-copy", "-o", "x.csv"),
        ("report", "-o", "nowhere/x.html"),
    ):
        answered(words[0], "a.rehearsal", *words[1:])
    printed = world.run("--lang", "zh", "export", "a.rehearsal", "--into-copy", "-o", "x.xlsx")
    assert printed.code == 0
    assert english_in(printed.err) == []
    assert "表格不是 .xlsx 或 .xlsm 工作簿" in printed.err


@pytest.mark.parametrize("name", ["{{ x }}", "a/", "{{ row", "a\\b"])
def test_a_wrong_template_is_told_in_chinese(world: World, name: str) -> None:
    sheet = world.prompts("a.csv", "a cat")
    answered("run", str(sheet), *PICTURE, "--name", name)
    if name != "a/" and "\\" not in name:
        answered("run", str(sheet), *TEXT, "-p", name)


@pytest.mark.parametrize(
    "settings",
    [
        "[limits",
        "[limits]\nattempts = 0",
        "[limits]\nnope = 1",
        "[defaults]\nendpoint = 3",
        "[defaults]\nfiles_from = ['/tmp']",
        "[provider.a]\nrpm = 'x'",
        "[provider.a]\nkeys = 1",
        "[prices.m]\ncall = 'x'",
        "[columns]\na = 1",
        "nope = 1",
        "a = '",
    ],
)
def test_wrong_settings_are_told_in_chinese(world: World, settings: str) -> None:
    world.settings(settings, trusted=False)
    answered("check", str(world.prompts("a.csv", "a cat")))


def test_what_keeps_a_key_away_is_told_in_chinese(world: World) -> None:
    world.monkeypatch.delenv("ROWMILL_API_KEY")
    sheet = str(world.prompts("a.csv", "a cat"))
    world.monkeypatch.setenv("ROWMILL_BASE_URL", "https://gateway.invalid")
    for keys in ('{file="/nope"}', '{command="false"}', '{command="/nope"}'):
        own = world.folder / "own.toml"
        own.write_text(
            f'[provider.a]\nbase_url = "https://gateway.invalid"\nkeys = [{keys}]\n'
            '[defaults]\nprovider = "a"\n',
            encoding="utf-8",
        )
        printed = world.run("--lang", "zh", "--config", own, "run", sheet, *TEXT, "-y")
        assert printed.code == 3
        assert english_in(printed.err) == [], printed.err
    answered("keys", "set", "nobody")


def test_a_gateway_that_is_not_there_is_told_in_chinese(world: World) -> None:
    world.monkeypatch.setenv("ROWMILL_BASE_URL", "http://127.0.0.1:9")
    printed = world.run("--lang", "zh", "doctor")
    assert printed.code == 6
    assert english_in(printed.out) == [], printed.out
    assert "连不上 127.0.0.1:9（连接失败）" in printed.out


def test_the_summary_of_a_workbook_is_in_chinese_but_for_data(tmp_path: Path) -> None:
    fates = [Fate(text="one", cost=0.5, tokens=(1, 2)), Fate(text="two"), REFUSED, IN_DOUBT]
    folder = tmp_path / "a.rowmill"
    make_table(folder, Sheet(headers=["prompt"], rows=[["a"], ["b"], ["c"], ["d"]]), fates)
    target = tmp_path / "out.xlsx"
    words = ["--lang", "zh", "export", str(folder), "-o", str(target)]
    assert CliRunner().invoke(rowmill, words).exit_code == 0
    summary = openpyxl.load_workbook(target)["summary"]
    cells = {str(cell.value) for row in summary.iter_rows() for cell in row}
    texts = {text for text in cells if re.search("[A-Za-z]", text) and not CHINESE.search(text)}
    named = {text for text in texts if text.startswith("result_")}
    assert texts - named == {"done", "failed", "in_doubt", "failed: refused", "m", "m-2026", "None"}
    assert {"行数", "总花费（至少，USD）", "模型", "费用"} <= cells
