"""The desk in a real browser: the whole path, by mouse and by keyboard, in both languages."""

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.catalogue import choose_language
from runner.mock.account_info import PRICING
from tests.support.browser import PHONE, Browser, Sight
from tests.support.desks import opened_desk
from tests.support.world import World, workbook

LAPTOP = {"width": 1366, "height": 768}
HOSTILE = '<img src=x onerror="document.title=1">"\'`${1}</script><script>document.title=1</script>'
WAIT_MS = 60_000
pytestmark = pytest.mark.deep  # whole paths through a browser


def sheet_of(world: World, *prompts: str) -> Path:
    """A workbook with a column that is sent and two that are not."""
    rows = ([f"A-{n}", prompt, "north"] for n, prompt in enumerate(prompts, 1))
    return workbook(world.folder / "主图.xlsx", ["编号", "提示词", "店铺"], *rows)


def open_sheet(sight: Sight, name: str = "主图") -> None:
    """Open a sheet by its name in the list."""
    sight.page.locator("button.sheet").filter(has_text=name).click()
    sight.page.wait_for_selector("#endpoint")


def choose_task(sight: Sight) -> None:
    """Choose what to make, and wait until the desk has understood it."""
    page = sight.page
    page.locator("#endpoint").select_option("chat-image")
    page.fill("#model", "mock-image")
    sight.wait("!document.querySelector('#try')?.disabled")


def agree(sight: Sight) -> str:
    """Say yes to the question that is open; returns what it said."""
    page = sight.page
    page.wait_for_selector("#ask[open]", timeout=WAIT_MS)
    said = str(page.locator("#ask").inner_text())
    page.locator("#ask .main").click()
    page.wait_for_selector("#ask:not([open])", state="attached")
    return said


def walked(sight: Sight, folder: Path) -> list[str]:
    """From the dropped workbook to the one that is handed back; returns what was requested."""
    page = sight.page
    page.set_input_files("#picker", folder.parent / "dropped" / "主图.xlsx")
    page.wait_for_selector("#endpoint")
    choose_task(sight)
    page.locator("#try").click()
    assert "3" in agree(sight)
    page.wait_for_selector("#run-rest", timeout=WAIT_MS)
    sight.wait("[...document.images].filter((one) => one.naturalWidth > 0).length === 3")
    page.locator("#run-rest").click()
    said = agree(sight)
    assert "0.04 USD" in said
    assert "127.0.0.1" in said
    page.wait_for_selector("#to-look.main", timeout=WAIT_MS)
    page.locator("#step-finish").click()
    with page.expect_download() as download:
        page.locator("#make-copy").click()
        page.locator("a.file").click(timeout=WAIT_MS)
    assert download.value.suggested_filename == "主图-results.xlsx"
    assert not sight.problems
    return sight.requests


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_workbook_goes_the_whole_way_through_the_desk(
    browser: Browser, world: World, language: str
) -> None:
    world.mock(pricing=PRICING)
    sheet = sheet_of(world, *(f"fox {n}" for n in range(5)))
    (world.folder.parent / "dropped").mkdir()
    sheet.rename(world.folder.parent / "dropped" / sheet.name)
    choose_language(language, {})
    try:
        with opened_desk(world.folder) as desk:
            requests = browser.look(
                desk.url,
                lambda sight: walked(sight, world.folder),
                viewport=LAPTOP,
                accept_downloads=True,
            )
    finally:
        choose_language("en", {})
    assert world.standing(sheet) == {"done": 5}
    assert {url for url in requests if not url.startswith(desk.origin)} <= {"data:,"}


def test_hostile_sheets_prompts_and_names_do_nothing(browser: Browser, world: World) -> None:
    world.mock({"bad": ["moderation"]})
    name = "a'b&amp;${x}.csv"
    world.sheet(name, ["prompt", HOSTILE], [HOSTILE, "x"], [f"bad {HOSTILE}", "x"])

    def act(sight: Sight) -> None:
        page = sight.page
        open_sheet(sight, "a'b")
        choose_task(sight)
        page.locator("#run-all, #try").first.click()
        agree(sight)
        page.wait_for_selector("#to-look", timeout=WAIT_MS)
        page.locator("#step-look").click()
        page.wait_for_selector("#retry-refused")
        page.locator("#step-finish").click()
        assert page.title() == "rowmill"
        assert page.locator("h2.title").inner_text() == name
        assert not sight.problems

    with opened_desk(world.folder) as desk:
        browser.look(desk.url, act, viewport=LAPTOP)


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_nothing_is_wider_than_the_screen(
    browser: Browser, world: World, viewport: dict[str, int]
) -> None:
    world.mock()
    sheet_of(world, "a fox " * 80, "unbroken" * 60)
    (world.folder / f"{'long-name-' * 9}.csv").write_text("prompt\nx\n", encoding="utf-8")
    fits = "document.documentElement.scrollWidth <= innerWidth"

    def act(sight: Sight) -> None:
        page = sight.page
        sight.wait("document.querySelectorAll('button.sheet').length === 2")
        assert page.evaluate(fits)
        open_sheet(sight)
        assert page.evaluate(fits)
        choose_task(sight)
        assert page.evaluate(fits)
        page.locator("#try").click()
        agree(sight)
        page.wait_for_selector("#to-look", timeout=WAIT_MS)
        for step in ("run", "look", "finish"):
            page.locator(f"#step-{step}").click()
            page.wait_for_timeout(300)
            assert page.evaluate(fits), step

    with opened_desk(world.folder) as desk:
        browser.look(desk.url, act, viewport=viewport)


def test_the_keyboard_alone_reaches_a_run(browser: Browser, world: World) -> None:
    world.mock()
    sheet = sheet_of(world, "a fox")

    def press(sight: Sight, until: str, key: str = "Tab") -> None:
        for _ in range(60):
            if sight.page.evaluate(f"document.activeElement?.matches({until!r}) === true"):
                return
            sight.page.keyboard.press(key)
        raise AssertionError(until)

    def act(sight: Sight) -> None:
        page = sight.page
        page.wait_for_selector("button.sheet")
        press(sight, "button.sheet")
        page.keyboard.press("Enter")
        page.wait_for_selector("#endpoint")
        page.wait_for_load_state("networkidle")
        while page.locator("#endpoint").input_value() != "chat-image":
            press(sight, "#endpoint")  # drawn anew after each change, which may cut the typing
            page.keyboard.type("chat-image")
            page.wait_for_load_state("networkidle")
        press(sight, "#model")
        page.keyboard.type("mock-image")
        sight.wait("!document.querySelector('#try')?.disabled")
        press(sight, "#try")
        page.keyboard.press("Enter")
        page.wait_for_selector("#ask[open]", timeout=WAIT_MS)
        press(sight, "#ask .main")
        page.keyboard.press("Enter")
        page.wait_for_selector("#to-look", timeout=WAIT_MS)
        press(sight, "#step-run")
        page.keyboard.press("ArrowRight")
        assert page.locator("#step-look").get_attribute("aria-selected") == "true"

    with opened_desk(world.folder) as desk:
        browser.look(desk.url, act, viewport=LAPTOP)
    assert world.standing(sheet) == {"done": 1}


NAMED = "button, input, select, textarea, a, img, [role]:not([role=status])"
UNNAMED = f"""[...document.querySelectorAll({NAMED!r})].filter((one) =>
  !one.closest("[aria-hidden]") && !one.labels?.length && !one.alt && !one.textContent.trim() &&
  !one.getAttribute("aria-label") && !one.getAttribute("aria-labelledby")
).map((one) => one.outerHTML.slice(0, 80))"""
TWICE = """[...document.querySelectorAll("[id]")].map((one) => one.id).filter(
  (id, at, all) => all.indexOf(id) !== at)"""


def test_every_control_has_a_name_and_every_id_is_one(browser: Browser, world: World) -> None:
    world.mock({"bad": ["moderation"]})
    sheet = sheet_of(world, "a fox", "a bad one")
    world.run("run", sheet, "-e", "chat-image", "-m", "mock-image", "-y")

    def act(sight: Sight) -> None:
        page = sight.page
        page.locator("button.sheet").click()
        for step, is_there in (
            *(("start", "#endpoint"), ("run", "#to-look"), ("look", "#retry-refused")),
            ("finish", "#make-csv"),
        ):
            page.locator(f"#step-{step}").click()
            page.wait_for_selector(is_there)
            assert page.evaluate(UNNAMED) == [], step
            assert page.evaluate(TWICE) == [], step

    with opened_desk(world.folder) as desk:
        browser.look(desk.url, act, viewport=LAPTOP)


def test_the_gallery_opens_in_a_tab_of_its_own(browser: Browser, world: World) -> None:
    world.mock()
    sheet = sheet_of(world, "a fox")
    world.run("run", sheet, "-e", "chat-image", "-m", "mock-image", "-y")

    def act(sight: Sight) -> None:
        page = sight.page
        page.locator("button.sheet").click()
        page.locator("#step-look").click()
        with page.context.expect_page() as opening:
            page.locator("#gallery[href]").click()
        opening.value.wait_for_selector("#grid .card.is-done")
        assert not sight.problems

    with opened_desk(world.folder) as desk:
        browser.look(desk.url, act, viewport=LAPTOP)


def test_a_closed_desk_is_told_and_a_reload_stays_where_it_was(
    browser: Browser, world: World
) -> None:
    world.mock()
    sheet_of(world, "a fox")
    closing: list[Callable[[], object]] = []

    def act(sight: Sight) -> None:
        page = sight.page
        open_sheet(sight)
        page.locator("#step-run").click()
        page.reload()
        page.wait_for_selector("#step-run[aria-selected=true]")
        closing[0]()
        page.wait_for_selector("#connection.seen", timeout=WAIT_MS)
        assert "The desk is closed" in page.locator("#connection").inner_text()

    manager = opened_desk(world.folder)
    desk = manager.__enter__()
    closing.append(lambda: manager.__exit__(None, None, None))
    browser.look(desk.url, act, viewport=LAPTOP)
