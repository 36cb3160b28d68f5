"""A settings file beside a sheet may only set what cannot harm; the rest requires trust."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.exits import Exit
from runner.settings.file import Origin, SettingsError, SettingsFile
from runner.settings.keys import find_keys
from runner.settings.locations import find_files
from runner.settings.schema import SCHEMA, Cap, SheetFileRule
from runner.settings.settings import resolve
from runner.settings.sheet_file import powers_of
from runner.settings.toml_reader import read_file
from runner.settings.trust import distrust, is_trusted, trust
from tests.support.world import KEY, TEXT, World

FORBIDDEN = (
    '[provider.mine]\nproxy = "http://evil.example:8080"',
    '[provider.mine]\nheaders = {x = "{key}"}',
    '[provider.mine]\nkeys = [{env = "AWS_SECRET_ACCESS_KEY"}]',
    '[provider.mine]\nkeys = [{file = "/etc/passwd"}]',
    '[provider.mine]\nkeys = [{file = "../private.txt"}]',
    '[provider.mine]\nkeys = [{file = "~/.ssh/id_rsa"}]',
    '[provider.mine]\nkeys = [{command = "pass show key"}]',
    (
        '[provider.a]\nbase_url = "http://evil.example"\n'
        '[provider.b]\nkeys = [{env = "ROWMILL_API_KEY"}]'
    ),
    '[notify]\nurl = "http://169.254.169.254/latest"',
    '[notify]\nurl_env = "SECRET"',
    '[notify]\non_finish = "sh evil.sh"',
    '[defaults]\nnotify = "http://10.0.0.1/"',
    '[defaults]\non-finish = "sh evil.sh"',
    '[defaults]\nfiles-from = "/home"',
    '[defaults]\nallow-host = ["10.0.0.1"]',
    "[defaults]\nsame-sheet = true",
    "[defaults]\nagain = true",
    '[defaults]\nclass = "refused"',
    "[defaults]\nquiet = true",
    '[defaults]\noutput = "x.csv"',
    "[defaults]\nopen = true",
    '[defaults]\nworkspace = "../elsewhere"',
    '[limits]\ntimeout = "2s"',
    '[limits]\nstop_if = "failed>100%/1"',
)
ALLOWED = (
    '[defaults]\nendpoint = "chat"\nmodel = "m"\nprompt = "{{ a }}"\nprovider = "wenwen"',
    '[defaults]\nbase-url = "https://gateway.example"',
    '[provider.mine]\nbase_url = "https://gateway.example"\nrpm = 5\ntpm = 9\nconcurrency = 2',
    '[provider.wenwen]\nkeys = [{env = "ROWMILL_API_KEY"}]',
    '[provider.wenwen]\nkeys = [{file = "key.txt", account = "a"}]',
    '[columns]\nText = "prompt"',
    "[prices.m]\ncall = 1",
    '[limits]\nattempts = 3\nask_above = 10\nmax_wait = "1h"',
    '[defaults]\nmax-cost = 5\nformat = "csv"\nfirst = 2',
)


def read(folder: Path, toml: str, origin: Origin = Origin.SHEET) -> SettingsFile:
    file = folder / "rowmill.toml"
    file.write_text(toml, encoding="utf-8")
    return read_file(file, origin)


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(home))


@pytest.mark.parametrize("toml", FORBIDDEN)
def test_what_is_not_allowed_beside_a_sheet_is_refused_and_said(tmp_path: Path, toml: str) -> None:
    with pytest.raises(SettingsError, match="rowmill trust"):
        read(tmp_path, toml)
    for origin in (Origin.USER, Origin.CONFIG, Origin.TRUSTED):
        assert read(tmp_path, toml, origin).origin is origin


@pytest.mark.parametrize("toml", ALLOWED)
def test_what_shapes_requests_is_allowed_beside_a_sheet(tmp_path: Path, toml: str) -> None:
    assert read(tmp_path, toml).origin is Origin.SHEET


def test_a_link_below_the_folder_is_no_way_to_a_key_file_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "private.txt").write_text("secret")
    folder = tmp_path / "sheets"
    folder.mkdir()
    (folder / "key.txt").symlink_to(tmp_path / "private.txt")
    with pytest.raises(SettingsError, match="keys"):
        read(folder, '[provider.wenwen]\nkeys = [{file = "key.txt"}]')


def test_every_setting_that_a_sheets_file_may_give_is_on_this_list() -> None:
    allowed = {one.name for one in SCHEMA if one.in_sheet_file is SheetFileRule.ALWAYS}
    opens_something = {"files-from", "allow-host", "notify", "on-finish", "from", "export"}
    spends = {"again", "rebuy", "yes", "class", "same-sheet", "limit", "rows"}
    hides = {"quiet", "debug"}
    assert not allowed & (opens_something | spends | hides)
    stricter = {one.name for one in SCHEMA if one.in_sheet_file is SheetFileRule.STRICTER}
    assert stricter == {
        "max-cost",
        "in-doubt",
        "visible-only",
        "attempts",
        "ask_above",
        "max_wait",
        "table_wait",
    }


@pytest.mark.parametrize(
    ("toml", "remembered", "flags", "cap"),
    [
        ("max_cost = 5", {}, {}, Cap(amount=5)),
        ("max_cost = 5", {"max_cost": "0.05"}, {}, Cap(amount=0.05)),
        ('max_cost = "none"', {"max_cost": "0.05"}, {}, Cap(amount=0.05)),
        ("max_cost = 0.01", {"max_cost": "0.05"}, {}, Cap(amount=0.01)),
        ("max_cost = 0.01", {}, {"max_cost": Cap(amount=7)}, Cap(amount=7)),
        ('max_cost = "+5"', {"max_cost": "0.05"}, {}, Cap(amount=0.05)),
    ],
)
def test_a_cap_from_beside_the_sheet_counts_only_if_it_is_lower(
    tmp_path: Path, toml: str, remembered: dict[str, str], flags: dict[str, Cap], cap: Cap
) -> None:
    found = resolve(flags, {}, [read(tmp_path, f"[defaults]\n{toml}")], remembered)
    assert found.max_cost == cap


def test_limits_from_beside_the_sheet_only_get_lower(tmp_path: Path) -> None:
    lax = '[limits]\nask_above = 1000000\nattempts = 50\n[defaults]\nin-doubt = "retry"'
    found = resolve({}, {}, [read(tmp_path, lax)])
    assert (found.ask_above, found.attempts, found.in_doubt) == (200, 5, "retry")
    (notice,) = [one for one in found.notices if one.key == "notice.not_counted"]
    assert "limits.ask_above" in notice.sentence()
    strict = '[limits]\nask_above = 3\nattempts = 2\n[defaults]\nin-doubt = "hold"'
    found = resolve({}, {}, [read(tmp_path, strict)])
    assert (found.ask_above, found.attempts, found.in_doubt) == (3, 2, "hold")


def test_prices_from_beside_the_sheet_do_not_count(tmp_path: Path) -> None:
    toml = '[prices."gpt-4o"]\ncall = 0'
    found = resolve({}, {}, [read(tmp_path, toml)])
    assert found.prices == {}
    assert any("prices" in one.sentence() for one in found.notices)
    trusted = resolve({}, {}, [read(tmp_path, toml, Origin.TRUSTED)])
    assert set(trusted.prices) == {"gpt-4o"}


def test_the_environments_key_goes_only_to_an_address_that_the_person_named(tmp_path: Path) -> None:
    environ = {"ROWMILL_API_KEY": "sk-canary-4b7f1e9c2d8a6053"}
    toml = '[provider.wenwen]\nbase_url = "http://evil.example"'
    nowhere = tmp_path / "no-keys.json"
    sheet = resolve({}, environ, [read(tmp_path, toml)])
    assert (sheet.address_is_own, find_keys(sheet, environ, nowhere)) == (False, ())
    for flags, variables, origin in (
        ({"base_url": "http://mine.example"}, {}, Origin.SHEET),
        ({}, {"ROWMILL_BASE_URL": "http://mine.example"}, Origin.SHEET),
        ({}, {}, Origin.TRUSTED),
    ):
        own = resolve(flags, {**environ, **variables}, [read(tmp_path, toml, origin)])
        assert own.address_is_own
        assert len(find_keys(own, environ, nowhere)) == 1


def test_a_trusted_file_counts_as_own_until_it_changes(tmp_path: Path) -> None:
    toml = '[provider.mine]\nbase_url = "http://10.0.0.5"\nkeys = [{env = "MY_KEY"}]'
    file = tmp_path / "rowmill.toml"
    with pytest.raises(SettingsError):
        read(tmp_path, toml)
    trust(file, file.read_bytes())
    assert read_file(file, Origin.SHEET).origin is Origin.TRUSTED
    with pytest.raises(SettingsError):
        read(tmp_path, toml + "\n")
    assert not is_trusted(file, file.read_bytes())
    read(tmp_path, toml, Origin.TRUSTED)
    assert distrust(file)
    assert not distrust(file)
    with pytest.raises(SettingsError):
        read(tmp_path, toml)


def test_trust_shows_what_it_allows(tmp_path: Path) -> None:
    toml = (
        '[provider.mine]\nbase_url = "http://10.0.0.5"\nproxy = "http://p:1"\n'
        'keys = [{env = "MY_KEY"}]\n[prices.m]\ncall = 1\n[limits]\nask_above = 9'
    )
    keys = {one.key for one in powers_of(read(tmp_path, toml, Origin.TRUSTED))}
    assert keys == {
        *("provider.mine.base_url", "provider.mine.proxy", "provider.mine.keys"),
        *('prices."m"', "limits.ask_above"),
    }


# --- at the wire ----------------------------------------------------------------------------------


@contextmanager
def listener() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A server that records path and Authorization of every request."""
    seen: list[tuple[str, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            seen.append((self.path, self.headers.get("authorization") or ""))
            self.send_response(404)
            self.send_header("content-length", "0")
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - the name that http.server looks for

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def many(world: World) -> Path:
    return world.prompts("p.csv", *(f"row {number}" for number in range(300)))


@pytest.mark.parametrize("command", ["run", "doctor", "check"])
def test_nothing_reaches_an_address_that_only_a_sheets_file_names(
    world: World, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.delenv("ROWMILL_BASE_URL", raising=False)
    with listener() as (url, seen):
        world.settings(f'[provider.wenwen]\nbase_url = "{url}"', trusted=False)
        words = TEXT[:-1] if command != "doctor" else ()
        done = world.run(command, many(world), *words)
        assert done.code in (0, 3), done.err
        assert seen == []


def test_the_key_is_not_sent_even_after_a_yes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROWMILL_BASE_URL", raising=False)
    with listener() as (url, seen):
        world.settings(f'[provider.wenwen]\nbase_url = "{url}"', trusted=False)
        done = world.run("run", many(world), *TEXT)
        assert (done.code, seen) == (Exit.UNUSABLE, [])
        assert "ROWMILL_API_KEY was not sent" in done.err
        assert KEY not in done.err


def test_a_proxy_and_a_key_source_from_beside_the_sheet_send_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.mock()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-secret-canary-123")
    with listener() as (url, seen):
        for line in (f'proxy = "{url}"', 'keys = [{env = "AWS_SECRET_ACCESS_KEY"}]'):
            world.settings(f"[provider.wenwen]\n{line}", trusted=False)
            done = world.run("run", many(world), *TEXT)
            assert (done.code, done.posts, seen) == (Exit.UNUSABLE, 0, [])
            assert "rowmill trust" in done.err


def test_a_file_beside_the_sheet_takes_no_question_away(world: World) -> None:
    world.mock()
    world.settings(
        "[limits]\nask_above = 1000000\n[defaults]\nmax_cost = 1000000\n"
        '[prices."mock-text"]\ncall = 0',
        trusted=False,
    )
    done = world.run("run", many(world), *TEXT[:-1])
    assert (done.code, done.posts) == (Exit.UNUSABLE, 0), done.err


def test_the_trust_command_shows_records_and_forgets(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.mock()
    monkeypatch.setenv("OTHER", KEY)
    monkeypatch.delenv("ROWMILL_API_KEY")
    sheet = world.prompts("p.csv", "a")
    url = world.gateway.base_url if world.gateway else ""
    monkeypatch.delenv("ROWMILL_BASE_URL")
    toml = f'[provider.wenwen]\nbase_url = "{url}"\nkeys = [{{env = "OTHER"}}]'
    world.settings(toml, trusted=False)
    assert world.run("run", sheet, *TEXT).code == Exit.UNUSABLE
    told = world.run("trust", world.folder / "rowmill.toml")
    assert told.code == 0, told.err
    assert (told.code, "provider.wenwen.keys" in told.err, url in told.err) == (0, True, True)
    assert world.run("run", sheet, *TEXT).code == 0
    assert world.run("trust", "rowmill.toml", "--remove").code == 0
    assert world.run("run", sheet, *TEXT).code == Exit.UNUSABLE


def test_a_base_url_of_a_flag_is_remembered_outside_the_workspace(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.mock()
    url = world.gateway.base_url if world.gateway else ""
    monkeypatch.delenv("ROWMILL_BASE_URL")
    sheet = world.prompts("p.csv", "a", "b")
    assert world.run("run", sheet, *TEXT, "--limit", 1, "--base-url", url).code == 0
    more = world.run("run", sheet, "-y")
    assert (more.code, more.posts) == (0, 1), more.err
    for file in sheet.with_suffix(".rowmill").rglob("*"):
        assert file.name != "addresses.json"


def test_a_sheet_beside_the_persons_own_file_makes_it_no_strangers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.settings.locations.user_file", lambda: tmp_path / "rowmill.toml")
    (tmp_path / "rowmill.toml").write_text('[notify]\nurl = "https://hooks.example"')
    (found,) = find_files(tmp_path, None)
    assert found.origin is Origin.USER
