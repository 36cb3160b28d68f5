"""The command line starts fast, fails clearly and exits with its documented codes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from jobs.errors import ExpectedError, OlderTableError, TableError
from jobs.export.placing import OutputError
from jobs.loading.template import TemplateError
from jobs.lock import LockedError
from jobs.sheet.finding import Finding, SheetError
from jobs.sheet.write.writers import WriteError
from runner import cli
from runner.cli import COMMANDS, exit_of, rowmill
from runner.exits import Exit, Refusal
from runner.settings.schema import REQUEST_COMMANDS, SettingScope, options_of

ROOT = Path(cli.__file__).parents[1]
CANARY = "sk-canary0123456789wxyz"
ROWMILL = (sys.executable, "-m", "runner.cli")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # Unbuffered output would hide errors of the interpreter's last flush.
    for name in ("LC_ALL", "ROWMILL_LANG", "NO_COLOR", "PYTHONUNBUFFERED", "PYTHONIOENCODING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str, env: dict[str, str] | None = None, stdin: str = "") -> "Done":
    done = subprocess.run(
        [*ROWMILL, *words],
        input=stdin.encode(),
        capture_output=True,
        env={**os.environ, **(env or {})},
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


class Done:
    """How a process ended, and its output."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.raw = out
        self.out = out.decode(errors="replace")
        self.err = err.decode(errors="replace")


def invoked(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(rowmill, list(words), input=stdin)


def imported(*words: str) -> set[str]:
    """The top-level packages that a command line imports."""
    return {name.partition(".")[0] for name in imported_modules(*words)}


def imported_modules(*words: str) -> set[str]:
    """All modules that a command line imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "runner.cli", *words],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines[1:]}


def test_version_imports_click_and_the_standard_library_only(home: Path) -> None:
    foreign = imported("--version") - set(sys.stdlib_module_names)
    ours = {"runner", "jobs"}
    # Imports of the bare interpreter; the standard library looks for "org" under Jython.
    start = {
        "org",
        "site",
        "sitecustomize",
        "usercustomize",
        "encodings",
        "zipimport",
        "_distutils_hack",
        "apport_python_hook",
    }
    assert {one for one in foreign - ours - start if not one.startswith("__editable__")} == {
        "click"
    }


def test_help_imports_no_command_and_none_of_the_heavy_packages(home: Path) -> None:
    heavy = {"rich", "sqlalchemy", "pandas", "httpx", "aiohttp", "PIL", "platformdirs"}
    assert not imported("--help") & heavy
    assert "rowmill" in run("--version").out


LOADING = ("run", "--no-input", "-e", "chat", "-m", "some", "--base-url", "http://127.0.0.1:9")


@pytest.mark.parametrize("words", [("status",), LOADING])
def test_a_table_in_a_folder_imports_nothing_that_only_a_database_needs(
    home: Path, words: tuple[str, ...]
) -> None:
    sheet = home / "chat.csv"
    sheet.write_text("prompt\na cat\n", encoding="utf-8")
    assert run(*LOADING, str(sheet)).code == 3
    assert "waiting 1" in run("status", str(sheet)).out
    modules = imported_modules(words[0], str(sheet), *words[1:])
    assert "sqlalchemy" in modules
    for_hosts = ("sqlalchemy.dialects.postgresql", "psycopg", "fsspec", "ray")
    assert not {one for one in modules if one.startswith(for_hosts)}


def test_a_run_of_chat_rows_imports_nothing_of_other_endpoints_and_formats(home: Path) -> None:
    sheet = home / "chat.csv"
    sheet.write_text("prompt,Notes\na cat,x\n", encoding="utf-8")
    modules = imported_modules(*LOADING, str(sheet))
    assert "runner.endpoints.dialects.chat" in modules
    others = {"messages", "responses", "images", "tasks.engine", "vectors", "schema_check"}
    assert not {f"runner.endpoints.dialects.{name}" for name in others} & modules
    formats = ("jobs.sheet.workbook.workbook", "jobs.sheet.parquet", "jobs.sheet.text.records")
    endings = ("jobs.sheet.copy", "jobs.sheet.write.workbook", "jobs.export.fixes")
    assert not {one for one in modules if one.startswith(formats + endings)}


def test_alone_it_shows_lines_to_copy_and_exits_0(home: Path) -> None:
    done = run()
    assert done.code == 0
    assert "rowmill keys set wenwen" in done.out
    assert done.err == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_commands_help_begins_with_examples(home: Path, name: str) -> None:
    result = invoked(name, "--help")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "Examples:"
    assert 2 <= sum(line.startswith(f"  rowmill {name}") for line in lines) <= 3
    assert invoked(name, "-h").output == result.output


def test_help_speaks_chinese_when_asked_wherever_lang_stands(home: Path) -> None:
    assert "监听端口" in invoked("--lang", "zh", "mock", "--help").output
    assert "监听端口" in invoked("mock", "--help", "--lang=zh").output
    assert "port to listen" in invoked("mock", "--help").output


def test_an_unknown_command_names_the_near_one(home: Path) -> None:
    done = run("endpiont")
    assert done.code == 2
    assert "no command endpiont" in done.err
    assert "Did you mean endpoints?" in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("open",), "rowmill report --open"),
        (("pause", "a.csv"), "rowmill steer --pause"),
        (("resume",), "rowmill steer --resume"),
        (("stop",), "rowmill steer --until 1s"),
        (("watch",), "rowmill status --watch"),
        (("models",), "rowmill doctor --models"),
        (("version",), "rowmill --version"),
        (("help",), "rowmill --help"),
        (("help", "retry"), "rowmill retry --help"),
    ],
)
def test_words_that_people_try_are_answered_with_the_right_command(
    home: Path, words: tuple[str, ...], command: str
) -> None:
    result = invoked(*words)
    assert result.exit_code == 2
    assert f"Use: {command}" in result.stderr
    assert "Did you mean" not in result.stderr
    tried = command.split()[1:]
    if tried[-1] in ("--help", "--version"):
        assert invoked(*tried).exit_code == 0
    else:
        assert invoked(*tried).exit_code == 3, "it is a command; there is no workspace here"


def test_a_sheet_in_place_of_a_command_is_told_how_to_run(home: Path) -> None:
    (home / "a.csv").write_text("prompt\n", encoding="utf-8")
    assert "rowmill run a.csv" in run("a.csv").err


def test_an_unknown_option_names_the_near_one(home: Path) -> None:
    result = invoked("mock", "--prot", "1")
    assert result.exit_code == 2
    assert "--port" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("keys", "set", CANARY),
        ("mock", f"--api-key={CANARY}"),
        (CANARY,),
        ("--config", f"https://me:{CANARY}@host/v1", "keys", "list"),
        ("keys", "set", "https://me:hunter2@host"),
    ],
)
def test_a_key_on_the_command_line_is_refused_unprinted(home: Path, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.code == 2
    assert "rowmill keys set" in done.err
    assert CANARY not in done.out + done.err
    assert "hunter2" not in done.out + done.err
    assert not list(home.rglob("keys.json"))


def test_a_key_goes_in_by_the_pipe_and_comes_out_masked(home: Path) -> None:
    done = run("keys", "set", "wenwen", stdin=f"{CANARY}\n")
    assert (done.code, done.out) == (0, "")
    assert "https://api.wenwen-ai.com" in done.err
    listed = run("keys", "list")
    assert listed.out == "https://api.wenwen-ai.com  sk-…wxyz\n"
    assert CANARY not in done.err + listed.out + listed.err
    assert run("keys", "rm", "wenwen").code == 0
    assert run("keys", "list").out == ""


def test_no_key_given_is_refused_and_changes_nothing(home: Path) -> None:
    done = run("keys", "set", "wenwen", stdin="\n")
    assert done.code == 3
    assert "Nothing was changed" in done.err


def test_a_provider_in_a_sheets_folder_has_no_say_in_whose_key_it_is(home: Path) -> None:
    (home / "rowmill.toml").write_text(
        '[provider.wenwen]\nbase_url = "https://evil.example"', encoding="utf-8"
    )
    assert "https://api.wenwen-ai.com" in run("keys", "set", "wenwen", stdin=CANARY).err


def test_a_wrong_settings_file_exits_3_and_a_wrong_option_2(home: Path) -> None:
    (home / "my.toml").write_text("[defaults]\nmodle = 'x'", encoding="utf-8")
    done = run("keys", "list", "--config", "my.toml")
    assert done.code == 3
    assert "defaults.modle" in done.err
    assert run("mock", "--port", "x").code == 2
    assert run("mock", env={"ROWMILL_PORT": "x"}).code == 3
    assert run("keys", "list", env={"ROWMILL_CONFIG": "none.toml"}).code == 3


def test_an_unknown_variable_is_warned_about_unless_quiet(home: Path) -> None:
    env = {"ROWMILL_MODLE": "x"}
    assert "ROWMILL_MODEL" in run("keys", "rm", "wenwen", env=env).err
    assert "ROWMILL" not in run("keys", "rm", "wenwen", "-q", env=env).err


def test_output_in_gbk_cannot_fail_on_a_mark(home: Path) -> None:
    run("keys", "set", "wenwen", stdin=CANARY)
    env = {"PYTHONIOENCODING": "gbk", "ROWMILL_LANG": "zh"}
    assert run("keys", "list", env=env).raw.decode("gbk").strip().endswith("sk-…wxyz")
    script = (
        "from runner.console import screen\nscreen.prepare()\nscreen.print_data('✓ 完成 🐱')\n"
        "screen.console(__import__('sys').stdout).print('✓ rich', '完成')\nscreen.print_data('ok')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, env={**os.environ, **env}, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.decode("gbk").splitlines() == ["+ 完成 ?", "+ rich 完成", "ok"]
    ascii_only = run("keys", "list", env={"PYTHONIOENCODING": "ascii"})
    assert ascii_only.out.strip().endswith("sk-...wxyz")


@pytest.mark.parametrize("lines", [3, 200_000])
def test_a_reader_that_has_seen_enough_is_no_error(home: Path, lines: int) -> None:
    script = f"""
import click, sys
from runner import cli
from runner.console import screen
@click.command()
def many():
    screen.print_data("first")
    sys.stdout.flush()
    sys.stdin.read()
    for number in range({lines}):
        screen.print_data(str(number))
cli.rowmill.get_command = lambda ctx, name: many
cli.rowmill.main(["keys"])
"""
    writer = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert writer.stdin
    assert writer.stdout
    assert writer.stderr
    assert writer.stdout.readline() == b"first\n"
    writer.stdout.close()
    writer.stdin.close()  # now it writes with no reader
    said = writer.stderr.read()
    writer.stderr.close()
    assert writer.wait(timeout=60) == 0
    assert said == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_under_stdout_is_output_trouble(home: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*ROWMILL, "--help"], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert done.returncode == Exit.OUTPUT
    assert b"could not be written" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals are sent by number")
def test_the_mock_answers_at_the_port_it_names_until_ctrl_c(home: Path) -> None:
    mock = subprocess.Popen(
        [*ROWMILL, "mock", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert mock.stdout is not None
    line = mock.stdout.readline().decode()
    assert "http://127.0.0.1:" in line
    mock.send_signal(signal.SIGINT)
    out, err = mock.communicate(timeout=60)
    assert mock.returncode == Exit.INTERRUPTED
    assert out == b""
    assert b"Traceback" not in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refusal("no"), 3),
        (Refusal("busy", code=Exit.BUSY), 8),
        (click.UsageError("?"), 2),
        (click.Abort(), 130),
        (KeyboardInterrupt(), 130),
        (RuntimeError("bug"), 1),
    ],
)
def test_every_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert exit_of(error) == code


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (LockedError, Exit.BUSY),
        (SheetError, Exit.UNUSABLE),
        (TemplateError, Exit.UNUSABLE),
        (TableError, Exit.UNUSABLE),
        (OlderTableError, Exit.UNUSABLE),
        (OutputError, Exit.OUTPUT),
        (WriteError, Exit.BUG),
    ],
)
def test_errors_of_rooms_below_say_what_they_are_about(
    kind: type[ExpectedError], code: Exit
) -> None:
    parts: dict[str, object] = {"path": None, "kind": "table_none", "values": {}}
    parts |= {"findings": (), "finding": Finding(kind="why", severity="error")}
    silent = {"__init__": lambda _: None, "__str__": lambda _: "why"}
    plain = type("Plain", (kind,), {**silent, **parts})
    assert exit_of(plain()) == code


def test_a_bug_is_told_shortly_and_shows_neither_locals_nor_keys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        private = "a-local-value"
        raise RuntimeError(f"with {CANARY}" if private else "")

    for debug in (False, True):
        with pytest.raises(RuntimeError) as caught:
            fail()
        assert exit_of(caught.value, debug=debug) == 1
        err = capsys.readouterr().err
        assert "RuntimeError" in err
        assert ("Traceback" in err) is debug
        assert CANARY not in err
        assert "a-local-value" not in err.replace('private = "a-local-value"', "")


def test_a_refusals_lines_are_kept_and_made_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    exit_of(Refusal("row 3: \x1b[2J\nrow 4: bad"))
    assert capsys.readouterr().err == "Error: row 3: \\x1b[2J\nrow 4: bad\n"


def test_run_has_the_options_of_the_product_and_no_others() -> None:
    names = {one.name for one in options_of("run")}
    assert names == {
        "endpoint", "model", "prompt", "set", "column", "id", "tab", "encoding", "delimiter",
        "provider", "base-url", "limit", "rows", "skip-bad", "visible-only", "same-sheet",
        "rebuy", "workspace", "lane", "online-from", "submit-only",
        "name", "files", "results", "files-from", "allow-host", "db", "move-table", "on", "hosts",
        "concurrency", "rpm", "tpm", "max-cost",
        "until", "pilot", "in-doubt", "ok-if-failed", "progress", "json", "yes", "no-input",
        "notify", "on-finish",
    }  # fmt: skip
    shorts = {one.short: one.name for one in options_of("run") if one.short}
    assert shorts == {
        "e": "endpoint", "m": "model", "p": "prompt", "c": "concurrency", "y": "yes"
    }  # fmt: skip
    for name in REQUEST_COMMANDS:
        assert all(SettingScope.FLAG in one.scopes for one in options_of(name))


def test_options_after_the_command_become_settings(home: Path) -> None:
    from runner.console import options  # noqa: PLC0415 - its import is under test

    def show() -> None:
        found = options.settings()
        click.echo(json.dumps([found.model, dict(found.set), list(found.allow_host), found.debug]))
        click.echo(json.dumps([dict(found.column), found.limit, found.sources["limit"]]))

    command = options.command("run", examples=())(show)
    words = ["-m", "m", "--set", "a=1", "--set", "b=x=y", "--debug", "--limit", "5"]
    words += ["--allow-host", "h:1", "--allow-host", "i"]
    result = CliRunner().invoke(command, [*words, "--column", "风格=style"], env={"LIMIT": "1"})
    assert result.exit_code == 0, result.output
    first, second = map(json.loads, result.stdout.splitlines())
    assert first == ["m", {"a": "1", "b": "x=y"}, ["h:1", "i"], True]
    assert second == [{"风格": "style"}, 5, "flag"]


def test_endpoints_are_listed_and_shown(home: Path) -> None:
    listed = json.loads(invoked("endpoints", "--json").stdout)
    assert listed["schema"] == 1
    names = [one["name"] for one in listed["endpoints"]]
    assert "chat-image" in names
    assert invoked("endpoints").stdout.count("\n") == len(names)
    assert "prompt" in invoked("endpoints", "chat-image").stdout
    wrong = invoked("endpoints", "chat-imge")
    assert wrong.exit_code == 3
    assert "Did you mean chat-image?" in wrong.stderr


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ret"], {"retry"}),
        (["run", "--rp"], {"--rpm"}),
        (["run", "-e", "chat"], {"chat", "chat-image"}),
        (["run", "a.csv", "--in-doubt", "h"], {"hold"}),
    ],
)
def test_a_shell_is_offered_what_may_follow(
    monkeypatch: pytest.MonkeyPatch, words: list[str], offered: set[str]
) -> None:
    monkeypatch.setenv("_ROWMILL_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(["rowmill", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    done = CliRunner().invoke(rowmill, [])
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == offered


@pytest.mark.parametrize("words", [("-m",), ("--max-cost", "-y"), ("--max-cost",), ("--lang",)])
def test_an_option_without_its_value_is_a_usage_error_and_never_left_out(
    home: Path, words: tuple[str, ...]
) -> None:
    done = invoked("run", "prompts.csv", *words)
    assert done.exit_code == 2
    assert words[0] in done.stderr


@pytest.mark.parametrize("command", ["check", "rehearse", "retry", "mock", "serve"])
def test_the_options_of_one_command_only_come_last_under_one_heading(
    home: Path, command: str
) -> None:
    help_text = invoked(command, "--help").output
    headings = [line for line in help_text.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings.count("Options:") == 1
    assert headings[-1] == "Options:"
    assert "<=" not in help_text, "click's own notation of a range"


@pytest.mark.parametrize("words", [("--debug", "status"), ("status", "--debug")])
def test_debug_shows_where_a_fault_happened_wherever_it_stands(
    home: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def broken(_named: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("runner.commands.status.find_workspace", broken)
    result = invoked(*words)
    assert result.exit_code == 1
    assert "Traceback" in result.output
