"""What reading a sheet can say about it, as values."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about a sheet that its owner should know.

    `kind` is a stable key; `row` is the number that Excel shows (in jsonl and txt the line);
    `message` is one line that says what to do. An error at a row means: this row cannot be sent.
    """

    kind: str
    severity: Severity
    row: int | None = None
    column: str | None = None
    found: str = ""
    expected: str = ""
    message: str


class SheetError(Exception):
    """A sheet, or one of its options, cannot be used; nothing is read from it."""

    def __init__(self, path: Path | None, findings: Iterable[Finding]) -> None:
        self.path = path
        self.findings = tuple(findings)
        super().__init__(path, self.findings)

    def __str__(self) -> str:
        head = f"{self.path} cannot be used:" if self.path else "the sheet cannot be used:"
        return "\n".join([head, *(f"  {describe(finding)}" for finding in self.findings)])


def describe(finding: Finding) -> str:
    """One line for people: where, what, expected and found."""
    where = [f"row {finding.row}"] if finding.row is not None else []
    if finding.column is not None:
        where.append(f"column {excerpt(finding.column, 40)}")
    what = [f"expected {finding.expected}"] if finding.expected else []
    if finding.found:
        what.append(f"found {finding.found}")
    head = f"{', '.join(where)}: " if where else ""
    tail = f" ({'; '.join(what)})" if what else ""
    return f"{head}{finding.message}{tail}"


def excerpt(text: str, limit: int = 80) -> str:
    """The beginning of a foreign text on one printable line."""
    line = " ".join(text[: limit * 4].split())
    shown = "".join(character if character.isprintable() else "\ufffd" for character in line)
    return shown if len(shown) <= limit else f"{shown[:limit]}…"
