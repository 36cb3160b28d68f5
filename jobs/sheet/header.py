"""Finds the header among the first rows of a sheet."""

from collections.abc import Sequence

from jobs.sheet.finding import Finding, excerpt
from jobs.sheet.names import KnownHeader, is_known

SEARCHED_ROWS = 10  # rows that are looked at


def find_header(rows: Sequence[Sequence[str]], known: KnownHeader = is_known) -> int | None:
    """The index of the header row; None if all rows are blank.

    The first row that is not blank is the header, unless it is a title above the real header. A row
    further down counts only if it has a known name and fills at least twice as many cells as every
    row above it, because a row that is skipped by mistake is lost.
    """
    first: int | None = None
    fullest = 0
    for index, row in enumerate(rows):
        filled = sum(1 for cell in row if cell.strip())
        if not filled:
            continue
        if first is None:
            first = index
        if index >= first + SEARCHED_ROWS:
            break
        if filled >= 2 * fullest and any(map(known, row)):
            return index
        fullest = max(fullest, filled)
    return first


def header_findings(
    rows: Sequence[Sequence[str]], header: int, known: KnownHeader = is_known
) -> list[Finding]:
    """Warnings about the chosen header. `header` is an index; findings number rows from 1."""
    findings = []
    above = [i + 1 for i in range(header) if any(cell.strip() for cell in rows[i])]
    if above:
        findings.append(
            Finding(
                kind="rows_above_header",
                severity="warning",
                row=above[0],
                found=excerpt(" ".join(rows[above[0] - 1])),
                values=(("header", header + 1),),
            )
        )
    if not any(map(known, rows[header])):
        findings.append(
            Finding(
                kind="no_known_header",
                severity="warning",
                row=header + 1,
                found=excerpt(", ".join(rows[header])),
            )
        )
    return findings
