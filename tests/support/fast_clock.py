"""Runs the real command with all clocks sped up by a factor.

`python -m tests.support.fast_clock TIMES WORDS…`: an hour's outage passes in
seconds, while every wait, window and deadline of the command keeps its own length in its
own hours.
"""

import selectors
import sys
import time
from typing import Any

_began = time.time()
_wall, _steady, _sleep = time.time, time.monotonic, time.sleep
_steady_began = _steady()


def install(times: float) -> None:
    """Speed up the wall clock, the steady clock, sleeping, and the waits of event loops."""

    class Fast(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> Any:
            return super().select(timeout / times if timeout is not None else None)

    time.time = lambda: _began + (_wall() - _began) * times
    time.monotonic = lambda: _steady_began + (_steady() - _steady_began) * times
    time.sleep = lambda seconds: _sleep(float(seconds) / times)
    selectors.DefaultSelector = Fast  # type: ignore[misc]


if __name__ == "__main__":
    install(float(sys.argv[1]))
    from runner.cli import main  # after the clocks are fast

    sys.argv = ["rowmill", *sys.argv[2:]]
    main()
