"""What happens to the provider batches of the mock: how long they take, and what goes wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar


class Fate(StrEnum):
    """How a batch ends; in the order of their creation."""

    OK = "ok"
    EXPIRED = "expired"  # with a share of its rows done
    CANCELLED = "cancelled"  # by the provider, with a share of its rows done
    FAILED = "failed"  # when it is validated, without anything done
    QUEUE_FULL = "queue_full"  # too many tokens wait: refused, and may be created again
    HANG = "hang"  # at work for ever, unless it is cancelled


class CreationFault(StrEnum):
    """What is answered to a creation; in the order of these calls."""

    OK = "ok"
    LOST = "lost"  # created, and the connection breaks before the answer
    BAD_GATEWAY = "502"  # created, and a page of a front server is the answer
    SERVER = "500"  # not created
    LIMIT = "429"  # not created
    RESET = "reset"  # not created, and the connection breaks


class DownloadFault(StrEnum):
    """What is answered to a request for results; in the order of these requests."""

    OK = "ok"
    MISSING = "404"
    UNAVAILABLE = "503"
    CUT = "cut"  # half of the announced bytes
    SHORT = "short"  # half of the bytes, as if that were all


_F = TypeVar("_F", Fate, CreationFault, DownloadFault)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchScript:
    """`seconds` pass from the creation to the end; `cancel_seconds` from a cancel to the end.

    `done_share` is of the rows of an expired or cancelled batch. `twice` is the share of lines that
    come a second time; `cut`, `missing` and `foreign` count lines in a batch's results: cut in the
    middle, billed and left out, and of rows that nobody asked for. A batch over `max_rows` or
    `max_bytes` fails when it is validated, one over `queued_tokens` (of all unfinished batches of
    its model; 0 is no limit) is refused as "queue_full". A listing shows `page` batches, and a new
    one only after `listed_after` seconds. Results are gone `kept` seconds after the end.
    """

    seconds: float = 1.0
    cancel_seconds: float = 0.2
    fates: tuple[Fate, ...] = ()
    creations: tuple[CreationFault, ...] = ()
    uploads: tuple[CreationFault, ...] = ()
    downloads: tuple[DownloadFault, ...] = ()
    done_share: float = 0.5
    shuffled: bool = True
    twice: float = 0.0
    cut: int = 0
    missing: int = 0
    foreign: int = 0
    max_rows: int = 50_000
    max_bytes: int = 200_000_000
    queued_tokens: int = 0
    page: int = 20
    listed_after: float = 0.0
    kept: float = 86_400.0

    @classmethod
    def scripted(
        cls,
        *,
        fates: Sequence[str] = (),
        creations: Sequence[str] = (),
        downloads: Sequence[str] = (),
        seconds: float = 1.0,
    ) -> "BatchScript":
        """A plan of words. Raises ValueError for one that is unknown."""
        return cls(
            seconds=seconds,
            fates=tuple(map(Fate, fates)),
            creations=tuple(map(CreationFault, creations)),
            downloads=tuple(map(DownloadFault, downloads)),
        )

    def fate(self, number: int) -> Fate:
        """The fate of the n-th batch, counted from 0."""
        return _nth(self.fates, number, Fate.OK)

    def creation(self, number: int) -> CreationFault:
        """What is answered to the n-th creation."""
        return _nth(self.creations, number, CreationFault.OK)

    def upload(self, number: int) -> CreationFault:
        """What is answered to the n-th upload."""
        return _nth(self.uploads, number, CreationFault.OK)

    def download(self, number: int) -> DownloadFault:
        """What is answered to the n-th request for results."""
        return _nth(self.downloads, number, DownloadFault.OK)


def _nth(script: tuple[_F, ...], number: int, otherwise: _F) -> _F:
    return script[number] if number < len(script) else otherwise


NAMED_SCRIPTS = {
    "none": BatchScript(),
    "some": BatchScript(
        fates=(Fate.OK, Fate.EXPIRED),
        downloads=(DownloadFault.UNAVAILABLE,),
        twice=0.02,
    ),
    "storm": BatchScript(
        fates=(Fate.EXPIRED, Fate.FAILED, Fate.CANCELLED, Fate.QUEUE_FULL),
        creations=(CreationFault.LOST, CreationFault.LIMIT, CreationFault.BAD_GATEWAY),
        downloads=(DownloadFault.CUT, DownloadFault.UNAVAILABLE, DownloadFault.MISSING),
        twice=0.1,
        foreign=1,
    ),
}
"""The scripts of `--faults`, by its words."""
