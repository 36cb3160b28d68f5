"""The exit codes of rowmill, with the rule for when several apply.

Exception
├── RunOverError       a run of several hosts has changed: look again
└── Refusal            rowmill stops for a reason that the person can remedy; has an exit code
    └── SettingsError  (runner/settings/settings.py) a value in a settings file or the environment
"""

from collections.abc import Iterable
from enum import IntEnum

from jobs.errors import Trouble


class RunOverError(Exception):
    """The run that a host was to join has ended, or another host opened one meanwhile."""


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


EXIT_PRECEDENCE = (
    Exit.BUG,
    Exit.OUTPUT,
    Exit.BUSY,
    # Nothing is sent after these two, so they never occur with the ones below.
    Exit.USAGE,
    Exit.UNUSABLE,
    # A person or the system ended it, which says more than the state of the rows.
    Exit.TERMINATED,
    Exit.INTERRUPTED,
    Exit.PROVIDER,
    Exit.STOPPED,
    Exit.SOME_FAILED,
    Exit.DONE,
)
"""If several codes apply, the first of these is returned."""


OF_TROUBLE = {
    Trouble.UNUSABLE: Exit.UNUSABLE,
    Trouble.OUTPUT: Exit.OUTPUT,
    Trouble.BUSY: Exit.BUSY,
}
"""The code for an error of a lower room that nobody handled."""


def worst(codes: Iterable[Exit]) -> Exit:
    """The code to exit with; `Exit.DONE` if there are none."""
    return min(codes, key=EXIT_PRECEDENCE.index, default=Exit.DONE)


class Refusal(Exception):  # noqa: N818 - a refusal is no error of the program
    """rowmill stops; `message` says why and what to do."""

    def __init__(self, message: str, *, code: Exit = Exit.UNUSABLE) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
