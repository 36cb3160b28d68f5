"""Commands find a sheet's table in a database: by address, by `--db`, and as remembered."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from jobs.place import DatabasePlace
from runner.cli import rowmill
from runner.settings.database_url import read_database_url
from runner.settings.known_database import known_database, remember_database
from runner.settings.trust import trust
from tests.support.builders import Fate, Sheet, fill
from tests.support.postgres_server import Server

ANSWERED = Fate(text="yes", cost=0.5, tokens=(10, 20))
CANARY = "canary-4b7f1e9c2d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A folder of sheets and a database of its own."""

    folder: Path
    url: str

    @property
    def state(self) -> str:
        """Everything that commands wrote into the user's folders."""
        home = self.folder.parent / "home"
        return "".join(one.read_text() for one in home.rglob("*") if one.is_file())

    def run(self, *words: str) -> Done:
        """One command line in this process."""
        found = CliRunner().invoke(rowmill, list(words))
        return Done(code=found.exit_code, out=found.stdout, err=found.stderr)

    def load(self, name: str, *fates: Fate) -> str:
        """A sheet of three rows, loaded into the database; returns its address."""
        (self.folder / name).write_text("prompt\na\nb\nc\n", encoding="utf-8")
        options = {"sheet_path": f"../{name}"}
        sheet = Sheet(headers=["prompt"], rows=[["a"], ["b"], ["c"]], options=options)
        with DatabasePlace(url=self.url, name=name).open() as store:
            fill(store, sheet, fates)
        return f"{self.url}#{name}"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Server) -> Desk:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    folder = tmp_path / "desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Desk(folder=folder, url=postgres.new_database())


READERS = (
    ("status", "--json"),
    ("errors", "--json"),
    ("export", "-o", "-", "--format", "csv"),
    ("show", "2", "--json"),
    ("skip", "--rows", "4", "-y"),
    ("fetch",),
    ("report", "-o", "page.html"),
    ("doctor", "--json"),
)


def named(words: tuple[str, ...], address: str) -> tuple[str, ...]:
    """The command line with its SHEET: after the row, for `show`."""
    at = 2 if words[0] == "show" else 1
    return (*words[:at], address, *words[at:])


@pytest.mark.parametrize("words", READERS[:-1], ids=lambda words: words[0])
def test_a_command_takes_the_address_of_a_database_in_place_of_a_sheet(
    desk: Desk, words: tuple[str, ...]
) -> None:
    address = desk.load("主图.csv", ANSWERED)
    done = desk.run(*named(words, address))
    assert done.code == 0, done.err
    assert not list(desk.folder.glob("*.rowmill"))  # nothing is put beside a sheet that is not here


@pytest.mark.parametrize("words", READERS[:-1], ids=lambda words: words[0])
def test_db_says_the_same_as_the_address(desk: Desk, words: tuple[str, ...]) -> None:
    desk.load("a.csv", ANSWERED)
    done = desk.run(*named(words, "a.csv"), "--db", desk.url)
    assert done.code == 0, done.err


def test_without_a_name_it_is_the_only_workspace_there(desk: Desk) -> None:
    desk.load("a.csv")
    assert desk.run("status", desk.url).code == 0


def test_none_or_several_are_told_with_their_names_and_3(desk: Desk) -> None:
    none = desk.run("status", desk.url)
    assert none.code == 3
    assert "no workspace" in none.err
    desk.load("a.csv")
    desk.load("b.csv")
    several = desk.run("status", desk.url)
    assert several.code == 3
    assert "a.csv, b.csv" in several.err
    missing = desk.run("status", f"{desk.url}#c.csv")
    assert missing.code == 3
    assert "c.csv" in missing.err
    assert "a.csv, b.csv" in missing.err


def test_a_remembered_database_is_found_by_its_sheet_and_by_its_folder(desk: Desk) -> None:
    address = desk.load("prompts.csv")
    remember_database(desk.folder / "prompts.rowmill", read_database_url(address))
    (desk.folder / "prompts.rowmill").mkdir()
    for words in (("status", "prompts.csv"), ("status", "prompts.rowmill"), ("status",)):
        done = desk.run(*words)
        assert done.code == 0, done.err
        assert "rowmill run prompts.csv" in done.out  # the next command names the sheet alone
    assert desk.run("status", "prompts.csv", "--db", "none").code == 3


def test_next_commands_of_a_sheet_that_is_not_here_name_its_address(desk: Desk) -> None:
    address = desk.load("a b.csv")
    (desk.folder / "a b.csv").unlink()
    done = desk.run("status", desk.url)
    assert f"rowmill run '{address}'" in done.out


def test_a_password_from_the_environment_is_used_and_kept_nowhere(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.load("a.csv", ANSWERED)
    secret = desk.url.replace("postgres@", f"postgres:{CANARY}@")
    monkeypatch.setenv("ROWMILL_DB", f"{secret}#a.csv")
    said = ""
    for words in READERS:
        done = desk.run(*words)
        assert done.code == 0 or words[0] == "doctor", done.err
        said += done.out + done.err
    assert CANARY not in said + desk.state


@pytest.mark.parametrize(
    "form", ["postgresql://team:{}@db/jobs", "postgresql://db/jobs?password={}"]
)
@pytest.mark.parametrize("words", [("status",), ("run", "a.csv", "--db"), ("keys", "set")])
def test_a_password_on_the_command_line_is_refused_unprinted(
    desk: Desk, words: tuple[str, ...], form: str
) -> None:
    done = desk.run(*words, form.format(CANARY))
    assert done.code == 2
    assert "ROWMILL_DB" in done.err
    assert CANARY not in done.out + done.err


def test_a_file_beside_a_sheet_names_no_database(desk: Desk) -> None:
    desk.load("a.csv")
    file = desk.folder / "rowmill.toml"
    file.write_text(f'[defaults]\ndb = "{desk.url}"\n', encoding="utf-8")
    done = desk.run("status", "a.csv")
    assert done.code == 3
    assert "rowmill trust" in done.err
    trust(file, file.read_bytes())
    assert desk.run("status", "a.csv").code == 0


def test_a_settings_file_holds_no_password(desk: Desk) -> None:
    file = desk.folder / "rowmill.toml"
    file.write_text(f'[defaults]\ndb = "postgresql://u:{CANARY}@h/d"\n', encoding="utf-8")
    done = desk.run("status", "a.csv", "--config", str(file))
    assert done.code == 3
    assert "keys set" in done.err
    assert CANARY not in done.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("status", "sqlite:///jobs.db"), 2),
        (("status", "postgresql://h/a#x", "--db", "postgresql://h/b"), 2),
        (("status", "mysql://h/a"), 3),
        (("rehearse", "a.csv", "--db", "postgresql://h/b"), 2),
        (("check", "postgresql://h/a#x"), 3),
    ],
)
def test_what_names_no_database_is_told(desk: Desk, words: tuple[str, ...], code: int) -> None:
    assert desk.run(*words).code == code


def test_a_stored_password_is_listed_masked_and_removed(desk: Desk) -> None:
    place = "postgresql://team@db/jobs"
    found = CliRunner().invoke(rowmill, ["keys", "set", f"{place}?sslmode=require"], input=CANARY)
    assert found.exit_code == 0, found.output
    listed = desk.run("keys", "list")
    assert place in listed.out
    assert CANARY not in found.output + listed.out
    assert CANARY[-4:] not in listed.out
    assert desk.run("keys", "rm", place).code == 0
    assert desk.run("keys", "list").out == ""


def test_nothing_is_remembered_for_a_sheet_that_was_only_looked_at(desk: Desk) -> None:
    desk.load("a.csv")
    desk.run("status", "a.csv", "--db", desk.url)
    assert known_database(desk.folder / "a.rowmill") is None


def test_a_run_whose_hosts_are_gone_without_an_end_has_died(desk: Desk) -> None:
    address = desk.load("a.csv", ANSWERED)
    found = json.loads(desk.run("status", address, "--json").out)
    assert found["run"]["state"] == "died"
    assert found["hosts"] == []
    assert found["tokens"] == {"prompt": 10, "completion": 20, "total": 30}
