"""What `describe` prints is what the commands do: schemas, man pages and completion."""

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator, ValidationError

from runner.cli import COMMANDS, rowmill
from runner.console.snapshot import ProgressLine, Snapshot
from runner.settings.file import Origin, SettingsError
from runner.settings.file_schema import file_schema
from runner.settings.schema import SCHEMA
from runner.settings.toml_reader import read_file
from runner.views.records import OUTPUTS
from tests.support.json_outputs import check_outputs, validator
from tests.support.world import PICTURE, ROOT, TEXT, World


def described(*words: str) -> str:
    done = CliRunner().invoke(rowmill, ["describe", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


# --- what --json prints ---------------------------------------------------------------------------


def test_every_command_with_json_has_a_schema() -> None:
    setting = next(one for one in SCHEMA if one.name == "json")
    assert set(setting.commands) == set(OUTPUTS) - {"notify"}


@pytest.mark.parametrize("name", [*OUTPUTS, "progress"])
def test_a_schema_is_printed_as_it_is_checked(name: str) -> None:
    schema = json.loads(described("schema", name))
    Draft202012Validator.check_schema(schema)
    assert schema["$defs"]


def test_the_outputs_of_a_night_fit_their_schemas(world: World) -> None:
    """`world.run` holds each of them against its schema, and so do all other tests."""
    world.mock({"a fox": ["moderation"] * 9})
    sheet = world.sheet("a.csv", ["id", "prompt"], ["cat", "a cat"], ["fox", "a fox"])
    lines: list[tuple[object, ...]] = [
        ("check", sheet, *PICTURE[:-1], "--json"),
        ("run", sheet, *PICTURE, "--json", "--progress", "json"),
        ("status", sheet, "--json"),
        ("errors", sheet, "--json"),
        ("show", "2", sheet, "--json"),
        ("show", "3", sheet, "--json"),
        ("fetch", sheet, "--json"),
        ("pick", "2", sheet, "--stars", 5, "--json"),
        ("batches", sheet, "--json"),
        ("retry", sheet, "--class", "refused", "-y", "--json"),
        ("endpoints", "--json"),
        ("endpoints", "video", "--json"),
        ("doctor", sheet, "--models", "--json"),
        ("rehearse", sheet, *TEXT, "--json"),
    ]
    for line in lines:
        done = world.run(*line)
        assert json.loads(done.out)["schema"] == 1, done.err
    assert {str(line[0]) for line in lines} == set(OUTPUTS) - {"notify"}


def test_a_member_without_a_place_in_the_schema_is_found(world: World) -> None:
    world.mock()
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    record = world.run("status", sheet, "--json").json
    with pytest.raises(ValidationError):
        check_outputs(["status", "--json"], json.dumps({**record, "surprise": 1}), "")
    with pytest.raises(ValidationError):
        validator("status").validate({key: record[key] for key in record if key != "rows"})


def test_a_progress_line_holds_every_member_of_a_snapshot() -> None:
    line, snapshot = set(get_type_hints(ProgressLine)), set(get_type_hints(Snapshot))
    assert line - snapshot == {"schema", "type", "total"}
    assert snapshot <= line


# --- rowmill.toml ---------------------------------------------------------------------------------

GOOD_FILES = (
    *re.findall(r"```toml\n(.*?)```", (ROOT / "docs/settings.md").read_text("utf-8"), re.DOTALL),
    '[defaults]\nmax-cost = "+20"\nmax_cost = 3\nuntil = 07:00:00\nconcurrency = "auto"\n',
    '[defaults]\nok-if-failed = "5%"\nset = { size = "1:1", n = 2 }\nallow-host = ["a.example"]\n',
    '[defaults]\nlane = "flex"\nno_input = true\nin-doubt = "hold"\n',
    '[defaults]\nclass = "refused, bad_input"\nthumbs = true\nfirst = 3\n[columns]\n"名" = "id"\n',
    '[provider.a]\nkeys = [{ command = "pass show a" }]\nheaders = { api-key = "{key}" }\n',
    '[provider.a]\nrpm = 60\nconcurrency = 4\nproxy = "http://10.0.0.1:1"\n',
    '[provider.a.lanes.flex]\nform = "path"\npath = "/v1/half"\nfactor = 0.5\n',
    '[prices]\ncurrency = "CNY"\n[prices.m]\nsecond = 0.1\n',
    '[limits]\nattempts = 3\ntimeout = "90s"\nstop_if = "failed > 20% / 50"\nask_above = 10\n',
)


@pytest.mark.parametrize("text", GOOD_FILES)
def test_a_settings_file_that_is_read_fits_the_schema(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rowmill.toml"
    file.write_text(text, encoding="utf-8")
    read_file(file, Origin.USER)
    Draft202012Validator(file_schema()).validate(_plain(tomllib.loads(text)))


@pytest.mark.parametrize("name", sorted(one.stem for one in ROOT.glob("runner/**/tasks/*.toml")))
def test_the_dialects_that_come_with_rowmill_fit_the_schema(name: str) -> None:
    (file,) = ROOT.glob(f"runner/**/tasks/{name}.toml")
    table = tomllib.loads(file.read_text("utf-8"))
    Draft202012Validator(file_schema()).validate({"task": {name: table}})


BAD_FILES = (
    "[default]\n",
    "[defaults]\nmodle = 'x'\n",
    "[defaults]\nyes = true\n",
    "[defaults]\nrows = '3'\n",
    "[defaults]\nlane = 'batches'\n",
    "[defaults]\nconcurrency = 0\n",
    "[defaults]\nmax_cost = -1\n",
    "[defaults]\nuntil = 'morning'\n",
    "[defaults]\nvisible_only = 'perhaps'\n",
    "[defaults]\nok_if_failed = 'some'\n",
    "[columns]\nName = 3\n",
    "[limits]\nattempts = 'many'\n",
    "[limits]\nstop_if = '20%'\n",
    "[limits]\nmodel = 'x'\n",
    "[notify]\nurl = ''\n",
    "[notify]\nmail = 'x'\n",
    "[prices.m]\ncall = 'cheap'\n",
    "[prices.m]\nrow = 1\n",
    "[provider.a]\nurl = 'https://a.example'\n",
    "[provider.a]\nkeys = ['sk']\n",
    "[provider.a]\nkeys = [{ env = 'A', file = 'b' }]\n",
    "[provider.a]\nproxy = 'here'\n",
    "[provider.a]\nrpm = 'fast'\n",
    "[provider.a.lanes.slow]\nform = 'path'\n",
    "[task.mine]\nsubmit = 3\n",
)


@pytest.mark.parametrize("text", BAD_FILES)
def test_a_settings_file_that_is_refused_does_not_fit_the_schema(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rowmill.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError):
        read_file(file, Origin.USER)
    with pytest.raises(ValidationError):
        Draft202012Validator(file_schema()).validate(_plain(tomllib.loads(text)))


def test_every_setting_of_a_file_is_described() -> None:
    known = json.loads(described("schema", "settings"))["properties"]
    for section in ("defaults", "limits"):
        for name, one in known[section]["properties"].items():
            assert one["description"], name
    assert known["defaults"]["properties"]["in_doubt"]["enum"] == ["retry", "hold"]


def _plain(value: Any) -> Any:
    """TOML as JSON has it: times are texts."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value if isinstance(value, bool | int | float | str) else str(value)


# --- man pages and completion ---------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_a_man_page_names_every_option_of_the_help(name: str) -> None:
    page = described("man", name).replace("\\-", "-")
    help_text = CliRunner().invoke(rowmill, [name, "--help"]).stdout
    for option in re.findall(r"--[a-z][a-z-]+", help_text):
        assert option in page


def test_a_man_page_leaves_the_command_its_short_help_option() -> None:
    assert "\\-h, \\-\\-help" in described("man", "skip")
    assert CliRunner().invoke(rowmill, ["skip", "-h"]).exit_code == 0


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_man_pages_are_roff_without_a_warning(tmp_path: Path, language: str) -> None:
    described("man", "-o", str(tmp_path), "--lang", language)
    pages = sorted(tmp_path.iterdir())
    assert [one.name for one in pages] == sorted(
        ["rowmill.1", *(f"rowmill-{name}.1" for name in COMMANDS)]
    )
    done = subprocess.run(
        ["groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-Wbreak", "-z", *pages],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_asks_the_program_itself(shell: str) -> None:
    text = described("completion", shell)
    assert f"_ROWMILL_COMPLETE={shell}_complete" in text
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)


def test_all_schemas_go_into_a_folder_at_once(tmp_path: Path) -> None:
    described("schema", "-o", str(tmp_path / "schemas"))
    names = {one.name for one in (tmp_path / "schemas").iterdir()}
    assert names == {f"{one}.schema.json" for one in ("settings", *OUTPUTS, "progress")}


def test_an_unknown_name_is_a_usage_error_that_names_the_known_ones() -> None:
    for words in (["schema", "nothing"], ["manual"], ["completion", "tcsh"]):
        done = CliRunner().invoke(rowmill, ["describe", *words])
        assert done.exit_code == 2
        assert words[-1] in done.stderr
