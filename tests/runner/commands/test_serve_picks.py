"""The live page marks rows in the table, and shows what a row was made from, to nobody else."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from runner.report import live_feed
from runner.report.rows import FIELDS
from runner.report.server import LivePage
from tests.runner.commands.test_serve import TIMEOUT_SECONDS, get, served, token_of
from tests.support.browser import Browser, Sight
from tests.support.world import PICTURE, World

PNG = Path(__file__).parents[3] / "samples" / "pictures" / "mug.png"


@pytest.fixture
def made(world: World) -> Path:
    """Three rows, two of them with a picture; the first was made from another one."""
    world.mock({"bad": ["moderation"]})
    (world.folder / "mug.png").write_bytes(PNG.read_bytes())
    cells = [["x1", "on a table", "mug.png"], ["x2", "a dog", ""], ["x3", "a bad one", ""]]
    sheet = world.sheet("a.csv", ["id", "prompt", "image"], *cells)
    world.run("run", sheet, *PICTURE)
    return sheet


def pick(url: str, body: object, token: str | None) -> httpx.Response:
    """A mark as the page sends it."""
    headers = {} if token is None else {"X-Rowmill-Token": token}
    return httpx.post(f"{url}pick", json=body, headers=headers, timeout=TIMEOUT_SECONDS)


def picks(world: World, sheet: Path) -> list[str]:
    """The column `result_pick`."""
    lines = world.run("export", sheet, "--format", "jsonl").out.splitlines()
    return [json.loads(line)["result_pick"] or "" for line in lines]


def test_a_mark_without_the_token_or_of_another_form_changes_nothing(
    world: World, made: Path
) -> None:
    with served(world.workspace(made)) as url:
        token = token_of(url)
        good = {"rows": [2], "stars": 5}
        assert pick(url, good, None).status_code == 403
        assert pick(url, good, token[:-1]).status_code == 403
        answer = httpx.post(f"{url}pick", json=good, timeout=TIMEOUT_SECONDS, headers={"Host": "x"})
        assert answer.status_code == 400
        wrong: tuple[object, ...] = (
            *({}, [], {"rows": []}, {"rows": [2.5], "stars": 1}, {"rows": [2], "stars": 6}),
            *({"rows": [2], "stars": True}, {"rows": [2], "file": 7}, {"rows": [2], "file": ""}),
            *({"rows": [2], "rejected": 1}, {"rows": [2], "rejected": True, "stars": 1}),
        )
        for body in wrong:
            assert pick(url, body, token).status_code == 400, body
        assert pick(url, {"rows": [4], "stars": 5}, token).status_code == 409  # it failed
        assert pick(url, {"rows": [99], "stars": 5}, token).status_code == 409
        assert get(f"{url}pick").status_code == 405
    assert picks(world, made) == ["", "", ""]


def test_marks_go_into_the_table_and_come_as_news(world: World, made: Path) -> None:
    listener = live_feed.Feed(world.workspace(made), token="x").listener()
    listener.news()
    with served(world.workspace(made)) as url:
        token = token_of(url)
        assert pick(url, {"rows": [2, 3, 4], "stars": 4}, token).json() == {
            "marked": {"2": "4", "3": "4"}
        }
        assert pick(url, {"rows": [3], "rejected": True}, token).status_code == 200
    assert picks(world, made) == ["4", "rejected", ""]
    told = json.loads(listener.news() or "{}")["rows"]
    place = FIELDS.index("pick")
    assert [(one[0], one[place]) for one in told] == [(2, [4, ""]), (3, [-1, ""])]
    with served(world.workspace(made)) as url:
        pick(url, {"rows": [2, 3]}, token_of(url))
    assert picks(world, made) == ["", "", ""]


def test_only_pictures_that_a_row_sent_are_given_out(world: World, made: Path) -> None:
    with served(world.workspace(made)) as url:
        given = get(f"{url}inputs/2/0")
        assert given.content == PNG.read_bytes()
        assert given.headers["Content-Type"] == "image/png"
        assert "sandbox" in given.headers["Content-Security-Policy"]
        for path in ("2/1", "3/0", "99/0", "2/../../a.csv", "2/-1", "x/0"):
            assert get(f"{url}inputs/{path}").status_code == 404, path
        (world.folder / "mug.png").write_text("<script>alert(1)</script>")
        assert get(f"{url}inputs/2/0").status_code == 404  # no more what was sent
        (world.folder / "mug.png").unlink()
        assert get(f"{url}inputs/2/0").status_code == 404


def test_an_open_page_marks_a_row_and_compares_it_with_its_source(
    browser: Browser, world: World, made: Path
) -> None:
    def act(sight: Sight) -> None:
        page = sight.page
        page.locator(".open").first.click()
        page.keyboard.press("5")
        page.keyboard.press("b")
        sight.wait("document.querySelector('.compare .before').naturalWidth > 0")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("x")
        page.keyboard.press("Escape")
        page.wait_for_timeout(1_500)  # the news of it change nothing
        badges = page.locator(".card .pick").all_inner_texts()
        assert [one.split()[0] for one in badges] == ["★", "✕"]
        assert page.locator("#picked").inner_text().startswith("1 picked, 1 rejected")
        assert page.get_by_role("button", name="Save picks").count() == 0
        assert not sight.problems

    with served(world.workspace(made)) as url:
        browser.look(url, act)
    assert picks(world, made) == ["5", "rejected", ""]


def test_an_open_page_makes_an_older_version_the_result(
    browser: Browser, world: World, made: Path
) -> None:
    first = world.column(made, "result_files")[1]
    world.run("retry", made, "--rows", "3", "--again", "-y")
    assert world.column(made, "result_files")[1] != first

    def act(sight: Sight) -> None:
        page = sight.page
        page.locator(".open").nth(1).click()
        page.keyboard.press("v")
        page.get_by_role("button", name="Make this the result").last.click()
        sight.wait("document.querySelector('.is-result button')?.textContent === 'Picked'")
        assert not sight.problems

    with served(world.workspace(made)) as url:
        browser.look(url, act)
    world.run("export", made, "-o", "out.csv")
    assert Path(first).name in (world.folder / "out.csv").read_text(encoding="utf-8-sig")
    assert picks(world, made) == ["", "file 1", ""]


def test_the_rows_of_a_cause_are_retried_from_the_page(
    browser: Browser, world: World, made: Path
) -> None:
    def act(sight: Sight) -> None:
        sight.page.locator(".reasons > summary").click()
        sight.page.get_by_role("button", name="Retry in the run: refused").click()
        sight.page.wait_for_selector("[data-status=pending]")
        assert "Requeued: 1" in sight.page.locator("#said").inner_text()
        assert not sight.problems

    with served(world.workspace(made)) as url:
        browser.look(url, act)
    assert world.standing(made) == {"done": 2, "pending": 1}


def test_new_generations_need_the_token_and_are_few(world: World, made: Path) -> None:
    with served(world.workspace(made)) as url:
        token = token_of(url)
        for what in ("again", "take-back"):
            wrong = httpx.post(f"{url}{what}", json={"rows": [2]}, timeout=TIMEOUT_SECONDS)
            assert wrong.status_code == 403
            headers = {"X-Rowmill-Token": token}
            for rows, status in (([], 400), (list(range(2, 300)), 400), ([99], 409)):
                found = httpx.post(
                    f"{url}{what}", json={"rows": rows}, headers=headers, timeout=TIMEOUT_SECONDS
                )
                assert found.status_code == status, (what, len(rows))
    assert world.standing(made) == {"done": 2, "failed": 1}


def test_a_row_is_generated_again_from_the_page_and_taken_back(
    browser: Browser, world: World, made: Path
) -> None:
    before = world.column(made, "result_files")

    def act(sight: Sight) -> None:
        page = sight.page
        page.locator(".open").first.click()
        page.get_by_role("button", name="Generate again").click()
        page.get_by_role("button", name="Take it back").click()
        page.get_by_role("button", name="Generate again").wait_for()
        page.keyboard.press("Escape")
        for row in (2, 3):
            page.locator("#grid").get_by_label(f"Tick row {row}", exact=True).check()
        page.get_by_role("button", name="Generate again (2").click()
        page.wait_for_selector("[data-status=pending]")
        page.locator(".open").nth(1).click()
        page.get_by_role("button", name="Take it back").click()
        page.get_by_role("button", name="Generate again").wait_for()
        assert not sight.problems

    with served(world.workspace(made)) as url:
        browser.look(url, act)
    assert world.standing(made) == {"done": 1, "failed": 1, "pending": 1}
    assert world.run("run", made, *PICTURE).posts == 1
    after = world.column(made, "result_files")
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_guests_mark_and_change_nothing_that_costs(world: World, made: Path) -> None:
    async def asked() -> dict[str, int]:
        async with LivePage(world.workspace(made), port=0, guests=True) as page:
            return await asyncio.to_thread(answers, page.url)

    def answers(url: str) -> dict[str, int]:
        headers = {"X-Rowmill-Token": token_of(url)}
        body = {"rows": [2], "stars": 5}
        return {
            what: httpx.post(
                f"{url}{what}", json=body, headers=headers, timeout=TIMEOUT_SECONDS
            ).status_code
            for what in ("retry", "again", "take-back", "pick")
        }

    found = asyncio.run(asked())
    assert found == {"retry": 404, "again": 404, "take-back": 404, "pick": 200}
    assert picks(world, made) == ["5", "", ""]
    assert world.standing(made) == {"done": 2, "failed": 1}


@pytest.mark.parametrize("path", ["pick", "retry", "again", "take-back", "words/2"])
def test_a_body_that_is_nested_too_deep_is_no_request(world: World, made: Path, path: str) -> None:
    with served(world.workspace(made)) as url:
        headers = {"X-Rowmill-Token": token_of(url)}
        nested = b"[" * 100_000
        answer = httpx.post(
            f"{url}{path}", content=nested, headers=headers, timeout=TIMEOUT_SECONDS
        )
    assert answer.status_code == 400
