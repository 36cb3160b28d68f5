"""What reading a sheet can report, as values; the catalogue holds the sentences."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from jobs.errors import ExpectedError, Trouble

Severity: TypeAlias = Literal["error", "warning", "note"]


class Term(str):
    """A value that is a key of the catalogue and is translated when it is shown."""

    __slots__ = ()


Values: TypeAlias = tuple[tuple[str, str | int], ...]
"""Values for a finding's sentence, by name. A tuple of pairs, so that a finding can be hashed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about a sheet that its owner should know.

    `kind` is a stable key that names the sentence with the remedy; `row` is the row number that
    Excel shows (in jsonl and txt the line number); `found` and `expected` are facts that need no
    translation, or the English short form that goes into results. An error with a row number
    means that this row cannot be sent.
    """

    kind: str
    severity: Severity
    row: int | None = None
    column: str | None = None
    found: str = ""
    expected: str = ""
    values: Values = ()


class SheetError(ExpectedError):
    """A sheet, or an option given for it, is unusable; nothing is read from it."""

    trouble = Trouble.UNUSABLE

    def __init__(self, path: Path | None, findings: Iterable[Finding]) -> None:
        self.path = path
        self.findings = tuple(findings)
        super().__init__(path, self.findings)

    def __str__(self) -> str:
        """For logs. What people read comes from the catalogue."""
        head = f"{self.path} cannot be used:" if self.path else "the sheet cannot be used:"
        return "\n".join([head, *(f"  {_outline(finding)}" for finding in self.findings)])


def _outline(finding: Finding) -> str:
    parts = [f"row {finding.row}"] if finding.row is not None else []
    parts += [f"column {excerpt(finding.column, 40)}"] if finding.column is not None else []
    parts += [finding.kind, *(f"{name} {value}" for name, value in finding.values)]
    parts += [f"expected {finding.expected}"] if finding.expected else []
    parts += [f"found {finding.found}"] if finding.found else []
    return ", ".join(parts)


def excerpt(text: str, limit: int = 80) -> str:
    """The start of an untrusted text, on one printable line."""
    line = " ".join(text[: limit * 4].split())
    shown = "".join(character if character.isprintable() else "\ufffd" for character in line)
    return shown if len(shown) <= limit else f"{shown[:limit]}…"
