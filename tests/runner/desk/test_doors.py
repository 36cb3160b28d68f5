"""The desk answers its own page and nobody else, and gives out nothing beside its own files."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.desks import OpenDesk, opened_desk
from tests.support.world import KEY, PICTURE, World

ACTIONS = ("sheets", "check", "models", "key", "price", "plan", "run", "standing", "steer")


@pytest.fixture
def desk(world: World) -> Iterator[OpenDesk]:
    """A desk of the world's folder with one sheet."""
    world.mock()
    world.prompts("a.csv", "a fox", "a hen")
    with opened_desk(world.folder) as found:
        yield found


def test_only_this_machines_own_name_with_the_token_is_answered(desk: OpenDesk) -> None:
    port = urlsplit(desk.url).port
    assert desk.get().status_code == 200
    assert desk.get(Host=f"localhost:{port}").status_code == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1.nip.io:{port}"):
        assert desk.get(Host=host).status_code == 400, host
        assert desk.post("do/sheets", Host=host).status_code == 400, host
    assert httpx.get(f"{desk.origin}/").status_code == 404
    assert httpx.get(f"{desk.origin}/guess/").status_code == 404


@pytest.mark.parametrize("path", [*(f"do/{name}" for name in ACTIONS), "drop", "look"])
def test_a_write_that_another_site_caused_is_refused(desk: OpenDesk, path: str) -> None:
    body = {"sheet": "a.csv"}
    for headers in (
        {"X-Rowmill-Token": ""},
        {"X-Rowmill-Token": desk.token[:-1]},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"{desk.origin}1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert desk.post(path, body, **headers).status_code == 403, headers


def test_the_page_itself_may_write(desk: OpenDesk) -> None:
    headers = {"Origin": desk.origin, "Sec-Fetch-Site": "same-origin"}
    assert desk.post("do/sheets", **headers).status_code == 200


def test_no_other_site_may_read_an_answer(desk: OpenDesk) -> None:
    for answer in (
        desk.get(Origin="https://evil.example"),
        desk.post("do/sheets"),
        httpx.options(f"{desk.url}do/sheets", headers={"Origin": "https://evil.example"}),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_the_page_loads_nothing_and_is_framed_by_nobody(desk: OpenDesk) -> None:
    answer = desk.get()
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_key_stands_in_no_answer(desk: OpenDesk) -> None:
    said = desk.get().text
    for name in ("sheets", "check", "models", "standing"):
        said += desk.post(f"do/{name}", {"sheet": "a.csv"}).text
    assert KEY not in said


def test_what_the_page_cannot_have_sent_is_turned_away(desk: OpenDesk) -> None:
    assert desk.post("do/check", b"no json").status_code == 400
    assert desk.post("do/check", [1]).status_code == 400
    assert desk.post("do/check", {"sheet": "a.csv"}, Content_Type="text/plain").status_code == 400
    assert desk.post("do/nothing").status_code == 404
    wrong: tuple[object, ...] = ([], {"model": 3}, {"columns": [1]}, {"columns": {"a": 1}})
    for choices in (*wrong, {"prompt": "@/etc/passwd"}):
        body = {"sheet": "a.csv", "choices": choices}
        assert desk.post("do/check", body).status_code == 400, choices
    assert desk.post("do/run", {"sheet": "a.csv", "choices": {}}).status_code == 400
    for kind in ("--rows=2", "done", 3):
        assert desk.post("do/plan", {"sheet": "a.csv", "failure": kind}).status_code == 400


def test_only_sheets_of_the_folder_have_a_name(desk: OpenDesk, world: World) -> None:
    (world.folder.parent / "out.csv").write_text("prompt\nx\n", encoding="utf-8")
    (world.folder / "link.csv").symlink_to(world.folder.parent / "out.csv")
    (world.folder / "notes.md").write_text("x", encoding="utf-8")
    for name in ("../out.csv", "link.csv", "notes.md", "", ".", "/etc/passwd", "a.csv\x00", 3):
        assert desk.post("do/check", {"sheet": name, "choices": {}}).status_code == 404, name


def test_files_of_a_workspace_are_given_out_and_nothing_beside_them(world: World) -> None:
    world.mock()
    sheet = world.prompts("a.csv", "a fox")
    world.run("run", sheet, *PICTURE)
    (name,) = world.files(sheet)
    workspace: Path = world.workspace(sheet).folder
    (workspace / "files" / "out").symlink_to(workspace / "jobs.db")
    with opened_desk(world.folder) as desk:
        assert desk.get(f"files/a.csv/{name}").headers["Content-Type"] == "image/png"
        assert desk.get(f"thumbs/a.csv/{name}").headers["Content-Type"] == "image/jpeg"
        for kind in ("files", "thumbs", "back"):
            for path in ("../jobs.db", "..%2fjobs.db", "%2e%2e/jobs.db", "out", "%00.png"):
                assert desk.get(f"{kind}/a.csv/{path}").status_code == 404, (kind, path)
            assert desk.get(f"{kind}/..%2f..%2fx.csv/{name}").status_code == 404
