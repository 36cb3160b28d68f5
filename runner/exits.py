"""The exit codes of rowmill, with the rule for when several apply.

Exception
└── Refusal            rowmill will not go on, for a reason the person can remedy; has a code
    └── SettingsError  (runner/settings/settings.py) a value in a settings file or the environment
"""

from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    """How a command ended. The numbers are public: scripts read them."""

    DONE = 0  # all selected rows done, or nothing to do
    BUG = 1  # a fault of ours
    USAGE = 2  # the command line cannot be understood
    UNUSABLE = 3  # sheet or settings unusable, or consent missing; nothing was sent
    SOME_FAILED = 4  # finished, some rows failed or in doubt
    STOPPED = 5  # by a limit of the user's, or by a declined question
    PROVIDER = 6  # stopped by the provider: key, credit, blocked
    OUTPUT = 7  # results or files could not be written
    BUSY = 8  # another run holds this table
    INTERRUPTED = 130  # Ctrl-C; state saved
    TERMINATED = 143  # SIGTERM; state saved


PRECEDENCE = (
    Exit.BUG,
    Exit.OUTPUT,
    Exit.BUSY,
    # Nothing was sent after these two, so they never meet the ones below.
    Exit.USAGE,
    Exit.UNUSABLE,
    # A person or the system ended it: how the rows stand then says less than that.
    Exit.TERMINATED,
    Exit.INTERRUPTED,
    Exit.PROVIDER,
    Exit.STOPPED,
    Exit.SOME_FAILED,
    Exit.DONE,
)
"""Which code is told when several apply: the first of these."""


def worst(codes: Iterable[Exit]) -> Exit:
    """The one code to exit with; `Exit.DONE` where there is none."""
    return min(codes, key=PRECEDENCE.index, default=Exit.DONE)


class Refusal(Exception):  # noqa: N818 - a refusal is no error of the program
    """rowmill will not go on, and says in `message` why and what to do."""

    def __init__(self, message: str, *, code: Exit = Exit.UNUSABLE) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
