"""The one test command: style, types, import contracts, then the tests; `python -m tests`."""

import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = ("jobs", "runner", "migrations")
CHECKS = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy",),
    # The code, as it runs elsewhere; tests use what only Unix has. Each keeps a cache of its own.
    *(
        ("mypy", "--platform", system, "--cache-dir", f".mypy_cache/{system}", *CODE)
        for system in ("win32", "darwin")
    ),
    ("lint-imports", "--no-logo"),
    ("pytest", "-n", "2"),
)


def main() -> int:
    """Run the checks in turn; stop at the first that fails, with its exit code."""
    scripts = Path(sysconfig.get_path("scripts"))
    for name, *words in CHECKS:
        print(f"$ {' '.join((name, *words))}", flush=True)
        started = time.monotonic()
        done = subprocess.run([scripts / name, *words], cwd=ROOT, check=False)
        print(f"  {time.monotonic() - started:.1f} s", flush=True)
        if done.returncode != 0:
            print(f"{name} failed ({done.returncode})", flush=True)
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
