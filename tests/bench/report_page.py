"""How fast the report opens and filters, beside an empty page in the same browser."""

import argparse
import statistics
import tempfile
from pathlib import Path

from tests.support import pages
from tests.support.browser import Browser, Sight, chromium_path

from .measuring import table

LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
EMPTY = "<!doctype html><title>nothing</title>"
ACT = """(act) => { const begun = performance.now(); act(); document.body.offsetHeight;
  return performance.now() - begun; }"""
ACTS = {
    "filter to failed": "document.querySelector('[data-status=failed]').click()",
    "filter back to all": "document.querySelector('[data-status=all]').click()",
    "first search": "search('fox')",
    "next search": "search('fox on')",
    "search taken back": "search('')",
}
SEARCH = """const search = (text) => { const field = document.querySelector('input[type=search]');
  field.value = text; field.dispatchEvent(new Event('input')); };"""


def main() -> None:
    """Print milliseconds, medians of all rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    path = chromium_path()
    if path is None:
        parser.exit(2, "Chromium is not installed\n")
    with tempfile.TemporaryDirectory() as name:
        page = pages.write_page(Path(name), pages.facts(pages.many(args.rows)))
        empty = Path(name) / "empty.html"
        empty.write_text(EMPTY, encoding="utf-8")
        browser = Browser(path)
        found: dict[str, list[float]] = {}
        for _ in range(args.rounds):
            found.setdefault("empty page", []).append(browser.look(empty, _load))
            for what, value in browser.look(page, _measure).items():
                found.setdefault(what, []).append(value)
        browser.close()
    lines = [[what, f"{statistics.median(values):.0f}"] for what, values in found.items()]
    print(table(["what", "ms"], lines))


def _load(sight: Sight) -> float:
    return float(sight.page.evaluate(LOADED))


def _measure(sight: Sight) -> dict[str, float]:
    costs = {"load": _load(sight)}
    sight.page.wait_for_timeout(1500)  # no person searches sooner
    for what, act in ACTS.items():
        code = f"() => {{ {SEARCH} return ({ACT})(() => {{ {act} }}); }}"
        costs[what] = float(sight.page.evaluate(code))
    return costs


if __name__ == "__main__":
    main()
