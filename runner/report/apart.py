"""Writes the report of a big table in a process of its own: `python -m runner.report.apart`.

pandas and the rows would double what a run holds in memory just before it ends.
"""

import json
import subprocess
import sys
from pathlib import Path

from jobs.export import OutputError
from runner.catalogue import choose_language, language
from runner.report.writing import Wish, write_report
from runner.workspace import Workspace

BIG = 3_000  # rows


def write_ended(workspace: Workspace, *, rows: int) -> tuple[Path, bool]:
    """The report of a run that has just ended, as `write_report`."""
    if rows <= BIG:
        return write_report(workspace, Wish())
    done = subprocess.run(  # noqa: S603 - our own program, and no shell
        [sys.executable, "-m", "runner.report.apart", str(workspace.folder), language()],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise OutputError(lines[-1][:300] if lines else f"exit code {done.returncode}")
    path, moved = json.loads(done.stdout)
    return Path(path), bool(moved)


def main() -> None:
    """Folder and language come as words; where the report is goes to stdout."""
    folder, chosen = sys.argv[1:]
    choose_language(chosen, {})
    path, moved = write_report(Workspace(folder=Path(folder)), Wish())
    sys.stdout.write(json.dumps([str(path), moved]))


if __name__ == "__main__":
    main()
