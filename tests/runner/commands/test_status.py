"""`rowmill status` counts rows, costs and calls correctly, also while a run is active."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jobs.job import Failure, FailureClass
from jobs.store import Store
from jobs.store.log import end_run
from jobs.store.queries.pace import ended_since
from runner import cli
from runner.views.status import read_status
from runner.workspace.workspace import SHEET_ID, Workspace
from tests.support.builders import IN_DOUBT, NOW, PENDING, REFUSED, Fate, Sheet, make_table
from tests.support.world import TEXT, World

DONE = Fate(text="yes", cost=0.5, tokens=(10, 20))
SERVER = Fate(failure=Failure(kind=FailureClass.SERVER, cause="server_error", detail="oops"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith("ROWMILL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(home: Path, *fates: Fate, rows: int = 6) -> Workspace:
    """A workspace whose sheet has `rows` rows; the first ones have these fates."""
    folder = home / "prompts.rowmill"
    cells = [[f"row {number}"] for number in range(rows)]
    options = {"sheet_path": "../prompts.csv"}
    make_table(folder, Sheet(headers=["prompt"], rows=cells, options=options), fates)
    (home / "prompts.csv").write_text("prompt\n", encoding="utf-8")
    return Workspace(folder=folder)


def ended(workspace: Workspace, code: int) -> None:
    store = Store.open(workspace.table)
    with store.write() as tx:
        end_run(tx, 1, exit_code=code, now=NOW + 3600)
    store.close()


def status(*words: str, lang: str = "en") -> Result:
    return CliRunner().invoke(cli.rowmill, ["--lang", lang, "status", *words])


def test_status_tells_counts_failures_money_and_the_next_command(home: Path) -> None:
    ended(table(home, DONE, DONE, SERVER, REFUSED, rows=4), 4)
    result = status("prompts.csv")
    assert result.exit_code == 0, result.output
    shown = " ".join(result.stdout.split())
    assert "after 1h00m: finished, some rows failed." in shown
    assert "100 % 4 / 4" in shown
    assert "done 2 ■ failed 2" in shown.replace("\u00a0", " ")
    assert "1 server The provider failed on every attempt." in shown
    assert "1 refused The provider rejected the content" in shown
    assert "tokens 60" in shown
    assert "cost 1.00 USD" in shown
    assert result.stdout.rstrip().endswith("next  rowmill retry prompts.csv")


def test_a_cost_with_calls_in_doubt_is_a_lower_bound(home: Path) -> None:
    ended(table(home, DONE, IN_DOUBT, rows=2), 4)
    result = status("prompts.csv")
    assert "at least 0.50 USD" in result.stdout
    shown = " ".join(result.stdout.split())
    assert "1 call got no response and may have been billed" in shown
    assert "rowmill retry prompts.csv --class in_doubt" in result.stdout


def test_an_unknown_cost_is_never_shown_as_nothing(home: Path) -> None:
    ended(table(home, replace(DONE, cost=None), rows=1), 0)
    shown = " ".join(status("prompts.csv").stdout.split())
    assert "cost unknown" in shown
    assert "0.00" not in shown
    assert "rowmill export prompts.csv" in shown


def test_rows_that_an_unchanged_retry_cannot_help_get_their_own_command(home: Path) -> None:
    ended(table(home, REFUSED, rows=1), 4)
    told = status("prompts.csv").stdout.rstrip()
    assert told.endswith("next  rowmill errors prompts.csv --export fixes.xlsx")


def test_a_run_that_never_said_how_it_ended_is_told_from_one_that_goes_on(home: Path) -> None:
    workspace = table(home, DONE, PENDING)
    assert "ended unexpectedly" in status("prompts.csv").stdout
    assert "rowmill run prompts.csv" in status("prompts.csv").stdout
    lock = workspace.hold()
    try:
        shown = " ".join(status("prompts.csv").stdout.split())
    finally:
        lock.release()
    assert f"process {os.getpid()} on" in shown
    assert "(row 3)" in shown  # the oldest call in flight
    assert "next" not in shown


def test_the_pace_counts_the_rows_that_ended_of_late(home: Path) -> None:
    workspace = table(home, DONE, REFUSED, IN_DOUBT, PENDING)
    store = Store.look(workspace.table)
    with store.read() as tx:
        assert ended_since(tx, SHEET_ID, min(NOW, time.time()) - 10) == 3
        assert ended_since(tx, SHEET_ID, NOW + 200) == 0
    store.close()


def test_a_sheet_that_was_never_run_says_so(home: Path) -> None:
    workspace = table(home)
    store = Store.open(workspace.table)
    with store.write() as tx:
        tx.exec_driver_sql("DELETE FROM runs")
    store.close()
    shown = status("prompts.csv").stdout
    assert "never run" in shown
    assert "cost" not in shown


def test_json_is_english_and_complete_whatever_people_read(home: Path) -> None:
    ended(table(home, DONE, SERVER, IN_DOUBT, rows=5), 5)
    found = json.loads(status("prompts.csv", "--json", lang="zh").stdout)
    assert found["schema"] == 1
    assert found["run"]["state"] == "ended"
    assert found["run"]["exit_code"] == 5
    assert found["rows"]["done"] == 1
    assert found["rows"]["waiting"] == 2
    assert found["failures"] == {"server": 1}
    assert found["cost"] == 0.5
    assert found["cost_is_complete"] is False
    assert found["next"] == "rowmill run prompts.csv"


def test_status_speaks_chinese(home: Path) -> None:
    ended(table(home, DONE, SERVER, rows=2), 4)
    shown = status("prompts.csv", lang="zh").stdout
    assert "每次尝试服务商都出错" in shown
    assert "已跑完，有些行失败" in shown


def test_on_a_narrow_screen_no_line_is_wider_than_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.cells import cell_len  # noqa: PLC0415 - only this test needs it

    monkeypatch.setenv("COLUMNS", "60")
    ended(table(home, DONE, SERVER, REFUSED, IN_DOUBT, rows=12), 4)
    for lang in ("en", "zh"):
        for line in status("prompts.csv", lang=lang).stdout.splitlines():
            assert cell_len(line) <= 60, line


def test_a_look_changes_nothing_in_the_workspace(home: Path) -> None:
    workspace = table(home, DONE)
    before = {path.name: path.read_bytes() for path in workspace.folder.iterdir()}
    assert status("prompts.csv").exit_code == 0
    assert {path.name: path.read_bytes() for path in workspace.folder.iterdir()} == before


def test_no_workspace_is_told_with_3(home: Path) -> None:
    (home / "new.csv").write_text("prompt\nx\n", encoding="utf-8")
    result = status("new.csv")
    assert result.exit_code == 3
    assert "nothing was run there yet" in result.stderr


def test_a_table_without_a_sheet_is_told_with_3(home: Path) -> None:
    folder = home / "prompts.rowmill"
    folder.mkdir()
    Store.open(folder / "jobs.db").close()
    assert status("prompts.rowmill").exit_code == 3


def test_the_bar_is_as_wide_as_asked_whatever_the_counts(home: Path) -> None:
    from runner.commands.status import _bar  # noqa: PLC0415 - used for many counts

    rows = read_status(table(home, DONE), now=NOW).rows
    for done, failed, waiting in ((0, 0, 0), (1, 99_999, 1), (100_000, 1, 0), (1, 1, 1_000_000)):
        counts = replace(rows, done=done, failed=failed, waiting=waiting, sending=0)
        assert len(_bar(counts, 59)) == 59


def test_status_loads_nothing_heavy(home: Path) -> None:
    ended(table(home, DONE), 0)
    script = (
        "import sys\nfrom runner.cli import main\n"
        "sys.argv = ['rowmill', 'status', 'prompts.csv']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'pandas', 'pyarrow', 'alembic', 'PIL', 'httpx', 'aiohttp', 'jsonschema'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_run_of_some_rows_does_not_say_that_everything_is_done(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat", "a dog", "a fox")
    assert world.run("run", sheet, *TEXT, "--limit", 1).code == 0
    some = world.run("status", sheet).out
    assert "finished the rows asked for; 2 not run" in " ".join(some.split())
    assert "everything done" not in some
    assert world.run("run", sheet, "-y").code == 0
    assert "everything done" in world.run("status", sheet).out
