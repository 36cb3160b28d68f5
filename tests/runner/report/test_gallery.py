"""The page's gallery: picks, groups, filters, sizes, and ways to look at a picture."""

import csv
import io
import json
import time
from collections.abc import Callable
from importlib.resources import files as resources
from pathlib import Path

import pytest
from PIL import Image

from jobs.store.queries.gallery import OlderVersion, PageRow
from jobs.store.queries.retry_cost import RetryCost
from tests.support import pages
from tests.support.browser import PHONE, Browser, Sight

SHOPS, OWNERS = ("north", "south", "east"), ("Ann", "Bo")
COLUMNS = ((0, "id"), (1, "shop"), (2, "owner"))
SET_SIZE = """(size) => { const one = document.querySelector('.size input');
  one.value = size; one.dispatchEvent(new Event('input')); }"""
TIMED = """(act) => { const begun = performance.now(); act(); document.body.offsetHeight;
  return performance.now() - begun; }"""
LAPTOP = {"width": 1366, "height": 768}


def own(number: int, **more: object) -> PageRow:
    """A done row with a picture and cells of the sheet's own."""
    cells = [f"P{number}", SHOPS[number % 3], OWNERS[number % 2]]
    plain = pages.row(number, files=(f"{number}.png",), cells=json.dumps(cells))
    return plain._replace(**more)  # type: ignore[arg-type]  # fields of a row, by name


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A page of twelve rows with columns of the sheet's own; row 5 has two older versions."""
    old = (OlderVersion(2, ("5_v2.png",), 9.0, 0.02), OlderVersion(1, ("5_v1.png",), 8.0, None))
    rows = [own(number, cost=number / 100) for number in range(2, 14)]
    rows[3] = rows[3]._replace(versions=old, seconds=99.0)
    rows[4] = rows[4]._replace(stars=4)
    rows[5] = rows[5]._replace(files=("a.png", "b.png"))
    return pages.write_page(tmp_path, pages.facts(rows, columns=COLUMNS))


def shown(sight: Sight) -> list[int]:
    """The row numbers in the gallery."""
    found = sight.page.locator("#grid [data-place] b").all_inner_texts()
    return [int(one.replace(",", "")) for one in found]


def press(sight: Sight, row: int, *keys: str) -> None:
    """Press keys on the card of a row."""
    sight.page.locator(f".open[aria-label^='Row {row},']").focus()
    for key in keys:
        sight.page.keyboard.press(key)


def choose(sight: Sight, name: str, label: str) -> None:
    """Choose in one of the selects, in the menu of filters if it is there."""
    if not sight.page.locator(f"select[name={name}]").is_visible():
        sight.page.locator(".menu > summary").click()
    sight.page.locator(f"select[name={name}]").select_option(label=label)


def test_keys_mark_a_row_and_the_same_key_takes_it_back(browser: Browser, shop: Path) -> None:
    def act(sight: Sight) -> None:
        press(sight, 2, "5")
        press(sight, 3, "x")
        assert sight.page.locator("#told").inner_text() == "Row 3: rejected"
        assert sight.page.locator("#picked").inner_text().startswith("2 picked, 1 rejected")
        label = sight.page.locator(".open").first.get_attribute("aria-label")
        assert label is not None
        assert label.startswith("Row 2, Done, 5 stars")
        press(sight, 2, "5")
        press(sight, 3, "0")
        assert sight.count(".pick") == 1
        assert not sight.problems

    browser.look(shop, act)


def test_picks_of_a_page_stay_in_the_browser_and_become_a_list(
    browser: Browser, shop: Path
) -> None:
    def act(sight: Sight) -> str:
        press(sight, 2, "3")
        press(sight, 3, "x")
        press(sight, 6, "0")  # which the table has as 4 stars
        press(sight, 5, "Enter", "v")
        sight.page.locator("[data-act='use-5_v1.png']").click()
        sight.page.keyboard.press("Escape")
        sight.page.reload()
        assert sight.page.locator("#picked").inner_text().startswith("2 picked, 1 rejected")
        with sight.page.expect_download() as got:
            sight.page.get_by_role("button", name="Save picks").click()
        assert got.value.suggested_filename == "rowmill-picks.csv"
        assert (
            "rowmill pick rowmill-picks.csv prompts.csv" in sight.page.locator("#said").inner_text()
        )
        assert not sight.problems
        return Path(got.value.path()).read_bytes().decode()

    text = browser.look(shop, act)
    found = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [(one["result_key"], one["result_pick"]) for one in found] == [
        ("k2", "3"),
        ("k3", "rejected"),
        ("k5", "file 5_v1.png"),
        ("k6", "none"),
    ]


def test_what_the_browser_kept_of_another_kind_is_ignored(browser: Browser, shop: Path) -> None:
    def act(sight: Sight) -> None:
        kept = json.dumps({"k2": "five", "k3": [9.5, ""], "k4": [5, 7], "constructor": [5, ""]})
        sight.page.evaluate(
            f"localStorage.setItem('rowmill.picks.{shop.parent.name}', {json.dumps(kept)})"
        )
        sight.page.reload()
        assert sight.count(".pick") == 1  # the table's own
        assert not sight.problems

    browser.look(shop, act)


@pytest.mark.parametrize(
    ("name", "label", "rows"),
    [
        ("pick", "picked", [6]),
        ("pick", "★★★★", [6]),
        ("pick", "not marked", [2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13]),
    ],
)
def test_rows_are_filtered_by_their_mark(
    browser: Browser, shop: Path, name: str, label: str, rows: list[int]
) -> None:
    def act(sight: Sight) -> list[int]:
        choose(sight, name, label)
        return shown(sight)

    assert browser.look(shop, act) == rows


def test_rows_are_filtered_by_the_sheets_own_columns_money_and_time(
    browser: Browser, shop: Path
) -> None:
    def act(sight: Sight) -> None:
        choose(sight, "column", "shop")
        names = sight.page.locator("select[name=value] option").all_inner_texts()
        assert names == ["Any value", "east", "north", "south"]
        choose(sight, "value", "south")
        assert shown(sight) == [4, 7, 10, 13]
        sight.page.locator("[data-span=costFrom]").fill("0.05")
        sight.page.locator("[data-span=costTo]").fill("0.1")
        assert shown(sight) == [7, 10]
        assert sight.page.locator("#filters").inner_text() == "3"
        sight.page.keyboard.press("Escape")
        sight.page.get_by_role("button", name="Show all rows").click()
        assert len(shown(sight)) == 12
        sight.page.locator(".menu > summary").click()
        sight.page.locator("[data-span=secondsFrom]").fill("50")
        assert shown(sight) == [5]

    browser.look(shop, act)


def test_rows_are_grouped_and_arrows_go_through_all_groups(browser: Browser, shop: Path) -> None:
    def act(sight: Sight) -> None:
        choose(sight, "group", "shop")
        heads = sight.page.locator(".group h3").all_inner_texts()
        assert heads == ["east 4", "north 4", "south 4"]
        order = [2, 5, 8, 11, 3, 6, 9, 12, 4, 7, 10, 13]
        assert shown(sight) == order
        sight.page.locator(".open").first.focus()
        passed = []
        for _ in order:
            label = sight.page.evaluate("document.activeElement.getAttribute('aria-label')")
            passed.append(int(label.split(",")[0].removeprefix("Row ")))
            sight.page.keyboard.press("ArrowRight")
        assert passed == order
        tops = sight.page.evaluate(
            "[...document.querySelectorAll('.group, .card')].map((one) => "
            "Math.round(one.getBoundingClientRect().top))"
        )
        assert tops == sorted(tops)  # nothing lies over a heading
        choose(sight, "group", "Picks")
        assert sight.page.locator(".group h3").all_inner_texts() == ["★★★★ 1", "not marked 11"]
        assert not sight.problems

    browser.look(shop, act)


def test_a_column_with_too_many_values_is_no_filter(browser: Browser, tmp_path: Path) -> None:
    rows = [own(number) for number in range(2, 700)]
    page = pages.write_page(tmp_path, pages.facts(rows, columns=COLUMNS))

    def act(sight: Sight) -> list[str]:
        sight.page.locator(".menu > summary").click()
        return sight.page.locator("select[name=column] option").all_inner_texts()

    assert browser.look(page, act) == ["Any column", "shop", "owner"]
    assert "P699" not in page.read_text(encoding="utf-8")


def test_the_size_of_pictures_is_kept(browser: Browser, shop: Path) -> None:
    def act(sight: Sight) -> list[float]:
        def width() -> float:
            return float(sight.page.evaluate("document.querySelector('.card').clientWidth"))

        found = [width()]
        sight.page.evaluate(SET_SIZE, "130")
        found.append(width())
        assert sight.count(".words") == 0
        sight.page.evaluate(SET_SIZE, "480")
        sight.page.reload()
        return [*found, width()]

    usual, small, large = browser.look(shop, act)
    assert small < 160 < usual < 300
    assert large >= 480


def test_a_picture_is_shown_pixel_for_pixel_and_scrolls(browser: Browser, shop: Path) -> None:
    files = shop.parent / "files"
    files.mkdir()
    Image.new("RGB", (2400, 1800), "teal").save(files / "2.png")

    def act(sight: Sight) -> None:
        press(sight, 2, "Enter")
        sight.wait("document.querySelector('.stage img').naturalWidth === 2400")
        sight.page.keyboard.press("z")
        sight.wait("document.querySelector('.stage.zoomed img')?.clientWidth === 2400")
        for side in ("scrollLeft", "scrollTop"):  # the middle of the picture
            sight.wait(f"document.querySelector('.stage').{side} > 100")
        sight.page.keyboard.press("z")
        assert sight.count(".stage.zoomed") == 0
        assert not sight.problems

    browser.look(shop, act)


def test_an_edit_is_compared_with_the_picture_it_was_made_from(
    browser: Browser, tmp_path: Path
) -> None:
    sent = {"kind": "file", "value": "in/mug 1.png", "digest": "d"}
    outside = {"kind": "file", "value": "../secret.png", "digest": "d"}
    other = {"kind": "url", "value": "https://pictures.example/a.png"}
    fields = json.dumps({"prompt": "on a table", "image": [other, outside, sent]})
    rows = [own(2, fields=fields), own(3)]
    page = pages.write_page(tmp_path, pages.facts(rows))
    (tmp_path / "in").mkdir()
    Image.new("RGB", (300, 300), "red").save(tmp_path / "in" / "mug 1.png")

    def act(sight: Sight) -> None:
        press(sight, 2, "Enter", "b")
        sight.wait("document.querySelector('.compare .before').naturalWidth === 300")
        slider = sight.page.get_by_role("slider", name="Before and after")
        slider.focus()
        sight.page.keyboard.press("End")
        clip = "document.querySelector('.before').style.clipPath"
        assert sight.page.evaluate(clip) == "inset(0px 0% 0px 0px)"
        sight.page.keyboard.press("ArrowLeft")
        assert sight.page.evaluate(clip) == "inset(0px 1% 0px 0px)"
        sight.page.get_by_role("button", name="Next row").click()
        assert sight.count(".compare") == 0  # row 3 was made from words
        assert not any("secret" in url or "example" in url for url in sight.requests)
        assert not sight.problems

    browser.look(page, act)


def test_versions_stand_side_by_side_and_one_of_several_files_is_picked(
    browser: Browser, shop: Path
) -> None:
    def act(sight: Sight) -> None:
        assert "3 versions" in sight.page.locator(".card", has_text="k5").inner_text()
        press(sight, 5, "Enter", "v")
        heads = sight.page.locator(".versions figcaption b").all_inner_texts()
        assert heads == ["Result", "Version 2", "Version 1"]
        assert "0.02 USD · 9 s" in sight.page.locator(".versions").inner_text()
        sight.page.keyboard.press("Escape")
        press(sight, 7, "Enter", "ArrowDown")
        sight.page.get_by_role("button", name="Pick this file").click()
        sight.page.keyboard.press("Escape")
        source = sight.page.locator(".card", has_text="k7").locator("img").get_attribute("src")
        assert source == "thumbs/b.png.jpg"
        assert not sight.problems

    browser.look(shop, act)


def test_failures_are_folded_with_their_price(browser: Browser, tmp_path: Path) -> None:
    rows = [own(2), pages.failed_row(3), pages.failed_row(4, which=1)]
    costs = {
        ("refused", "moderation"): RetryCost(paid=1, costs={"USD": 0.03}),
        ("server", "upstream"): RetryCost(free=2, paid=4, costs={"USD": 0.12}),
    }
    page = pages.write_page(tmp_path, pages.facts(rows, retry_costs=costs))

    def act(sight: Sight) -> list[str]:
        assert sight.page.locator("#grid").bounding_box()["y"] < 400  # type: ignore[index]  # it is there
        assert not sight.page.locator(".reasons table").is_visible()
        sight.page.locator(".reasons > summary").click()
        assert not sight.page.locator("[data-retry]").first.is_visible()  # for a live page only
        return sight.page.locator(".reasons .price").all_inner_texts()

    found = browser.look(page, act, viewport=LAPTOP)
    assert sorted(found) == ["2 free, about 0.12 USD", "about 0.03 USD"]


def many(count: int) -> list[PageRow]:
    """That many rows with own columns."""
    rows = pages.many(count)
    cells = [json.dumps([f"P{row.row}", SHOPS[row.row % 3], OWNERS[row.row % 2]]) for row in rows]
    return [row._replace(cells=own) for row, own in zip(rows, cells, strict=True)]


@pytest.mark.deep
def test_twenty_thousand_rows_are_filtered_within_a_tenth_of_a_second(
    browser: Browser, tmp_path: Path
) -> None:
    page = pages.write_page(tmp_path, pages.facts(many(20_000), columns=COLUMNS))

    def act(sight: Sight) -> dict[str, float]:
        def took(name: str, value: str) -> float:
            code = (
                f"(() => {{ const one = document.querySelector('select[name={name}]'); "
                f"return ({TIMED})(() => {{ one.value = '{value}'; "
                "one.dispatchEvent(new Event('change')); }); })()"
            )
            return float(sight.page.evaluate(code))

        sight.page.locator(".menu > summary").click()
        nodes = [sight.nodes()]
        found = {
            "column": took("column", "1"),
            "value": min(took("value", "0"), took("value", "1")),
        }
        found["group"] = min(took("group", "own2"), took("group", "status"), took("group", "own1"))
        nodes.append(sight.nodes())
        sight.page.evaluate(SET_SIZE, "130")
        for share in (0.2, 0.9):
            sight.page.evaluate(f"scrollTo(0, {share} * document.body.scrollHeight)")
            sight.page.wait_for_timeout(60)
            nodes.append(sight.nodes())
        assert max(nodes) < 1500, nodes
        assert not sight.problems
        return found

    assert max(_best_of(3, browser, page, act).values()) < 100


def _best_of(
    times: int, browser: Browser, page: Path, act: Callable[[Sight], dict[str, float]]
) -> dict[str, float]:
    """The least of some rounds: the machine may be busy with something else."""
    rounds = [
        browser.look(page, act, viewport={"width": 1920, "height": 1080}) for _ in range(times)
    ]
    return {name: min(one[name] for one in rounds) for name in rounds[0]}


@pytest.mark.deep
def test_the_first_picture_of_twenty_thousand_comes_within_a_second(
    browser: Browser, tmp_path: Path
) -> None:
    page = pages.write_page(tmp_path, pages.facts(many(20_000), columns=COLUMNS))
    empty = tmp_path / "empty.html"
    empty.write_text("<!doctype html><img src='thumbs/picture-1.png.jpg' class='card'>")

    def act(sight: Sight) -> float:
        sight.wait("(document.querySelector('.card img') ?? document.images[0])?.naturalWidth > 0")
        return time.monotonic()

    def took(address: Path) -> float:
        def timed(sight: Sight) -> float:
            begun = time.monotonic()
            sight.page.reload()
            return act(sight) - begun

        return min(browser.look(address, timed) for _ in range(3))

    assert took(page) - took(empty) < 1.0


def test_picking_works_on_a_phone(browser: Browser, shop: Path) -> None:
    def act(sight: Sight) -> None:
        sight.page.locator(".open").first.click()
        sight.page.get_by_role("button", name="4 stars (key 4)").click()
        sight.page.get_by_role("button", name="Close").click()
        assert sight.page.locator(".card .pick").first.inner_text() == "★ 4"
        assert sight.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        assert not sight.problems

    browser.look(shop, act, viewport=PHONE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_what_the_gallery_can_do(
    browser: Browser, tmp_path: Path, scheme: str
) -> None:
    axe = (resources("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    sent = {"kind": "file", "value": "in.png", "digest": "d"}
    fields = json.dumps({"prompt": "on a table", "image": [sent]})
    old = (OlderVersion(1, ("old.png",), 9.0, 0.02),)
    rows = [own(2, fields=fields, versions=old, stars=5), own(3, stars=-1), pages.failed_row(4)]
    rows += [own(number) for number in range(5, 12)]
    page = pages.write_page(tmp_path, pages.facts(rows, columns=COLUMNS))
    Image.new("RGB", (300, 300), "red").save(tmp_path / "in.png")

    def act(sight: Sight) -> None:
        def faults() -> list[str]:
            found = sight.page.evaluate("axe.run().then((found) => found.violations)")
            bad = [one for one in found if one["impact"] in ("serious", "critical")]
            return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in bad]

        sight.page.evaluate(axe)
        choose(sight, "group", "shop")
        for fold in sight.page.locator(".folds > details > summary").all():
            fold.click()
        assert faults() == []
        sight.page.locator(".menu > summary").click()
        assert faults() == []
        sight.page.keyboard.press("Escape")
        for key in ("b", "v", "z"):
            sight.page.evaluate("document.querySelector('.lightbox')?.close()")
            press(sight, 2, "Enter", key)
            assert faults() == [], key

    browser.look(page, act, color_scheme=scheme)
