"""Settings override each other in a fixed order, and wrong values are refused."""

import itertools
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from runner.cli import rowmill
from runner.console.options import RowmillOption
from runner.exits import Exit, worst
from runner.settings.file import Origin, SettingsError, SettingsFile
from runner.settings.locations import find_files
from runner.settings.schema import (
    ONE_COMMAND_OPTIONS,
    SCHEMA,
    SettingScope,
    StopIf,
    Tolerance,
    Value,
)
from runner.settings.settings import Settings, resolve
from runner.settings.toml_reader import read_file
from runner.settings.values import InvalidValueError, read_base_url, read_value, site

BY_NAME = {one.name: one for one in SCHEMA}


def file_of(tmp_path: Path, toml: str, origin: Origin = Origin.USER) -> SettingsFile:
    folder = tmp_path / origin.name.lower()
    folder.mkdir(exist_ok=True)
    (folder / "rowmill.toml").write_text(toml, encoding="utf-8")
    return read_file(folder / "rowmill.toml", origin)


def test_every_setting_has_its_place_in_settings() -> None:
    schema = {one.field for one in SCHEMA}
    own = {
        *("prices", "tasks", "notify_section", "settings_files", "own_files", "sources", "notices"),
        *("address_is_own", "by_flag"),
    }
    assert {one.name for one in fields(Settings)} == schema | own


def test_the_stronger_place_wins_in_every_combination(tmp_path: Path) -> None:
    sheet = file_of(tmp_path, '[defaults]\nmodel = "sheet file"', Origin.SHEET)
    user = file_of(tmp_path, '[defaults]\nmodel = "user file"', Origin.USER)
    places = ("flag", "environment", "sheet file", "user file", "remembered")
    for present in itertools.product((True, False), repeat=5):
        there = dict(zip(places, present, strict=True))
        flags: dict[str, Value] = {"model": "flag"} if there["flag"] else {}
        settings = resolve(
            flags,
            {"ROWMILL_MODEL": "environment"} if there["environment"] else {},
            [one for one in (sheet, user) if there[str(one.origin)]],
            {"model": "remembered"} if there["remembered"] else {},
        )
        winner = next((place for place in places if there[place]), None)
        assert settings.model == winner
        assert settings.sources["model"] == (winner or "default")


def test_wenwen_is_built_in_and_the_default() -> None:
    settings = resolve({}, {})
    assert (settings.provider.name, settings.base_url) == ("wenwen", "https://api.wenwen-ai.com")
    assert settings.provider.base_url == settings.base_url
    assert settings.concurrency == 8


def test_a_providers_numbers_beat_the_defaults_of_its_file_and_lose_to_a_flag(
    tmp_path: Path,
) -> None:
    toml = '[defaults]\nconcurrency = 3\nprovider = "own"\n'
    toml += '[provider.own]\nbase_url = "http://localhost:3000/v1/"\nconcurrency = 5\nrpm = 60\n'
    file = file_of(tmp_path, toml + 'tpm = 1000\nproxy = "http://me:pw@proxy:1"')
    settings = resolve({}, {}, [file])
    assert (settings.concurrency, settings.rpm, settings.tpm) == (5, 60, 1000)
    assert settings.base_url == "http://localhost:3000"
    assert "pw" not in repr(settings)
    assert resolve({"concurrency": 2}, {}, [file]).concurrency == 2
    moved = resolve({"base_url": "https://other.example"}, {}, [file])
    assert moved.provider.base_url == moved.base_url == "https://other.example"


def test_pairs_are_merged_pair_by_pair_and_an_empty_one_takes_back(tmp_path: Path) -> None:
    toml = '[defaults]\nset = {size = "1x1", n = 2}\n[columns]\n"风格" = "style"'
    settings = resolve(
        {"set": {"quality": "hd", "old": ""}},
        {"ROWMILL_SET": "size=2x2"},
        [file_of(tmp_path, toml)],
        {"set": {"old": "kept", "seed": "7"}, "column": {"Titel": "prompt"}},
    )
    assert settings.set == {"quality": "hd", "size": "2x2", "n": "2", "seed": "7"}
    assert settings.column == {"风格": "style", "Titel": "prompt"}
    assert settings.sources["set"] == "flag"


def test_options_that_shape_requests_are_remembered_and_no_others() -> None:
    flags: dict[str, Value] = {"model": "m", "set": {"n": "1"}, "limit": 3, "base_url": "http://h"}
    settings = resolve({**flags, "provider": "wenwen"}, {})
    kept = settings.to_remember()
    assert kept == {
        "model": "m",
        "set": {"n": "1"},
        "provider": "wenwen",
        "by_flag": ["model", "provider", "set.n"],
    }
    again = resolve({}, {}, (), kept)
    assert (again.model, again.sources["model"]) == ("m", "remembered")
    remembered = {one.name for one in SCHEMA if SettingScope.REMEMBERED in one.scopes}
    assert remembered == {
        "endpoint", "model", "prompt", "set", "column", "id", "tab", "delimiter", "provider",
        "name", "max-cost", "visible-only", "lane"
    }  # fmt: skip


def test_a_remembered_flag_ranks_as_a_flag_and_other_remembered_options_come_last() -> None:
    kept = resolve({"model": "by flag"}, {"ROWMILL_ENDPOINT": "chat"}).to_remember()
    environ = {"ROWMILL_MODEL": "by variable", "ROWMILL_ENDPOINT": "image"}
    again = resolve({}, environ, (), kept)
    assert (again.model, again.sources["model"]) == ("by flag", "remembered")
    assert (again.endpoint, again.sources["endpoint"]) == ("image", "environment")
    assert resolve({"model": "new"}, environ, (), kept).model == "new"


def test_pairs_keep_their_rank_one_by_one() -> None:
    kept = resolve({"set": {"n": "1"}}, {"ROWMILL_SET": "seed=5"}).to_remember()
    again = resolve({}, {"ROWMILL_SET": "n=2\nseed=6"}, (), kept)
    assert again.set == {"n": "1", "seed": "6"}
    assert again.by_flag == {"set.n"}


def test_a_column_that_is_kept_out_of_requests_is_remembered() -> None:
    kept = resolve({"column": {"Style": ""}}, {}).to_remember()
    assert resolve({}, {}, (), kept).column == {"Style": ""}
    assert resolve({"column": {"Style": "style"}}, {}, (), kept).column == {"Style": "style"}


@pytest.mark.parametrize("name", ["YES", "ROWS", "LIMIT", "REBUY"])
def test_consent_never_comes_from_the_environment_or_a_file(tmp_path: Path, name: str) -> None:
    settings = resolve({}, {f"ROWMILL_{name}": "1"})
    assert not getattr(settings, name.lower())
    assert [one.key for one in settings.notices] == ["notice.by_hand"]
    with pytest.raises(SettingsError, match=f"--{name.lower()}"):
        file_of(tmp_path, f"[defaults]\n{name.lower()} = 1")


def test_every_option_has_a_variable_but_those_that_consent_or_act() -> None:
    context = click.Context(rowmill)
    commands = [rowmill.get_command(context, name) for name in rowmill.list_commands(context)]
    told = {
        param.long
        for command in commands
        if command is not None
        for param in command.params
        if isinstance(param, RowmillOption)
    }
    assert told == set(ONE_COMMAND_OPTIONS)
    by_hand = {one.name for one in SCHEMA if SettingScope.ENV not in one.scopes and one.commands}
    assert by_hand == {"yes", "rows", "limit", "rebuy", "pause", "resume", "move-table"}
    assert BY_NAME["class"].variable == "ROWMILL_CLASS"


def test_an_unknown_variable_is_warned_about_with_what_was_meant() -> None:
    settings = resolve({}, {"ROWMILL_MODLE": "x", "ROWMILL_ZZZZ": "y", "ROWMILL_API_KEY": "k"})
    assert [one.key for one in settings.notices] == ["notice.unknown_near", "notice.unknown"]
    assert "ROWMILL_MODEL" in settings.notices[0].sentence()


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[defalts]\nmodel = 1", ["defalts", "defaults"]),
        ('[defaults]\nmodle = "x"', ["defaults.modle", "model"]),
        ("[defaults]\nmodel = 5", ["defaults.model", "text", "found: 5"]),
        ('[defaults]\nconcurrency = "many"', ["defaults.concurrency", "whole number", "many"]),
        ("[defaults]\nskip-bad = 1", ["defaults.skip-bad", "true or false"]),
        ('[defaults]\nin-doubt = "maybe"', ["retry, hold", "maybe"]),
        ("[limits]\nattempts = 0", ["limits.attempts", "whole number"]),
        ('[limits]\nstop_if = "often"', ["limits.stop_if", "failed>20%/50"]),
        ("[limits]\nretries = 3", ["limits.retries", "attempts"]),
        ("provider = 3", ["provider", "table"]),
        ('[provider.x]\nbase_url = "api.example.com"', ["provider.x.base_url", "https://"]),
        ("[provider.x]\nurl = 1", ["provider.x.url", "base_url"]),
        ("[provider.x]\nrpm = 1.5", ["provider.x.rpm"]),
        ('[provider.x]\nkeys = ["sk-x"]', ["provider.x.keys[1]"]),
        ('[provider.x]\nkeys = [{env = "A", file = "b"}]', ["provider.x.keys[1]"]),
        ("[prices.m]\ncall = -1", ['prices."m".call', "from 0"]),
        ("[prices.m]\nimage = 1", ['prices."m".image', "picture"]),
        ("[notify]\nmail = 1", ["notify.mail"]),
        ("[columns]\na = 1", ["columns.a", "text"]),
        ("not toml", ["not valid TOML", "line 1"]),
    ],
)
def test_a_wrong_settings_file_names_file_key_expected_and_found(
    tmp_path: Path, toml: str, words: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        file_of(tmp_path, toml)
    assert caught.value.code == Exit.UNUSABLE
    for word in [*words, "rowmill.toml"]:
        assert word in caught.value.message


@pytest.mark.parametrize(
    "toml",
    [
        '[provider.x]\nbase_url = "https://me:hunter2secret@h"',
        '[provider.x]\nkeys = ["hunter2secret"]',
        '[provider.x]\nkeys = "hunter2secret"',
        'x = "hunter2secret',
        '[defaults]\nbase-url = "https://me:hunter2secret@h"',
    ],
)
def test_what_may_be_a_secret_is_not_shown_when_it_is_wrong(tmp_path: Path, toml: str) -> None:
    with pytest.raises(SettingsError) as caught:
        file_of(tmp_path, toml)
    assert "hunter2secret" not in caught.value.message


@pytest.mark.parametrize(
    "toml",
    [
        '[provider.wenwen]\nbase_url = "https://evil.example"\nkeys = [{env = "A"}]',
        '[defaults]\nbase-url = "https://evil.example"\n[provider.x]\nkeys = [{env = "A"}]',
        '[provider.wenwen]\nkeys = [{command = "sh evil.sh"}]',
        '[defaults]\nfiles-from = "/home"',
        '[defaults]\nallow-host = ["10.0.0.1"]',
        '[notify]\non_finish = "sh evil.sh"',
    ],
)
def test_a_file_beside_the_sheet_may_not_open_what_a_file_of_ones_own_may(
    tmp_path: Path, toml: str
) -> None:
    with pytest.raises(SettingsError):
        file_of(tmp_path, toml, Origin.SHEET)
    file_of(tmp_path, toml, Origin.USER)
    file_of(tmp_path, toml, Origin.CONFIG)


def test_a_base_url_from_beside_the_sheet_is_told(tmp_path: Path) -> None:
    toml = '[provider.wenwen]\nbase_url = "http://gate.example"'
    settings = resolve({}, {}, [file_of(tmp_path, toml, Origin.SHEET)])
    assert [one.key for one in settings.notices] == ["notice.url_from_sheet", "notice.no_tls"]


def test_a_prompt_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("\ufeffA {{ name }}\n", encoding="utf-8")
    assert resolve({"prompt": f"@{tmp_path / 'p.txt'}"}, {}).prompt == "A {{ name }}"
    with pytest.raises(SettingsError, match=r"none\.txt"):
        resolve({"prompt": f"@{tmp_path / 'none.txt'}"}, {})
    user = file_of(tmp_path, '[defaults]\nprompt = "@../p.txt"\nset = {system = "@../p.txt"}')
    assert resolve({}, {}, [user]).set == {"system": "A {{ name }}"}
    sheet = file_of(tmp_path, '[defaults]\nprompt = "@../p.txt"', Origin.SHEET)
    with pytest.raises(SettingsError, match="outside"):
        resolve({}, {}, [sheet])


def test_paths_in_a_settings_file_count_from_its_folder(tmp_path: Path) -> None:
    file = file_of(tmp_path, '[defaults]\nworkspace = "ws"\nfiles-from = ["pics"]')
    settings = resolve({}, {}, [file])
    assert settings.workspace == tmp_path / "user" / "ws"
    assert settings.files_from == (tmp_path / "user" / "pics",)


def test_prices_and_limits_are_read(tmp_path: Path) -> None:
    toml = '[prices."gpt-4o"]\ninput = 2.5\noutput = 10\ncurrency = "cny"\n'
    toml += '[limits]\nattempts = 3\ntimeout = "10m"\nstop_if = "failed>20%/50"\nmax_wait = 90'
    settings = resolve({}, {}, [file_of(tmp_path, toml)])
    price = settings.prices["gpt-4o"]
    assert (price.input, price.output, price.call, price.currency) == (2.5, 10, None, "CNY")
    assert (settings.attempts, settings.timeout, settings.max_wait) == (3, 600, 90)
    assert settings.stop_if == StopIf(percent=20, window=50)


def test_a_provider_without_a_base_url_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="wenwen"):
        resolve({"provider": "nobody"}, {})


def test_config_replaces_the_files_that_would_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "rowmill.toml").write_text('[defaults]\nmodel = "beside"', encoding="utf-8")
    (tmp_path / "my.toml").write_text('[defaults]\nmodel = "mine"', encoding="utf-8")
    assert [one.origin for one in find_files(tmp_path, None)] == [Origin.SHEET]
    found = find_files(tmp_path, tmp_path / "my.toml")
    assert resolve({}, {}, found).model == "mine"
    with pytest.raises(SettingsError, match=r"none\.toml"):
        find_files(tmp_path, tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("rows", "3,7, 10-20", ((3, 3), (7, 7), (10, 20))),
        ("ok-if-failed", "5%", Tolerance(percent=5)),
        ("ok-if-failed", "12", Tolerance(rows=12)),
        ("column", ["a=b=prompt"], {"a=b": "prompt"}),
        ("set", ["system=a=b"], {"system": "a=b"}),
        ("allow-host", "A.example:8080, [::1]:80", ("a.example:8080", "[::1]:80")),
        ("max_wait", "1.5h", 5400.0),
        ("lost_after", "3s", 3.0),
        ("port", "0", 0),
        ("json", "off", False),
    ],
)
def test_values_are_read(name: str, raw: Any, value: Any) -> None:
    assert read_value(BY_NAME[name], raw) == value


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("rows", "0"), ("rows", "9-3"), ("rows", ""), ("rows", "３"), ("ok-if-failed", "101%"),
        ("column", ["prompt"]), ("set", ["=x"]), ("limit", "-1"), ("limit", "1e3"),
        ("limit", True), ("port", "65536"), ("allow-host", "http://x"), ("max_wait", "0"),
        ("max_wait", float("nan")), ("lost_after", "2.9"), ("ask_above", float("inf")),
    ],
)  # fmt: skip
def test_values_that_cannot_be_meant_are_refused(name: str, raw: Any) -> None:
    with pytest.raises(InvalidValueError):
        read_value(BY_NAME[name], raw)


def test_a_base_url_has_one_spelling_and_a_site() -> None:
    assert read_base_url("https://API.Example.com/v1/") == "https://api.example.com"
    assert read_base_url("http://h:80/sub/v1") == "http://h:80/sub"
    assert read_base_url("https://h/api/v3/") == "https://h/api/v3"
    assert site("https://API.example.com:443/x") == "https://api.example.com"
    assert site("http://[::1]:3000") == "http://[::1]:3000"
    for wrong in ("ftp://h", "https://u:p@h", "https://", "https://h:x", "https://h?key=b", 5, " "):
        with pytest.raises(InvalidValueError):
            read_base_url(wrong)


def test_some_rows_may_fail() -> None:
    assert Tolerance(percent=5).allows(5, 100)
    assert not Tolerance(percent=5).allows(6, 100)
    assert Tolerance(rows=2).allows(2, 3)
    assert not Tolerance().allows(1, 9)


def test_of_several_exit_codes_the_worst_is_told() -> None:
    order = [1, 7, 8, 6, 5, 4, 0]
    for position, code in enumerate(order):
        assert worst(Exit(one) for one in order[position:]) == code
    assert worst([]) == 0
    assert worst([Exit.SOME_FAILED, Exit.INTERRUPTED]) == 130
