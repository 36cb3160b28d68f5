"""A key is bound to one site, readable by its owner only, and never printed."""

import base64
import os
import pickle
import stat
import sys
import traceback
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import secret
from runner.exits import Refusal
from runner.secret import Secret, base64_forms, holds_secret, redacted
from runner.settings.file import Origin
from runner.settings.keys import (
    KeyRefusal,
    clean_key,
    find_key,
    new_key,
    remove_key,
    store_key,
    stored_keys,
    url_of,
)
from runner.settings.settings import Settings, resolve
from runner.settings.toml_reader import read_file

CANARY = "sk-canary0123456789wxyz"
WENWEN = "https://api.wenwen-ai.com"


def told(tmp_path: Path, toml: str, origin: Origin = Origin.USER, url: str = "") -> Settings:
    path = tmp_path / f"{origin.name.lower()}.toml"
    path.write_text(toml, encoding="utf-8")
    return resolve({"base_url": url} if url else {}, {}, [read_file(path, origin)])


def test_a_secret_shows_nothing_but_its_ends() -> None:
    secret = Secret(CANARY)
    for text in (str(secret), repr(secret), f"{secret}", f"{secret!r}", f"{[secret]}"):
        assert CANARY not in text
        assert "sk-…wxyz" in text
    assert str(Secret("short")) == "…"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize(
    ("key", "telling"),
    [
        ("sk-a1b2c3", True), ("my-own-long-gateway-key", True), ("87654321", True),
        ("ollama", False), ("lm-studio", False), ("1234567", False), ("", False),
    ],
)  # fmt: skip
def test_a_word_that_may_stand_anywhere_does_not_tell_of_a_key(key: str, telling: bool) -> None:
    assert Secret(key).is_distinctive == telling
    assert ("[key]" in redacted(f"with {key} in it")) == telling


PIECES = [
    "sk-",
    "PK-",
    "rk-",
    "AIza",
    "Bearer",
    "BEARER",
    "://",
    "http",
    "postgresql://",
    "?password=",
    "me:pw",
    "@",
    "/",
    "abcdefghij1234567890",
    "ſK-",
    "İ",
    "-",
]


@given(st.lists(st.sampled_from([*PIECES, " ", "\t", "x" * 31])).map("".join))
def test_redacted_leaves_nothing_that_looks_like_a_secret(text: str) -> None:
    with patch.object(secret, "_known_values", set()):  # keys of other tests in this process
        shown = redacted(text)
    assert (shown != text) == holds_secret(text)
    assert not holds_secret(shown.replace("[key]", "").replace("[hidden]", ""))


def test_redacted_finds_live_secrets_key_words_and_url_passwords() -> None:
    Secret("plain/secret+value")
    assert redacted("a plain/secret+value b") == "a [key] b"
    assert redacted("q=plain%2Fsecret%2Bvalue") == "q=[key]"
    assert redacted("Bearer abcdefghijklmnop1234") == "[key]"
    assert redacted("https://me:pw@host/x") == "https://[hidden]@host/x"


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("sk-proj-Ab12Cd34Ef56Gh78", True),
        ("--api-key=sk-1234567890abcdef", True),
        ("https://user:pw@host/v1", True),
        ("https://sk0123456789abcdef0123@host", True),
        ("https://api.example.com/v1", False),
        ("postgresql://team:pw@db/jobs", True),
        ("postgresql://team:p/w#x@db/jobs", True),
        ("postgres://team:12345@db/jobs", True),
        ("postgresql+psycopg://team:pw@db/jobs", True),
        ("postgresql://team@db/jobs?sslmode=require&password=pw", True),
        ("postgresql://team@db/jobs?sslpassword=pw", True),
        ("postgresql://a_long_name_of_a_team@db:5432/jobs?sslmode=require#主图.xlsx", False),
        ("postgresql://db:5432/jobs#a@b.xlsx", False),
        ("postgresql:///jobs?service=team", False),
        ("a task-management-dashboard-2024 design", False),
        ("risk-adjusted-return-2024-report", False),
        ("sk-learn-like-look", False),
        ("mail me@example.com: hello", False),
    ],
)
def test_what_looks_like_a_key_is_known(text: str, held: bool) -> None:
    assert holds_secret(text) is held


def test_a_stored_key_is_found_for_its_site_only(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "keys.json"
    store_key(f"{WENWEN}/v1", Secret(CANARY), file)
    assert find_key(resolve({}, {}), {}, file) == Secret(CANARY)
    for other in ("http://api.wenwen-ai.com", f"{WENWEN}:8443", "https://evil.example"):
        assert find_key(resolve({"base_url": other}, {}), {}, file) is None
    assert find_key(resolve({"base_url": f"{WENWEN}:443"}, {}), {}, file) == Secret(CANARY)


@pytest.mark.skipif(os.name != "posix", reason="modes are a POSIX matter")
def test_the_key_file_is_closed_to_others_under_any_umask(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "keys.json"
    before = os.umask(0)
    try:
        store_key(WENWEN, Secret(CANARY), file)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [one.name for one in file.parent.iterdir()] == ["keys.json"]
    file.chmod(0o644)
    with pytest.raises(Refusal, match="chmod 600"):
        stored_keys(file)


def test_a_removed_key_is_gone_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    store_key(WENWEN, Secret(CANARY), file)
    store_key("http://localhost:3000", Secret("local-key-1"), file)
    assert remove_key(WENWEN, file)
    assert not remove_key(WENWEN, file)
    assert stored_keys(file) == {"http://localhost:3000": Secret("local-key-1")}


def test_a_damaged_key_file_is_refused_without_its_text(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(f'{{"keys": {{"{WENWEN}": "{CANARY}"', encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(Refusal) as caught:
        stored_keys(file)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_the_environment_beats_entries_which_beat_stored_keys(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    store_key(WENWEN, Secret("stored-key"), file)
    settings = told(tmp_path, '[provider.wenwen]\nkeys = [{env = "NONE"}, {env = "MINE"}]')
    environ = {"MINE": " entry-key\n", "ROWMILL_API_KEY": "environment-key"}
    assert find_key(settings, environ, file) == Secret("environment-key")
    environ.pop("ROWMILL_API_KEY")
    assert find_key(settings, environ, file) == Secret("entry-key")
    assert find_key(settings, {}, file) == Secret("stored-key")


def test_a_key_may_come_from_a_file_or_a_command(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("\n file-key \nsecond line\n", encoding="utf-8")
    settings = told(tmp_path, '[provider.wenwen]\nkeys = [{file = "key.txt", account = "a"}]')
    assert find_key(settings, {}, tmp_path / "none") == Secret("file-key")
    script = tmp_path / "give.py"
    script.write_text("print('command-key')", encoding="utf-8")
    toml = f"[provider.wenwen]\nkeys = [{{command = '{sys.executable} {script}'}}]"
    assert find_key(told(tmp_path, toml), {}, tmp_path / "none") == Secret("command-key")


def test_a_command_that_fails_is_named_without_what_it_printed(tmp_path: Path) -> None:
    script = tmp_path / "fail.py"
    script.write_text(f"print('{CANARY}'); raise SystemExit(3)", encoding="utf-8")
    toml = f"[provider.wenwen]\nkeys = [{{command = '{sys.executable} {script}'}}]"
    with pytest.raises(Refusal, match="exit code 3") as caught:
        find_key(told(tmp_path, toml), {}, tmp_path / "none")
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_keys_of_the_users_file_do_not_follow_a_base_url_from_beside_the_sheet(
    tmp_path: Path,
) -> None:
    user = tmp_path / "user.toml"
    user.write_text('[provider.wenwen]\nkeys = [{env = "MINE"}]', encoding="utf-8")
    beside = tmp_path / "rowmill.toml"
    beside.write_text('[provider.wenwen]\nbase_url = "https://evil.example"', encoding="utf-8")
    files = [read_file(beside, Origin.SHEET), read_file(user, Origin.USER)]
    settings = resolve({}, {}, files)
    assert settings.base_url == "https://evil.example"
    assert find_key(settings, {"MINE": CANARY}, tmp_path / "none") is None


def test_keys_do_not_follow_a_base_url_given_by_flag(tmp_path: Path) -> None:
    toml = '[provider.own]\nbase_url = "https://own.example"\nkeys = [{env = "MINE"}]\n'
    toml += '[defaults]\nprovider = "own"'
    assert find_key(told(tmp_path, toml), {"MINE": CANARY}, tmp_path / "none") is not None
    moved = told(tmp_path, toml, url="https://other.example")
    assert find_key(moved, {"MINE": CANARY}, tmp_path / "none") is None


def test_what_people_copy_along_with_a_key_is_dropped() -> None:
    assert clean_key(f' "Bearer {CANARY}"\n') == Secret(CANARY)
    for wrong in ("", "  ", "two words", "ключ", "a\nb"):
        with pytest.raises(Refusal):
            clean_key(wrong)


def test_a_provider_or_a_base_url_says_whose_key_it_is(tmp_path: Path) -> None:
    path = tmp_path / "user.toml"
    path.write_text('[provider.own]\nbase_url = "https://own.example/v1/"', encoding="utf-8")
    files = (read_file(path, Origin.USER),)
    assert url_of("own", files) == "https://own.example"
    assert url_of("wenwen", files) == WENWEN
    assert url_of("http://LOCALHOST:3000/v1", files) == "http://localhost:3000"
    with pytest.raises(Refusal, match=r"own, .*wenwen"):
        url_of("wenwne", files)


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_a_key_inside_base64_is_masked_at_any_offset(offset: int) -> None:
    key = Secret("sk-canary-4b7f1e9c2d8a6053")
    inside = b"x" * offset + key.reveal().encode() + b"tail"
    packed = base64.b64encode(inside)
    left = key.taken_out_of(b'{"a": "' + packed + b'"}', b"...")
    assert not any(form.encode() in left for form in base64_forms(key.reveal()))
    assert packed not in left
    assert redacted(packed.decode()) != packed.decode()


def test_a_key_in_json_escapes_is_masked() -> None:
    key = Secret("sk-canary-4b7f1e9c2d8a6053")
    escaped = "".join(f"\\u{ord(one):04X}" for one in key.reveal()).encode()
    half = b"sk-canary-4b7f" + "".join(f"\\u{ord(one):04x}" for one in "1e9c2d8a6053").encode()
    assert key.taken_out_of(b'"%b %b"' % (escaped, half), b"...") == b'"... ..."'


def test_an_address_that_is_refused_as_a_key_is_not_masked_from_then_on() -> None:
    with pytest.raises(KeyRefusal):
        new_key("https://gateway-of-mine.example/v1")
    assert redacted("see https://gateway-of-mine.example/v1") == (
        "see https://gateway-of-mine.example/v1"
    )
