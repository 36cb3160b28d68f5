"""Makes sure that no Ctrl-C is lost."""

import _thread
import os
import signal
import sys
import threading

REDELIVERY_DELAY_SECONDS = 0.02  # after a Ctrl-C was lost


def redeliver_interrupts() -> None:
    """From now on, send a Ctrl-C again if Python drops it.

    If it arrives in a callback of the import system or in a finaliser, nothing can catch the
    exception: Python prints and discards it, and the program would go on.
    """
    default = sys.unraisablehook

    def hook(lost: "sys.UnraisableHookArgs") -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            again = threading.Timer(REDELIVERY_DELAY_SECONDS, _interrupt)
            again.daemon = True
            again.start()
        else:
            default(lost)

    sys.unraisablehook = hook


def ignore_interrupts() -> None:
    """The command has ended: no Ctrl-C may replace its exit code by a death by signal.

    CPython notes an interrupt that passes through `exec` of a text (dataclasses are made so during
    imports), and kills the process by SIGINT at its end even though the interrupt was handled. The
    next `exec` clears that note.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    exec("")  # noqa: S102 - a constant; see above


def _interrupt() -> None:
    """Does what pressing Ctrl-C does."""
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:  # also ends a blocking system call
        os.kill(os.getpid(), signal.SIGINT)
