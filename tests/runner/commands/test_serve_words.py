"""The live page changes the words of a row beside the sheet; the next run sends them."""

import json
from pathlib import Path

import httpx
import openpyxl
import pytest

from tests.runner.commands.test_serve import TIMEOUT_SECONDS, get, served, token_of
from tests.support.browser import Browser, Sight
from tests.support.world import TEXT, World


@pytest.fixture
def told(world: World) -> Path:
    """Two rows with a text each."""
    cells = [["x1", "a fox", "7", "n"], ["x2", "a dog", "", ""]]
    sheet = world.sheet("a.csv", ["id", "prompt", "seed", "note"], *cells)
    assert world.run("run", sheet, *TEXT).code == 0
    return sheet


def change(url: str, row: int, cells: object, token: str) -> httpx.Response:
    """New words as the page sends them."""
    headers = {"X-Rowmill-Token": token}
    return httpx.post(
        f"{url}words/{row}", json={"cells": cells}, headers=headers, timeout=TIMEOUT_SECONDS
    )


def prompts(world: World, sheet: Path) -> list[str]:
    """The prompts as the table has them."""
    return [world.run("show", row, sheet, "--json").json["fields"]["prompt"] for row in ("2", "3")]


def test_only_columns_that_make_requests_are_offered(world: World, told: Path) -> None:
    with served(world.workspace(told)) as url:
        found = get(f"{url}words/2").json()["cells"]
        assert get(f"{url}words/99").status_code == 404
    assert found == [
        {"header": "prompt", "field": "prompt", "text": "a fox", "own": "a fox"},
        {"header": "seed", "field": "seed", "text": "7", "own": "7"},
    ]


def test_changed_words_are_sent_by_the_next_run_and_taken_back_for_nothing(
    world: World, told: Path
) -> None:
    before = told.read_bytes()
    with served(world.workspace(told)) as url:
        token = token_of(url)
        assert change(url, 2, {"prompt": "a wolf", "note": "no request"}, token).status_code == 200
        assert get(f"{url}words/2").json()["cells"][0]["text"] == "a wolf"
        assert change(url, 2, {"prompt": "a wolf"}, token).status_code == 409
    assert told.read_bytes() == before
    assert world.run("run", told, "-y").posts == 1
    assert prompts(world, told) == ["a wolf", "a dog"]
    with served(world.workspace(told)) as url:
        assert change(url, 2, {"prompt": "a fox"}, token_of(url)).status_code == 200
    assert world.run("run", told, "-y").posts == 0  # its answer is paid for
    assert prompts(world, told) == ["a fox", "a dog"]


def test_words_without_the_token_or_of_another_form_change_nothing(
    world: World, told: Path
) -> None:
    with served(world.workspace(told)) as url:
        token = token_of(url)
        assert change(url, 2, {"prompt": "x"}, token[:-1]).status_code == 403
        bad: list[object] = [{}, [], {"prompt": 7}, {"prompt": "x" * 100_001}, "x"]
        for wrong in bad:
            assert change(url, 2, wrong, token).status_code == 400
        assert change(url, 2, {"note": "x", "result_row": "9"}, token).status_code == 409
        assert change(url, 99, {"prompt": "x"}, token).status_code == 409
    assert world.run("run", told, "-y").posts == 0


def test_hidden_columns_are_not_shown_for_a_change(world: World) -> None:
    sheet = world.folder / "a.xlsx"
    book = openpyxl.Workbook()
    tab = book.active
    assert tab is not None
    tab.append(["prompt", "system"])
    tab.append(["a fox", "our secret recipe"])
    tab.column_dimensions["B"].hidden = True
    book.save(sheet)
    world.run("run", sheet, *TEXT)
    with served(world.workspace(sheet)) as url:
        assert [one["header"] for one in get(f"{url}words/2").json()["cells"]] == ["prompt"]


def test_a_page_changes_words_and_seed(browser: Browser, world: World, told: Path) -> None:
    def act(sight: Sight) -> str:
        page = sight.page
        page.locator(".open").first.click()
        page.get_by_role("button", name="Change words").click()
        form = page.locator(".words-form")
        form.get_by_label("prompt").fill("a wolf, ")
        form.get_by_label("prompt").press_sequentially("5 of them")  # marks nothing
        page.get_by_role("button", name="New seed").click()
        seed = form.get_by_label("seed").input_value()
        page.get_by_role("button", name="Keep").click()
        page.get_by_role("button", name="Change words").wait_for()
        assert sight.count(".pick") == 0
        assert not sight.problems
        return seed

    with served(world.workspace(told)) as url:
        seed = browser.look(url, act)
    assert seed != "7"
    assert world.run("run", told, "-y").posts == 1
    fields = world.run("show", "2", told, "--json").json["fields"]
    assert (fields["prompt"], str(fields["seed"])) == ("a wolf, 5 of them", seed)
    done = world.run("export", told, "--format", "jsonl").out.splitlines()[0]
    assert json.loads(done)["result_data"]["edited"]["prompt"] == "a wolf, 5 of them"
