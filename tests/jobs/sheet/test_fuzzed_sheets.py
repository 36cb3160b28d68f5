"""A damaged sheet causes no traceback and no hang, and no row is lost or shifted silently."""

from pathlib import Path

import pytest

from jobs.sheet.finding import Finding, SheetError
from jobs.sheet.reader import open_sheet
from runner.catalogue.findings import describe, describe_error
from tests.support.fuzzed_sheets import Fuzzed, fuzzed


def silent_loss(sheet: Fuzzed, path: Path) -> str | None:
    """What is missing or wrong without any finding about it."""
    path.write_bytes(sheet.raw)
    try:
        opened = open_sheet(path)
        rows = [[str(cell) for cell in cells] for _, cells in opened.rows()]
    except SheetError as error:
        return None if describe_error(error) else "no words"
    loud = [describe(one) for one in opened.findings if _is_loud(one)]
    if loud or not sheet.intact:
        return None
    found = {row[0].strip('"'): row for row in rows if row}
    for key, truth in sheet.truth.items():
        if key not in found:
            return f"{key} is gone: {sheet.raw!r}"
        if not _same(found[key], truth):
            return f"{truth} became {found[key]}: {sheet.raw!r}"
    return None


def _is_loud(finding: Finding) -> bool:
    """True if a person sees this finding and it says something about rows."""
    return finding.severity != "note" or finding.kind in {"bare_quotes", "header_in_text"}


def _same(found: list[str], truth: list[str]) -> bool:
    """True if the cells are equal apart from quotes that were left open or closed twice."""
    bare = [cell.replace('"', "").replace("\r", "\n") for cell in found]
    return bare == [cell.replace('"', "") for cell in truth]


def check_all(folder: Path, seeds: range) -> None:
    for seed in seeds:
        sheet = fuzzed(seed)
        loss = silent_loss(sheet, folder / sheet.name)
        assert loss is None, f"seed {seed}: {loss}"


def test_some_hundred_damaged_sheets_are_read_or_refused_in_words(tmp_path: Path) -> None:
    check_all(tmp_path, range(500))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(20))
def test_20000_damaged_sheets_are_read_or_refused_in_words(tmp_path: Path, part: int) -> None:
    check_all(tmp_path, range(part * 1_000, (part + 1) * 1_000))
