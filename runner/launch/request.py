"""What a command that runs rows asks for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from jobs.store import Store, Transaction
from jobs.store.edits import Edit
from runner.exits import Exit
from runner.launch.database_wait import Beginning
from runner.protocol.lane_rule import ONLINE, lane_is_given
from runner.secret import Secret
from runner.settings.settings import Settings
from runner.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """The rows that `retry` puts back: the run takes these and no others."""

    jobs: tuple[int, ...] = ()  # to be sent, in sheet order
    free: int = 0  # further rows, which only have to be downloaded or asked after
    sentences: tuple[str, ...] = ()  # what to tell of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that a run asks before it starts, whatever it costs; `key` is the catalogue's."""

    key: str
    default: bool
    typed_yes: bool = False  # where the run is large, a single letter is not enough


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One command that runs rows."""

    sheet: Path
    workspace: Workspace
    settings: Settings
    sheet_is_here: bool = True  # False for a host that was given a database: nothing is loaded
    key: Secret | None = None  # a rehearsal brings its own
    put_back: Callable[[Transaction], PutBack] | None = None  # `retry`
    edits: Sequence[Edit] = ()  # cells that a person corrected beside the sheet
    question: Question | None = None
    agreed: str | None = None  # a yes that was given elsewhere: a plan as JSON, or `ask`
    rehearsal: bool = False
    audit: Callable[[Store], tuple[list[str], Exit]] | None = None  # more to tell at the end
    beginning: Beginning = field(default_factory=Beginning)

    @property
    def prices_by(self) -> Settings:
        """The settings by which the rows are priced: a retry goes online unless it names a lane."""
        return self.settings if self.put_back is None else going_online(self.settings)


def going_online(settings: Settings) -> Settings:
    """The settings of a pilot or a retry, which go online unless their line names a lane."""
    return settings if lane_is_given(settings.sources) else replace(settings, lane=ONLINE)


def program_version() -> str:
    """rowmill's version, as it is written into the table."""
    try:
        return version("rowmill")
    except PackageNotFoundError:
        return "unknown"
