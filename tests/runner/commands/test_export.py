"""`rowmill export` writes what its options ask for and refuses what it cannot write."""

import csv
import io
import json
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from runner.cli import rowmill
from tests.support.builders import make_table
from tests.support.exported import FATES, NASTY, PLAIN, ours


def exported(*words: str) -> Result:
    return CliRunner().invoke(rowmill, ["export", *words])


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    make_table(tmp_path / "prompts.rowmill", PLAIN, FATES)
    return tmp_path / "prompts.rowmill"


def test_the_command_writes_csv_to_stdout_and_nothing_else(space: Path) -> None:
    result = exported()
    assert result.exit_code == 0
    assert result.stderr == ""
    rows = list(csv.reader(io.StringIO(result.stdout_bytes.decode("utf-8-sig"), newline="")))
    assert [row[:4] for row in rows[1:]] == NASTY
    assert ours(rows[5])["result_files"].startswith("files/5-cat-1.png")
    assert exported("prompts.csv", "-o", "-").stdout_bytes == result.stdout_bytes
    lines = exported(str(space), "--format", "jsonl", "--only", "done,in-doubt").stdout
    assert [json.loads(line)["result_row"] for line in lines.splitlines()] == [2, 4, 6]


def test_the_command_takes_the_format_from_the_ending_and_tells_what_it_wrote(
    space: Path,
) -> None:
    result = exported("-o", "out.xlsx")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "5 rows to out.xlsx" in result.stderr
    assert "1 text too long" in result.stderr
    assert openpyxl.load_workbook("out.xlsx").sheetnames == ["results", "failures", "summary"]
    assert exported("-o", "out.parquet", "-q").stderr == ""
    assert pq.read_table("out.parquet").num_rows == 5
    assert exported("-o", "out.data", "--format", "jsonl").exit_code == 0


def test_the_command_leaves_the_users_sheet_alone_and_says_so(space: Path) -> None:
    Path("prompts.csv").write_text("mine")
    result = exported("prompts.csv", "-o", "prompts.csv")
    assert result.exit_code == 0
    assert "prompts.csv was not written by rowmill" in result.stderr
    assert Path("prompts.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("-o", "out.docx"), 2, "--format"),
        (("-o", "out.xls"), 2, "--format"),
        (("--only", "dune"), 2, "in_doubt"),
        (("-o", "no/out.csv"), 7, "no folder"),
        (("other.csv",), 3, "other.rowmill"),
    ],
)
def test_the_command_says_what_is_wrong_with_its_right_code(
    space: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    result = exported(*words)
    assert result.exit_code == code
    assert says in result.stderr
    assert result.stdout == ""


def test_fields_choose_among_our_columns(space: Path) -> None:
    def header(*words: str) -> list[str]:
        text = exported(*words).stdout_bytes.decode("utf-8-sig")
        return next(csv.reader(io.StringIO(text, newline="")))

    whole = header()
    own = [name for name in whole if not name.startswith("result_")]
    assert header("--fields", "status, result_text") == [*own, "result_status", "result_text"]
    (line, *_) = exported("--fields", "text", "--format", "jsonl").stdout.splitlines()
    assert list(json.loads(line))[len(own) :] == ["result_text"]
    result = exported("--fields", "staus")
    assert result.exit_code == 2
    assert "staus" in result.stderr
    assert exported("--fields", "text", "-o", "out.xlsx").exit_code == 0
    page = openpyxl.load_workbook("out.xlsx")["results"]
    hidden = [(one.min, one.max) for one in page.column_dimensions.values() if one.hidden]
    shown = [cell.value for cell in page[1] if not any(a <= cell.column <= b for a, b in hidden)]
    assert shown == [*own, "result_text"]
