"""Runs the real command with a wrong time of day that a file corrects.

`python -m tests.support.shifted_clock SECONDS FILE WORDS…`: the time of day is ahead by SECONDS
until FILE exists. No other clock is touched.
"""

import sys
import time
from pathlib import Path

_wall = time.time


def install(ahead: float, *, until: Path) -> None:
    """Set the time of day ahead (negative: back) until the file exists."""
    time.time = lambda: _wall() + (0.0 if until.exists() else ahead)


if __name__ == "__main__":
    install(float(sys.argv[1]), until=Path(sys.argv[2]))
    from runner.cli import main  # after the clock is set

    sys.argv = ["rowmill", *sys.argv[3:]]
    main()
