"""Ctrl-C that is heard wherever it comes."""

import _thread
import os
import signal
import sys
import threading

REDELIVERY_DELAY_SECONDS = 0.02  # seconds after which a Ctrl-C that was lost is sent again


def redeliver_interrupts() -> None:
    """From now on a Ctrl-C that Python drops comes again.

    One that arrives in a callback of the import system, or in a finaliser, is an exception that
    nobody can catch: Python prints and forgets it, and the program would go on.
    """
    usual = sys.unraisablehook

    def hook(lost: "sys.UnraisableHookArgs") -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            again = threading.Timer(REDELIVERY_DELAY_SECONDS, _interrupt)
            again.daemon = True
            again.start()
        else:
            usual(lost)

    sys.unraisablehook = hook


def _interrupt() -> None:
    """As if Ctrl-C were pressed."""
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:  # ends a wait of the system's, too
        os.kill(os.getpid(), signal.SIGINT)
