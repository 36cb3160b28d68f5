"""Words for row numbers that a sheet does not have."""

from jobs.store.spans import Absence
from runner.catalogue import say

MAX_NAMED_SPANS = 12  # spans of row numbers


def format_missing_rows(found: Absence, sheet: str) -> str:
    """Which of the named rows a sheet lacks, and which rows it has."""
    if found.first is None:
        return say("rows.none_at_all", sheet=sheet)
    named = [
        str(first) if first == last else f"{first}-{last}"
        for first, last in found.spans[:MAX_NAMED_SPANS]
    ]
    more = ["…"] if len(found.spans) > MAX_NAMED_SPANS else []
    return say(
        "rows.absent",
        rows=", ".join([*named, *more]),
        count=found.count,
        sheet=sheet,
        first=found.first,
        last=found.last,
    )
