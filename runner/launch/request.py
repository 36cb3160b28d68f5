"""What a command that runs rows is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from jobs.store import Store, Transaction
from jobs.store.edits import Edit
from runner.exits import Exit
from runner.secret import Secret
from runner.settings.settings import Settings
from runner.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One command that runs rows."""

    sheet: Path
    workspace: Workspace
    settings: Settings
    key: Secret | None = None  # in a rehearsal, where none is asked for
    before: Callable[[Transaction], Sequence[str]] | None = None  # `retry`: puts back, says what
    edits: Sequence[Edit] = ()  # cells that a person corrected beside the sheet
    rehearsal: bool = False
    audit: Callable[[Store], tuple[list[str], Exit]] | None = None  # what else to tell at the end


def program_version() -> str:
    """rowmill's version, as it is written into the table."""
    try:
        return version("rowmill")
    except PackageNotFoundError:
        return "unknown"
