"""How calls are bought on a lane of a provider: the value that data and settings give."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

ONLINE, FLEX, BATCH = "online", "flex", "batch"
LANE_FORMS = ("service_tier", "path", "base_url")
BATCH_FORMS = ("openai", "anthropic", "gemini", "openrouter")
FLEX_SECONDS = 3_700.0  # to wait for an answer, where nothing else is said


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRule:
    """One lane. `endpoints` empty: all that have lanes; `models` None: all models.

    Rows and bytes are those of one provider batch; 0: as many as the form's first provider takes.
    """

    name: str
    form: str
    factor: float = 0.5
    timeout: float = FLEX_SECONDS
    endpoints: tuple[str, ...] = ()
    models: str | None = None
    base_url: str = ""
    path: str = ""
    max_rows: int = 0
    max_bytes: int = 0


class OnlineRows(StrEnum):
    """The rows of a run that go online, whatever lane they name."""

    NONE = "none"
    REQUEUED = "requeued"  # those that a retry put back
    ALL = "all"  # the run is a pilot or a retry


def lane_is_given(sources: Mapping[str, str]) -> bool:
    """True if the command's own line names the lane, by where its settings came from."""
    return sources["lane"] == "flag"
