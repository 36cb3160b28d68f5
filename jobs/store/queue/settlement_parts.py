"""The parts of a settlement: how a call ended, its raw answer, and its files."""

from dataclasses import dataclass

from jobs.outcome import WireClass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnd:
    """How a call ended: its wire class, and what the answer reports."""

    wire: WireClass
    seconds: float | None  # None: of a line in a provider batch, which has no time of its own
    status: int | None = None
    request_id: str | None = None
    cost: float | None = None
    currency: str | None = None
    estimated: bool = False
    is_primary: bool = True  # False: another job that shared the call carries its cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A raw answer. `coding` is `raw`, or `file` if the body is in the answers folder."""

    status: int
    headers: str  # JSON object
    body: bytes
    size: int
    digest: bytes
    coding: str = "raw"
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFile:
    """A file under its final name, verified; `name` is relative to the files folder."""

    number: int
    name: str
    size: int
    sha256: bytes
    media_type: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LostFile:
    """A file that can no longer be downloaded."""

    number: int
    cause: str
