"""Runs the tests of the fault matrix and writes its page; `python -m tests.matrix`.

Options are pytest's; `-m ""` runs the long ones too. `pytest --row C11` runs the tests of one row.
"""

import fnmatch
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCE, TABLE = HERE / "matrix.toml", HERE / "matrix.md"
PATH = re.compile(r"(?:^|\s)(?:/\w|[A-Z]:\\)")
HEAD = """# What can go wrong, and what holds it

Made by `python -m tests.matrix` from [matrix.toml](matrix.toml); the long tests by
`python -m tests.matrix -m long`, one row by `pytest --row C11`. An outcome is that of the last run
of a test, with the number of its cases and the last figures it printed.

Not to be had on the machines that test this: macOS, Windows, virus scanners, HTTP/2, real
gateways.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault or threat. `missing` says what our tests cannot show."""

    id: str
    part: str
    fault: str
    tests: tuple[str, ...]
    missing: str = ""


@dataclass(slots=True)
class Outcome:
    """The outcomes of one test's cases."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    figures: str = ""

    def __str__(self) -> str:
        told = ", ".join(f"{count} {word}" for word, count in sorted(self.counts.items()))
        return f"{told}: {self.figures}" if self.figures else told


def rows() -> list[Row]:
    """All rows, in their order."""
    parts = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    return [
        Row(
            id=name,
            part=part["title"],
            fault=one["fault"],
            tests=tuple(one["tests"]),
            missing=one.get("missing", ""),
        )
        for part in parts.values()
        for name, one in part.items()
        if name != "title"
    ]


def base_of(test: str) -> str:
    """FILE::NAME without the case."""
    return test.removeprefix("tests/").partition("[")[0]


def entries() -> dict[str, list[tuple[str, str]]]:
    """The rows and tests of the matrix, by test function."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows():
        for test in row.tests:
            found.setdefault(base_of(test), []).append((row.id, test))
    return found


def covers(test: str, node: str) -> bool:
    """True if this entry of the matrix covers this test of pytest."""
    name, bracket, pattern = test.partition("[")
    found, _, case = node.removeprefix("tests/").partition("[")
    return found == name and (not bracket or fnmatch.fnmatchcase(case[:-1], pattern[:-1]))


class Keeper:
    """A pytest plugin that records the outcomes of the matrix's tests."""

    def __init__(self, tests: Iterable[str]) -> None:
        self.tests = tuple(tests)
        self.found: dict[str, Outcome] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count the call phase of a case, and failures of its setup."""
        if report.when != "call" and report.passed:
            return
        for test in self.tests:
            if covers(test, report.nodeid):
                one = self.found.setdefault(test, Outcome())
                one.counts[report.outcome] += 1
                lines = report.capstdout.strip().splitlines()
                one.figures = _plain(lines[-1]) if lines else one.figures


def _plain(line: str) -> str:
    """A line of figures for a table cell; empty if it contains a path of this machine."""
    if PATH.search(line):
        return ""
    return line.replace("|", "/")[:120]


def written() -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of the current page: id, and the last outcome by test."""
    if not TABLE.exists():
        return
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 3 and cells[0] not in ("row", "---"):
            entries = [one.partition("`: ") for one in cells[2].split("<br>")]
            yield cells[0], {name.strip("`"): outcome for name, _, outcome in entries}


def table(found: dict[str, Outcome]) -> str:
    """The whole page; tests that did not run keep their last outcome."""
    before = dict(written())
    lines, part = [HEAD], ""
    for row in rows():
        if row.part != part:
            part = row.part
            lines.append(
                f"\n## {part}\n\n| row | fault | tests, and what came of them |\n|---|---|---|"
            )
        known = before.get(row.id, {})
        entries = [f"`{one}`: {found.get(one) or known.get(one) or 'not run'}" for one in row.tests]
        if row.missing:
            entries.append(f"not tested: {row.missing}")
        lines.append(f"| {row.id} | {row.fault} | {'<br>'.join(entries)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run the tests, write the page and return pytest's exit code."""
    tests = sorted({test for row in rows() for test in row.tests})
    files = sorted({str(HERE / test.partition("::")[0]) for test in tests})
    keeper = Keeper(tests)
    words = ["-q", "-p", "no:randomly", "-m", "not long", "--row", "all", *files, *sys.argv[1:]]
    code = pytest.main(words, plugins=[keeper])
    TABLE.write_text(table(keeper.found), encoding="utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
