"""Ten everyday tasks at the desk, each with its clicks and seconds, in a real browser."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .measuring import ROOT, table

sys.path.insert(0, str(ROOT))

import openpyxl

from runner.mock.account_info import PRICING
from runner.mock.faults import FaultPlan
from runner.mock.server_thread import MockThread
from runner.mock.settings import MockSettings
from tests.support.browser import Browser, Sight, chromium_path
from tests.support.desks import opened_desk

LAPTOP = {"width": 1366, "height": 768}
ROWS = 40
WAIT_MS = 120_000
HOMES = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")


@dataclass(slots=True)
class Hand:
    """A person's hand: it clicks, types and chooses, and each of these is counted."""

    sight: Sight
    folder: Path
    acts: int = 0
    done: list[list[str]] = field(default_factory=list)

    def click(self, selector: str) -> None:
        """One click, once the thing is there."""
        self.acts += 1
        self.sight.page.locator(selector).first.click(timeout=WAIT_MS)

    def press(self, key: str) -> None:
        """One key."""
        self.acts += 1
        self.sight.page.keyboard.press(key)

    def fill(self, selector: str, text: str) -> None:
        """One field filled in."""
        self.acts += 1
        self.sight.page.fill(selector, text)

    def choose(self, selector: str, value: str) -> None:
        """One choice from a list."""
        self.acts += 1
        self.sight.page.locator(selector).select_option(value)

    def drop(self, file: Path) -> None:
        """One file dropped or chosen."""
        self.acts += 1
        self.sight.page.set_input_files("#picker", file)

    def sees(self, selector: str) -> None:
        """Wait for the outcome."""
        self.sight.page.wait_for_selector(selector, timeout=WAIT_MS)

    @contextmanager
    def task(self, words: str) -> Iterator[None]:
        """Count and time one task."""
        before, began = self.acts, time.monotonic()
        yield
        seconds = time.monotonic() - began
        self.done.append([words, str(self.acts - before), f"{seconds:.1f}"])


def start_a_sheet(hand: Hand) -> None:
    """A workbook from elsewhere becomes three results."""
    hand.drop(hand.folder.parent / "from-mail" / "主图.xlsx")
    hand.sees("#endpoint")
    hand.choose("#endpoint", "chat-image")
    hand.fill("#model", "mock-image")
    hand.sees("#try:not([disabled])")
    hand.click("#try")
    hand.click("#ask[open] .main")
    hand.sees("#run-rest")


def run_the_rest(hand: Hand) -> None:
    """The others, after a yes to rows, price and time."""
    hand.click("#run-rest")
    hand.click("#ask[open] .main")
    hand.sees("#pause")


def pause_and_go_on(hand: Hand) -> None:
    """The run pauses, and goes on."""
    hand.click("#pause")
    hand.sees(".progress .lead:has-text('Paused')")
    hand.click("#pause")
    hand.sees("#to-look.main")


def what_did_it_cost(hand: Hand) -> None:
    """The sum is on the page of the run."""
    hand.click("#step-run")
    hand.sees(".figures dd:has-text('USD')")


def what_failed_and_why(hand: Hand) -> None:
    """Each cause with its rows, its words and what trying again would cost."""
    hand.click("#step-look")
    hand.sees(".failures li")


def try_failed_rows_again(hand: Hand) -> None:
    """The rows of one cause, after the same question."""
    hand.click("[id^=retry-]")
    hand.click("#ask[open] .main")
    hand.sees("#to-look")


def mark_results(hand: Hand) -> None:
    """Two good ones and an ugly one, in the gallery, by keys."""
    page = hand.sight.page
    with page.context.expect_page() as opening:
        hand.click("#step-look")
        hand.click("#gallery[href]")
    gallery = opening.value
    gallery.wait_for_selector("#grid .card.is-done .open")
    hand.acts += 1
    gallery.locator("#grid .card.is-done .open").first.click()
    for key in ("5", "ArrowRight", "4", "ArrowRight", "x"):
        hand.acts += 1
        gallery.keyboard.press(key)
        gallery.wait_for_timeout(250)
    gallery.close()


def redo_the_ugly(hand: Hand) -> None:
    """What was rejected is generated again."""
    hand.click("#step-look")
    hand.click("#again-rejected")
    hand.click("#ask[open] .main")
    hand.sees("#to-look")


def go_on_after_edits(hand: Hand) -> None:
    """The edited workbook runs only what changed."""
    hand.drop(hand.folder.parent / "edited" / "主图.xlsx")
    hand.click("#ask[open] .main")
    hand.sees("#run-all:not([disabled]), #try:not([disabled])")
    hand.click("#run-all, #try")
    hand.click("#ask[open] .main")
    hand.sees("#to-look")


def hand_it_back(hand: Hand) -> None:
    """The user's own workbook with the results."""
    hand.click("#step-finish")
    hand.click("#make-copy")
    hand.sees("a.file")


TASKS: dict[str, Callable[[Hand], None]] = {
    "start a sheet, see three results": start_a_sheet,
    "run the rest": run_the_rest,
    "pause, and go on to the end": pause_and_go_on,
    "what did it cost": what_did_it_cost,
    "what failed, and why": what_failed_and_why,
    "try failed rows again": try_failed_rows_again,
    "mark two good results and an ugly one": mark_results,
    "generate the ugly one again": redo_the_ugly,
    "go on after edits in Excel": go_on_after_edits,
    "take the own workbook with results": hand_it_back,
}


def write_sheets(folder: Path) -> None:
    """The workbook as it came, and as it was edited later: two rows changed, one new."""
    for name, words in (("from-mail", "teapot"), ("edited", "blue teapot")):
        (folder / name).mkdir()
        book = openpyxl.Workbook()
        page = book.worksheets[0]
        page.append(["编号", "提示词", "店铺"])
        for number in range(1, ROWS + 1 + (name == "edited")):
            what = words if number in (5, 6) else "teapot"
            page.append([f"A-{number}", f"a {what} on a walnut table, number {number}", "north"])
        book.save(folder / name / "主图.xlsx")


def main() -> None:
    """Print clicks and seconds. The seconds hold what the run itself takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.5)
    args = parser.parse_args()
    path = chromium_path()
    if path is None:
        parser.exit(2, "Chromium is not installed\n")
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        folder = base / "shop"
        folder.mkdir()
        write_sheets(base)
        os.environ.update(dict.fromkeys(HOMES, name), LANG="C.UTF-8", ROWMILL_API_KEY="test")
        plan = FaultPlan.scripted({f"number {one}": ["moderation"] for one in (12, 23)})
        settings = MockSettings(
            port=0, faults=plan, latency=args.latency, pricing=PRICING, bill=base / "bill"
        )
        with MockThread(settings) as mock, opened_desk(folder) as desk:
            os.environ["ROWMILL_BASE_URL"] = mock.base_url
            browser = Browser(path)
            lines = browser.look(desk.url, lambda sight: _work(sight, folder), viewport=LAPTOP)
            browser.close()
    print(table(["task", "clicks and keys", "seconds"], lines))


def _work(sight: Sight, folder: Path) -> list[list[str]]:
    hand = Hand(sight=sight, folder=folder)
    sight.page.wait_for_selector("#drop")
    for words, act in TASKS.items():
        with hand.task(words):
            act(hand)
    assert not sight.problems, sight.problems
    return hand.done


if __name__ == "__main__":
    main()
