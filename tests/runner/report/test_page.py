"""The report page works in a real browser, opened as a file."""

import csv
import io
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from runner.catalogue import choose_language
from tests.support import pages
from tests.support.browser import PHONE, Browser, Sight

HOSTILE = (
    "</script><script>alert(1)</script>",
    '<img src=x onerror="alert(2)">',
    "<svg/onload=alert(3)>",
    "javascript:alert(4)",
    "{{constructor.constructor('alert(5)')()}}",
    "\u2028\u2029<!--<script>",
    "']});alert(6);//",
    '=HYPERLINK("http://evil.example")',
)
SERIOUS = frozenset({"serious", "critical"})


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """A page of 300 rows."""
    return pages.write_page(tmp_path, pages.facts(pages.many(300)))


def test_twenty_thousand_rows_need_fewer_than_1500_elements(
    browser: Browser, tmp_path: Path
) -> None:
    page = pages.write_page(tmp_path, pages.facts(pages.many(20_000)))

    def act(sight: Sight) -> list[int]:
        counts = [sight.nodes()]
        for share in (0.3, 0.7, 1.0):
            sight.page.evaluate(f"scrollTo(0, {share} * document.body.scrollHeight)")
            sight.page.wait_for_timeout(60)
            counts.append(sight.nodes())
        assert sight.page.locator("[aria-posinset='20000']").is_visible()
        assert not sight.problems
        return counts

    assert max(browser.look(page, act)) < 1500


def test_a_hostile_prompt_runs_nothing_and_asks_for_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    rows = [pages.row(2 + at, prompt=text, text=text) for at, text in enumerate(HOSTILE)]
    rows += [
        pages.row(90 + at, status="failed", kind="server", cause=text, detail=text, key=text)
        for at, text in enumerate(HOSTILE)
    ]
    hostile = pages.facts(rows, sheet=HOSTILE[0], sheet_word=HOSTILE[1])
    page = pages.write_page(tmp_path, hostile)

    def act(sight: Sight) -> None:
        assert sight.count("script") == 2
        assert sight.count("#grid img") == 0
        shown = sight.page.locator(".line .first").all_inner_texts()
        assert " ".join(HOSTILE[0].split()) in shown
        sight.page.locator(".open").first.click()
        for _ in range(len(rows)):
            sight.page.keyboard.press("ArrowRight")
        sight.page.wait_for_timeout(100)
        assert sight.problems == []
        assert set(sight.requests) == {page.as_uri()}

    browser.look(page, act)


def test_no_request_leaves_the_page_and_none_could(browser: Browser, night: Path) -> None:
    def act(sight: Sight) -> None:
        sight.page.locator("#grid").scroll_into_view_if_needed()
        sight.wait("document.querySelector('.card img').naturalWidth > 0")
        folder = night.parent.as_uri()
        assert len(sight.requests) > 3
        assert all(url.startswith(folder) for url in sight.requests)
        tried = sight.page.evaluate(
            "fetch('https://example.com/').then(() => 'sent', () => 'refused')"
        )
        assert tried == "refused"
        assert any("Content Security Policy" in one for one in sight.problems)

    browser.look(night, act)


@pytest.mark.parametrize(
    ("scheme", "viewport"), [("light", None), ("dark", None), ("light", PHONE)]
)
def test_axe_finds_no_serious_fault(
    browser: Browser, night: Path, scheme: str, viewport: dict[str, int] | None
) -> None:
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    options: dict[str, Any] = {"color_scheme": scheme}
    if viewport is not None:
        options["viewport"] = viewport

    def faults(sight: Sight) -> list[str]:
        found = sight.page.evaluate("axe.run().then((found) => found.violations)")
        return [
            f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
            for one in found
            if one["impact"] in SERIOUS
            for node in one["nodes"][:3]
        ]

    def act(sight: Sight) -> None:
        sight.page.evaluate(axe)
        assert faults(sight) == []
        sight.page.locator("[data-status=failed]").click()
        sight.page.locator(".line input").first.check()
        sight.page.wait_for_timeout(250)  # the bar of check boxes slides in
        assert faults(sight) == []
        sight.page.locator(".line .open").first.click()
        assert faults(sight) == []

    browser.look(night, act, **options)


def test_a_phone_shows_two_columns_and_never_scrolls_sideways(
    browser: Browser, night: Path
) -> None:
    def act(sight: Sight) -> None:
        assert sight.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        sight.page.locator("#rows-head").scroll_into_view_if_needed()
        sight.page.wait_for_selector(".card")
        lefts = sight.page.evaluate(
            "[...new Set([...document.querySelectorAll('.card')]"
            ".map((card) => card.getBoundingClientRect().left))].length"
        )
        assert lefts == 2

    browser.look(night, act, viewport=PHONE)


def test_search_filters_and_order_choose_the_rows(browser: Browser, tmp_path: Path) -> None:
    rows = [
        pages.row(2, prompt="a red fox", seconds=3.0),
        pages.row(3, prompt="an OTTER", seconds=9.0, model="m-2"),
        pages.row(4, prompt="狐狸在雪地里", seconds=None, cost=None),
        pages.failed_row(5, prompt="a fox again"),
        pages.row(6, prompt="owl", status="in_doubt", kind="network", cause="cut"),
    ]
    page = pages.write_page(tmp_path, pages.facts(rows))

    def act(sight: Sight) -> None:
        page = sight.page

        def shown() -> list[str]:
            return page.locator("#grid b").all_inner_texts()

        page.get_by_role("searchbox").fill("fox")
        assert shown() == ["2", "5"]
        assert "2 of 5 rows" in page.locator("#found").inner_text()
        page.get_by_role("searchbox").fill("狐狸")
        assert shown() == ["4"]
        page.get_by_role("searchbox").fill("picture.")  # the provider's own words
        assert shown() == ["5"]
        page.get_by_role("button", name="Show all rows").click()
        page.get_by_label("Order").select_option("seconds")
        assert shown()[:2] == ["5", "6"]  # 12.5 s each, in sheet order
        assert shown()[-1] == "4"  # unknown sorts last
        page.get_by_label("Order").select_option("row")
        page.locator(".menu > summary").click()
        page.locator("select[name=model]").select_option(label="m-2")
        assert shown() == ["3"]
        page.get_by_role("button", name="Show all rows").click()
        page.locator("[data-status=in_doubt]").click()
        assert shown() == ["6"]
        page.get_by_role("searchbox").fill("nobody")
        assert shown() == []
        page.get_by_role("button", name="Show all rows").click()
        page.locator(".reasons > summary").click()
        page.get_by_role("button", name="Show the rows: refused").click()
        assert shown() == ["5"]
        assert not sight.problems

    browser.look(page, act)


def test_keys_alone_lead_through_gallery_and_lightbox(browser: Browser, night: Path) -> None:
    def act(sight: Sight) -> None:
        page = sight.page
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.type") == "search"
        page.locator(".open").first.focus()
        for key in ("ArrowRight", "ArrowDown", "End"):
            page.keyboard.press(key)
        assert _focused_place(sight) == 299
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        assert dialog.get_attribute("aria-label") == "Row 3"
        page.keyboard.press("ArrowRight")
        assert dialog.get_attribute("aria-label") == "Row 4"
        page.keyboard.press("t")
        assert "1 row ticked" in page.locator("#ticked").inner_text()
        page.keyboard.press("c")
        page.locator("#said", has_text="Copied").wait_for(state="attached")  # after the clipboard
        page.keyboard.press("Escape")
        assert not dialog.is_visible()
        _wait_for_place(sight, 2)  # focus is back where the reader was, once the dialog has closed
        assert not sight.problems

    browser.look(night, act)


def _wait_for_place(sight: Sight, place: int) -> None:
    sight.page.wait_for_function(
        "(place) => document.activeElement.closest('[data-place]')?.dataset.place == place",
        arg=place,
        timeout=5_000,
    )


def _focused_place(sight: Sight) -> int:
    place = sight.page.evaluate("document.activeElement.closest('[data-place]')?.dataset.place")
    return int(place) if place is not None else -1


def test_the_lightbox_shows_the_file_itself_where_it_is_and_else_the_thumbnail(
    browser: Browser, tmp_path: Path
) -> None:
    rows = [pages.row(2, files=("狐狸 1#?.png", "b.png")), pages.row(3, files=("gone.png",))]
    page = pages.write_page(tmp_path, pages.facts(rows))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "狐狸 1#?.png").write_bytes(_png(640))

    def act(sight: Sight) -> None:
        sight.page.locator(".open").first.click()
        sight.wait("document.querySelector('.stage img').naturalWidth === 640")
        sight.page.keyboard.press("ArrowDown")
        assert "2 / 2" in sight.page.locator(".frame").inner_text()
        sight.page.keyboard.press("ArrowRight")
        sight.wait("document.querySelector('.stage img').naturalWidth === 256")

    browser.look(page, act)


def _png(edge: int) -> bytes:
    from PIL import Image  # noqa: PLC0415 - only this test needs it

    out = io.BytesIO()
    Image.new("RGB", (edge, edge)).save(out, "PNG")
    return out.getvalue()


def test_ticked_rows_become_a_list_with_row_and_key(browser: Browser, tmp_path: Path) -> None:
    keys = ("plain", 'with "quotes", and commas', "=1+1", "两行\n键", "z")
    rows = [pages.row(2 + at, key=key) for at, key in enumerate(keys)]
    page = pages.write_page(tmp_path, pages.facts(rows))

    def act(sight: Sight) -> tuple[str, str]:
        for number in (2, 3, 4, 5):
            sight.page.get_by_label(f"Tick row {number}", exact=True).check()
        with sight.page.expect_download() as got:
            sight.page.get_by_role("button", name="Download list").click()
        assert got.value.suggested_filename == "rowmill-again.csv"
        command = sight.page.get_by_role("button", name="Copy command").get_attribute("title")
        return Path(got.value.path()).read_bytes().decode(), str(command)

    text, command = browser.look(page, act)
    assert text.startswith("\ufeff")
    found = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [one["result_row"] for one in found] == ["2", "3", "4", "5"]
    assert [one["result_key"] for one in found] == [*keys[:2], "'=1+1", keys[3]]
    assert command == "rowmill retry prompts.csv --rows 2-5 --again"


def test_only_done_rows_are_generated_again(browser: Browser, tmp_path: Path) -> None:
    rows = [pages.row(2), pages.row(3, status="failed"), pages.row(4, status="in_doubt")]
    page = pages.write_page(tmp_path, pages.facts(rows))

    def act(sight: Sight) -> str:
        for number in (2, 3, 4):
            sight.page.get_by_label(f"Tick row {number}", exact=True).check()
        command = sight.page.get_by_role("button", name="Copy command")
        return str(command.get_attribute("title"))

    assert browser.look(page, act).splitlines() == [
        "rowmill retry prompts.csv --rows 3-4",
        "rowmill retry prompts.csv --rows 2 --again",
    ]


def test_paper_gets_every_chosen_row(browser: Browser, night: Path) -> None:
    def act(sight: Sight) -> int:
        sight.page.locator("[data-status=failed]").click()
        wanted = int(sight.page.locator("[data-status=failed] .count").inner_text())
        sight.page.emulate_media(media="print")
        sight.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        sight.page.set_viewport_size({"width": 700, "height": 900})  # paper is narrower
        sight.page.evaluate(
            "new Promise((done) => setTimeout(() => requestAnimationFrame(done), 100))"
        )
        assert sight.count("#grid.flow > .line") == wanted
        assert not sight.page.locator("#bar").is_visible()
        sight.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert sight.count("#grid.flow") == 0
        return wanted

    assert browser.look(night, act) > 10


def test_without_scripts_the_failures_are_still_told(browser: Browser, night: Path) -> None:
    def act(sight: Sight) -> str:
        return sight.page.locator("body").inner_text()

    visible = browser.look(night, act, java_script_enabled=False)
    assert "rows failed" in visible
    assert "upstream error: bad gateway" in visible


def test_the_page_is_chinese_where_that_was_chosen(browser: Browser, tmp_path: Path) -> None:
    choose_language("zh", {})
    page = pages.write_page(tmp_path, pages.facts(pages.many(40)))

    def act(sight: Sight) -> tuple[str, str, str]:
        lang = str(sight.page.locator("html").get_attribute("lang"))
        search = str(sight.page.get_by_role("searchbox").get_attribute("placeholder"))
        return lang, search, sight.page.locator(".lead").inner_text()

    lang, search, lead = browser.look(page, act)
    assert lang == "zh-CN"
    assert search == "搜索提示词、编号、错误"
    assert lead.startswith("40 行中已完成")


def test_a_theme_can_be_chosen_against_the_systems(browser: Browser, night: Path) -> None:
    background = "getComputedStyle(document.body).backgroundColor"

    def act(sight: Sight) -> list[str]:
        before = sight.page.evaluate(background)
        sight.page.get_by_role("button", name="Light or dark").click()
        after = sight.page.evaluate(background)
        sight.page.get_by_role("button", name="Light or dark").click()
        return [before, after, sight.page.evaluate(background)]

    light, dark, again = browser.look(night, act)
    assert light == again != dark
