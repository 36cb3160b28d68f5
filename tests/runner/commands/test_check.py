"""`rowmill check` tells what a run would send, cost and refuse, without sending anything."""

import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.exc import DatabaseError

from jobs.claimed import Holding
from jobs.job import Step
from jobs.outcome import Finished, WireClass
from jobs.result import Result as Answered
from jobs.store import Store
from jobs.store.ids import Ids
from jobs.store.log import open_run
from jobs.store.queue.claims import ClaimRequest, claim
from jobs.store.queue.settles import CallEnd, Settlement, settle
from runner import cli
from runner.intake.intake import SheetSource, take_in
from runner.settings.locations import user_file
from runner.settings.settings import resolve
from runner.settings.trust import trust
from runner.workspace.lookup import of_sheet
from runner.workspace.workspace import SHEET_ID, Workspace
from tests.support.world import TEXT, World

KEY = "sk-canary0123456789wxyz"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith("ROWMILL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ROWMILL_API_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(home: Path, *lines: str, name: str = "prompts.csv") -> Path:
    path = home / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def check(*words: str, lang: str = "en") -> Result:
    return CliRunner().invoke(cli.rowmill, ["--lang", lang, "check", *words])


def flat(result: Result) -> str:
    return " ".join(result.stdout.split())


def all_done(sheet: Path, *, endpoint: str = "chat", model: str = "m") -> Workspace:
    """A workspace in which every row of the sheet is done."""
    workspace = of_sheet(sheet, None)
    workspace.make()
    settings = resolve({"endpoint": endpoint, "model": model}, {})
    store = Store.open(workspace.table)
    take_in(store, workspace, SheetSource(sheet=sheet), settings, now=time.time())
    holding = Holding(sheet_id=SHEET_ID, run_id=1, owner="test")
    with store.write() as tx:
        open_run(tx, holding, program="test", options={}, now=time.time())
        order = ClaimRequest(step=Step.SEND, limit=1000)
        taken = claim(tx, holding, order, ids=Ids(), now=time.time())
        ended = CallEnd(wire=WireClass.ANSWERED, seconds=2.0, status=200)
        done = Finished(result=Answered(text="yes"))
        settle(
            tx,
            holding,
            [Settlement(job=job, outcome=done, ended=ended) for job in taken],
            now=time.time(),
        )
    store.close()
    return workspace


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files}


ROWS = ("id,prompt,notes", "a,a red fox,keep", "b,two otters,")


def test_a_good_sheet_is_understood_shown_and_exits_0(home: Path) -> None:
    write(home, *ROWS)
    before = contents(home)
    result = check("prompts.csv", "-e", "chat", "-m", "gpt-x")
    assert result.exit_code == 0, result.output
    shown = flat(result)
    assert 'csv · UTF-8 · delimiter "," · header in row 1' in shown
    assert "rows 2 rows identified by column id" in shown
    assert "gpt-x × 2" in shown
    assert "prompt → prompt" in shown
    assert "kept, not sent id, notes" in shown
    assert "POST https://api.wenwen-ai.com/v1/chat/completions" in shown
    assert '"content": "two otters"' in shown
    assert "at most 2, repeats not counted" in shown
    assert "price unknown for gpt-x" in shown
    assert '[prices."gpt-x"] call = 0.00' in shown
    assert contents(home) == before
    assert not (home / "prompts.rowmill").exists()


def test_first_says_how_many_requests_are_shown(home: Path) -> None:
    write(home, "prompt", *(f"row {number}" for number in range(9)))
    for count in (0, 1, 5):
        shown = check("prompts.csv", "-e", "chat", "-m", "m", "--first", str(count)).stdout
        assert shown.count("Request of row") == count


def test_all_bad_rows_are_listed_and_exit_3_unless_skipped(home: Path) -> None:
    write(home, "prompt,temperature", "good,1", "bad,hot", ",1")
    result = check("prompts.csv", "-e", "chat", "-m", "m")
    assert result.exit_code == 3
    shown = flat(result)
    assert "3 · 2 of them bad" in shown
    assert "row 3, column temperature" in shown
    assert "row 4, column prompt" in shown
    assert "2 rows cannot become a request" in shown
    assert check("prompts.csv", "-e", "chat", "-m", "m", "--skip-bad").exit_code == 0


def test_a_long_list_of_bad_rows_is_cut_and_counted(home: Path) -> None:
    write(home, "prompt,temperature", *(f"p{number},hot" for number in range(230)))
    result = check("prompts.csv", "-e", "chat", "-m", "m")
    assert result.stdout.count("column temperature") == 200
    assert "and 30 more" in result.stdout


def test_a_column_counts_as_sent_only_where_the_endpoint_or_the_template_takes_it(
    home: Path,
) -> None:
    write(home, "name,style,words,notes", "fox,oil,red,x")
    shown = flat(check("prompts.csv", "-e", "chat", "-m", "m", "-p", "{{ name }} in {{ words }}"))
    assert "name → in the prompt template words → in the prompt template" in shown
    assert "kept, not sent style, notes" in shown, "chat knows no style"
    shown = flat(check("prompts.csv", "-e", "image", "-m", "m", "-p", "{{ style }}"))
    assert "style → in the prompt template" in shown, "and it is not sent as style"
    assert '--column "style=style"' in shown
    both = ("-p", "{{ style }}", "--column", "style=style")
    assert "style → style" in flat(check("prompts.csv", "-e", "image", "-m", "m", *both))


def test_everything_that_is_missing_is_told_at_once(home: Path) -> None:
    write(home, "id,words", "a,a red fox")
    result = check("prompts.csv")
    assert result.exit_code == 3
    shown = flat(result)
    assert "No endpoint was chosen" in shown
    assert "chat-image" in shown
    assert "No model was chosen" in shown
    assert "No column holds the prompt" in shown
    assert "kept, not sent id, words" in shown


def test_an_unusable_sheet_names_its_faults(home: Path) -> None:
    write(home, "prompt,提示词", "a,b")
    result = check("prompts.csv", "-e", "chat", "-m", "m")
    assert result.exit_code == 3
    assert "two columns both mean prompt" in flat(result)
    (home / "empty.csv").write_bytes(b"")
    result = check("empty.csv", "-e", "chat", "-m", "m")
    assert result.exit_code == 3
    assert "the file is empty" in flat(result)
    assert check("none.csv").exit_code == 3


def test_a_template_with_an_unknown_name_is_told_with_3(home: Path) -> None:
    write(home, *ROWS)
    result = check("prompts.csv", "-e", "chat", "-m", "m", "-p", "A {{ colour }} fox")
    assert result.exit_code == 3
    assert "colour" in result.stdout


def test_what_would_be_bought_again_stops_unless_wanted(home: Path) -> None:
    sheet = write(home, *ROWS)
    workspace = all_done(sheet)
    before = contents(workspace.folder)
    same = check("prompts.csv")
    assert same.exit_code == 0, same.output
    assert "2 unchanged" in flat(same)
    assert "at most 0" in flat(same)
    other = check("prompts.csv", "-m", "other")
    assert other.exit_code == 3
    assert "2 changed, 2 would be generated and paid for again" in flat(other)
    assert "--rebuy" in flat(other)
    assert check("prompts.csv", "-m", "other", "--rebuy").exit_code == 0
    assert contents(workspace.folder) == before


def test_a_changed_sheet_shows_its_plan(home: Path) -> None:
    sheet = write(home, "id,prompt", *(f"k{number},p{number}" for number in range(30)))
    all_done(sheet)
    lines = ["id,prompt", "k0,other", *(f"k{number},p{number}" for number in range(2, 30))]
    write(home, *lines, "new,p99")
    result = check("prompts.csv")
    assert result.exit_code == 0, result.output
    shown = flat(result)
    assert "28 unchanged, 1 changed, 1 new, 1 no longer in the sheet" in shown
    assert "1 would be generated and paid for again" in shown
    assert "at most 2, repeats not counted" in shown


def test_it_looks_beside_a_writer_in_the_middle_of_a_transaction(home: Path) -> None:
    workspace = all_done(write(home, *ROWS))
    store = Store.open(workspace.table)
    with store.write():
        assert check("prompts.csv").exit_code == 0
    store.close()


def test_comparing_a_sheet_cannot_change_the_table(home: Path) -> None:
    workspace = all_done(write(home, *ROWS))
    store = Store.stage(workspace.table)
    with store.session() as tx, tx.begin():
        for words in ("DELETE FROM rows", "UPDATE jobs SET rank = 1", "DROP TABLE rows"):
            with pytest.raises(DatabaseError, match="not authorized"):
                tx.exec_driver_sql(words)
    store.close()


def test_a_workspace_of_another_sheet_stops(home: Path) -> None:
    all_done(write(home, *ROWS))
    write(home, *ROWS, name="other.csv")
    words = ("-e", "chat", "-m", "m", "--workspace", "prompts.rowmill")
    result = check("other.csv", *words)
    assert result.exit_code == 3
    assert "--same-sheet" in flat(result)
    assert check("other.csv", *words, "--same-sheet").exit_code == 0


def test_prices_and_times_are_told_as_far_as_they_are_known(home: Path) -> None:
    sheet = write(home, "prompt,model", *(f"p{number},a" for number in range(12)))
    write(home, '[prices."a"]\ncall = 0.25\ncurrency = "CNY"', name="rowmill.toml")
    untrusted = flat(check("prompts.csv", "-e", "chat"))
    assert "about 3.00 CNY" not in untrusted
    assert str(user_file()) in untrusted  # where the price would apply
    trust(home / "rowmill.toml", (home / "rowmill.toml").read_bytes())
    first = flat(check("prompts.csv", "-e", "chat"))
    assert "about 3.00 CNY" in first
    assert "expected" in first
    all_done(sheet)
    lines = (f"q{number},{'a' if number else 'b'}" for number in range(1200))
    write(home, "prompt,model", *lines)
    later = flat(check("prompts.csv", "--rebuy"))
    assert "at least 299.75 CNY; unknown for b" in later
    assert "about 5m00s, at the rate so far" in later  # 1,200 calls of 2 s, 8 at a time


def test_a_picture_is_shown_by_its_name_and_no_key_is_shown(home: Path) -> None:
    (home / "mug.png").write_bytes(PNG)
    write(home, "prompt,image", f"{KEY} make it blue,mug.png")
    result = check("prompts.csv", "-e", "chat-image", "-m", "m")
    assert result.exit_code == 0, result.output
    assert "data:image/png;base64,@mug.png" in result.stdout
    assert KEY not in result.stdout


def test_what_a_terminal_would_act_on_is_written_out(home: Path) -> None:
    write(home, "prompt,\x1b[2Jevil", "\x1b]0;title\x07 \u202egnp,\x1b[31m")
    result = check("prompts.csv", "-e", "chat", "-m", "m")
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert "\\u001b]0;title" in result.stdout


def test_no_key_is_noted_and_is_not_the_sheets_fault(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home, *ROWS)
    monkeypatch.delenv("ROWMILL_API_KEY")
    result = check("prompts.csv", "-e", "chat", "-m", "m")
    assert result.exit_code == 0
    assert "There is no key" in result.stdout


def test_json_holds_the_same_and_stays_english(home: Path) -> None:
    write(home, "id,prompt,temperature", "a,fox,hot", "b,otter,1")
    result = check("prompts.csv", "-e", "chat", "-m", "m", "--json", lang="zh")
    assert result.exit_code == 3
    found = json.loads(result.stdout)
    assert (found["schema"], found["exit_code"]) == (1, 3)
    assert found["columns"] == [["id", None], ["prompt", "prompt"], ["temperature", "temperature"]]
    assert (found["rows"], found["bad_rows"], found["calls"]) == (2, 1, 1)
    assert found["problems"][0]["row"] == 2
    assert found["requests"][0]["row"] == 3
    assert found["requests"][0]["body"]["messages"][0]["content"] == "otter"
    assert found["price"]["unknown"] == ["m"]


def test_a_schema_that_is_none_is_a_bad_row_before_anything_is_sent(world: World) -> None:
    good, bad = '{"type": "object"}', '{"type": "objekt"}'
    sheet = world.sheet(
        "a.csv",
        ["prompt", "schema", "response_format"],
        ["fox", good, ""],
        ["owl", bad, ""],
        ["cat", good, "json_object"],
        ["dog", "", "json_object"],
    )
    done = world.run("run", sheet, *TEXT)
    assert (done.code, done.posts) == (3, 0)
    assert "row 3, column schema" in done.err
    assert "row 4, column response_format" in done.err
    checked = world.run("check", sheet, "-e", "chat", "-m", "mock-text", "--json")
    assert checked.json["bad_rows"] == 2
    let_pass = world.run("run", sheet, *TEXT, "--skip-bad")
    assert (let_pass.code, let_pass.posts) == (4, 2)
    assert world.column(sheet, "result_error_class") == ["", "bad_input", "bad_input", ""]


def test_check_speaks_chinese(home: Path) -> None:
    write(home, "编号,提示词", "a,一只狐狸")
    shown = flat(check("prompts.csv", "-e", "chat", "-m", "m", lang="zh"))
    assert "提示词 → prompt" in shown
    assert "表格可以运行" in shown


def test_a_finding_is_read_whole_and_hangs_below_its_first_word(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    (home / "long.csv").write_text('prompt,size\na,1\nb\n"c, d"\n', encoding="utf-8")
    lines = check("long.csv", "-e", "image", "-m", "m").stdout.splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("  - row 3"))
    assert lines[at + 1].startswith("    ")
    assert "…" not in "".join(lines)


def test_what_is_to_be_chosen_hangs_beside_its_name(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = check(str(write(home, "prompt", "one"))).stdout.splitlines()
    at = lines.index("  chat         text out of text and pictures; structured")
    assert lines[at + 1] == "               output and tool calls too"


def test_records_without_a_single_column_are_bad_rows_and_not_a_fault(home: Path) -> None:
    write(home, '{"prompt": "a cat"', "[1, 2]", name="a.jsonl")
    found = check("a.jsonl", "-e", "chat", "-m", "m", "-p", "Hello")
    assert found.exit_code == 3
    assert "row 1" in flat(found)
    assert "row 2" in flat(found)


def test_empty_records_are_rows_where_a_template_says_all(home: Path) -> None:
    write(home, "{}", "{}", name="a.jsonl")
    found = check("a.jsonl", "-e", "chat", "-m", "m", "-p", "Hello")
    assert found.exit_code == 0, found.stdout
    assert "2 rows" in flat(found)
