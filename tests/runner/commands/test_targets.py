"""Commands read files from a target and write results to any address."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from runner.report.server import LivePage
from runner.workspace.target import open_target
from runner.workspace.workspace import Workspace
from tests.runner.commands.test_serve import get, served
from tests.support.browser import Browser, Sight
from tests.support.s3 import BUCKET, S3Server, running_s3
from tests.support.world import PICTURE, TEXT, World, read_workbook

TARGET = f"s3://{BUCKET}/jobs"


@pytest.fixture
def s3() -> Iterator[S3Server]:
    with running_s3() as server:
        yield server


def on_target(world: World, sheet: Path) -> Workspace:
    """The workspace of a sheet whose run put its files on the target."""
    done = world.run("run", sheet, *PICTURE, "--files", TARGET)
    assert done.code == 0, done.err
    return replace(world.workspace(sheet), target=open_target(TARGET))


def test_serve_gives_pictures_of_the_target_and_only_those_that_the_table_names(
    world: World, s3: S3Server
) -> None:
    sheet = world.prompts("a.csv", "a cat", "a dog")
    workspace = on_target(world, sheet)
    s3.put("jobs/files/foreign.png", b"not in the table")
    s3.put("jobs/secret.txt", b"secret")
    for thumb in (workspace.folder / "thumbs").iterdir():
        thumb.unlink()
    name = "2-a-cat-1.png"
    with served(workspace) as url:
        shown = get(f"{url}files/{name}")
        assert shown.status_code == 200
        assert shown.headers["Content-Type"] == "image/png"
        assert shown.content == s3.get(f"jobs/files/{name}")
        assert get(f"{url}thumbs/{name}.jpg").headers["Content-Type"] == "image/jpeg"
        for hostile in ("foreign.png", "../secret.txt", "..%2Fsecret.txt", quote("/etc/passwd")):
            assert get(f"{url}files/{hostile}").status_code == 404, hostile
            assert get(f"{url}thumbs/{hostile}.jpg").status_code == 404, hostile
        other = "3-a-dog-1.png"
        s3.put(f"jobs/files/{other}", bytes(len(s3.get(f"jobs/files/{other}"))))
        assert get(f"{url}files/{other}").status_code == 404, "other bytes than the table knows"
    assert not world.files(sheet)


def test_serve_says_so_while_the_target_is_away(world: World, s3: S3Server) -> None:
    sheet = world.prompts("a.csv", "a cat")
    workspace = on_target(world, sheet)

    async def asked() -> int:
        async with LivePage(workspace, port=0) as page:
            s3.stop()
            found = await asyncio.to_thread(get, f"{page.url}files/2-a-cat-1.png")
            return found.status_code

    assert asyncio.run(asked()) == 503


def test_a_report_shows_thumbnails_and_the_address_of_files_that_no_browser_opens(
    world: World, s3: S3Server, browser: Browser
) -> None:
    sheet = world.prompts("a.csv", "a cat")
    workspace = on_target(world, sheet)
    assert world.run("report", sheet).code == 0

    def look(sight: Sight) -> str:
        sight.wait("document.querySelector('.card img')?.naturalWidth > 0")
        sight.page.click(".card .open")
        sight.wait("document.querySelector('dialog.lightbox img')?.naturalWidth > 0")
        assert not sight.problems
        assert not [one for one in sight.requests if one.startswith(("s3:", "http"))]
        return str(sight.page.inner_text("dialog.lightbox dl"))

    assert f"{TARGET}/files/2-a-cat-1.png" in browser.look(workspace.report, look)


def test_a_report_opens_files_of_a_shared_folder(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    sheet = world.prompts("a.csv", "a cat")
    share = tmp_path / "a share"
    assert world.run("run", sheet, *PICTURE, "--files", share).code == 0

    def look(sight: Sight) -> str:
        sight.page.click(".card .open")
        sight.wait("document.querySelector('dialog.lightbox img')?.src.startsWith('file:')")
        sight.wait("!document.querySelector('dialog.lightbox img.small')")
        assert not sight.problems
        return str(sight.page.get_attribute("dialog.lightbox dd a", "href"))

    link = browser.look(world.workspace(sheet).report, look)
    assert link == (share / "files" / "2-a-cat-1.png").as_uri()


@pytest.mark.parametrize("name", ["results.csv", "morning/results.xlsx", "results.parquet"])
def test_an_export_goes_to_any_address(world: World, s3: S3Server, name: str) -> None:
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *TEXT).code == 0
    address = f"s3://{BUCKET}/out/{name}"
    done = world.run("export", sheet, "-o", address)
    assert done.code == 0, done.err
    assert address in done.err
    first = s3.get(f"out/{name}")
    assert first
    assert world.run("export", sheet, "-o", address).code == 0
    assert s3.keys("out/") == [f"out/{name}"], "our own file is replaced"


def test_an_export_never_replaces_somebody_s_object(world: World, s3: S3Server) -> None:
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *TEXT).code == 0
    s3.put("out/results.csv", b"somebody's")
    done = world.run("export", sheet, "-o", f"s3://{BUCKET}/out/results.csv")
    assert done.code == 0, done.err
    assert s3.get("out/results.csv") == b"somebody's"
    assert len(s3.keys("out/")) == 2
    assert s3.keys("out/")[0].startswith("out/results 20")
    assert "out/results 20" in done.err


def test_new_rows_stay_new_if_their_export_does_not_arrive(world: World, s3: S3Server) -> None:
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *TEXT).code == 0
    lost = world.run("export", sheet, "--new", "-o", "s3://no-such-bucket/results.csv")
    assert lost.code == 7, lost.err
    again = world.run("export", sheet, "--new")
    assert "a cat" in again.out


def test_a_run_sends_its_results_where_results_says(
    world: World, s3: S3Server, tmp_path: Path
) -> None:
    sheet = world.prompts("a.csv", "a cat")
    address = f"s3://{BUCKET}/out/today.xlsx"
    done = world.run("run", sheet, *PICTURE, "--files", TARGET, "--results", address)
    assert done.code == 0, done.err
    assert address in done.err
    (tmp_path / "today.xlsx").write_bytes(s3.get("out/today.xlsx"))
    row = read_workbook(tmp_path / "today.xlsx")[0]
    assert row["result_files"] == f"{TARGET}/files/2-a-cat-1.png"
    folder = world.run("run", sheet, "-y", "--results", tmp_path / "out")
    assert folder.code == 0, folder.err
    assert (tmp_path / "out" / "results.csv").is_file()
    away = world.run("run", sheet, "-y", "--results", "s3://no-such-bucket/x")
    assert away.code == 7, away.err
    assert world.column(sheet) == ["done"]


def test_a_rehearsal_leaves_target_and_results_alone(world: World, s3: S3Server) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.monkeypatch.setenv("ROWMILL_FILES", TARGET)
    world.monkeypatch.setenv("ROWMILL_RESULTS", f"s3://{BUCKET}/out/results.csv")
    done = world.run("rehearse", sheet, *PICTURE)
    assert done.code == 0, done.err
    assert s3.keys() == []
