"""How long the task of a ticket lives."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLife:
    """How long a task lives: times in seconds.

    It is asked after every `poll`, given up after `limit`, and its provider keeps it for `kept`:
    as long as that a later run asks after a task that failed or got stuck.
    """

    poll: float = 12.0
    limit: float = 65 * 60.0
    kept: float = 86_400.0
