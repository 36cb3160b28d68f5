"""Where a host's claims go on in the queue of a shared table."""

from dataclasses import dataclass

RESTART_SECONDS = 1.0  # after which a claim looks at the whole queue again


@dataclass(slots=True)
class Walk:
    """The last turn that was taken.

    PostgreSQL keeps what was claimed in its index as long as any reader may see it, so that a
    claim from the beginning would walk over all of it again. Jobs that were put back before the
    last turn are found at the next look from the beginning.
    """

    turn: float | None = None
    began_at: float = 0.0  # when a claim looked from the beginning

    def start(self, now: float) -> float | None:
        """The turn to start from; None for the beginning."""
        if self.turn is None or not 0.0 <= now - self.began_at < RESTART_SECONDS:
            self.began_at = now
            return None
        return self.turn

    def took(self, last: float | None) -> None:
        """A claim got all it asked for, up to this turn; None: it got less."""
        self.turn = last
