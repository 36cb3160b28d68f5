"""Draws `samples/terminal.svg`: a rehearsal as a real terminal shows it; needs tmux.

`python -m tests.terminal_picture` draws the README's picture anew, after the display has changed.
"""

import csv
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "samples" / "terminal.svg"
COLUMNS, LINES = 98, 30
ROWS = 2000
SHARE = 30  # per cent of the rows, after which the picture is taken
COMMAND = "rowmill rehearse prompts.csv --faults some -c 16"
WAIT_SECONDS = 120.0
FONTS = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"
NORMAL = (
    *((75, 78, 85), (204, 85, 90), (152, 168, 75), (208, 179, 68)),
    *((96, 138, 177), (152, 114, 159), (104, 160, 179), (197, 200, 198)),
)
BRIGHT = (
    *((154, 155, 153), (255, 38, 39), (0, 130, 61), (208, 132, 66)),
    *((25, 132, 233), (255, 44, 122), (57, 130, 128), (253, 253, 197)),
)
DARK = TerminalTheme((41, 41, 41), (197, 200, 198), list(NORMAL), list(BRIGHT))


def main() -> None:
    """Run it in a terminal of tmux, and draw the screen once it is under way."""
    # The run saves its state after its terminal is gone.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        screen = screen_of(Path(folder))
    TARGET.write_text(drawn(screen), encoding="utf-8")
    print(TARGET)


def screen_of(folder: Path) -> str:
    """The lines on the screen, with their colours, after a share of the rows."""
    _write_sheet(folder / "prompts.csv")
    tmux = ["tmux", "-S", str(folder / "tmux")]
    line = COMMAND.replace("rowmill", f"{shlex.quote(sys.executable)} -m runner.cli", 1)
    size = ("-x", str(COLUMNS), "-y", str(LINES))
    subprocess.run(
        [*tmux, "new-session", "-d", *size, "-c", str(folder), f"{line}; sleep 60"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(folder), "LANG": "C.UTF-8"},
        check=True,
    )
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not _is_under_way(screen := _captured(tmux)):
            assert time.monotonic() < deadline, screen
            time.sleep(0.2)
        return screen
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
        time.sleep(2)


def _is_under_way(screen: str) -> bool:
    return any(f" {share}%" in screen for share in range(SHARE, SHARE + 20))


def drawn(screen: str) -> str:
    """The screen as a picture, under the command that one types."""
    console = Console(width=COLUMNS, record=True, file=io.StringIO())
    console.print(Text(f"$ {COMMAND}"))
    for line in screen.rstrip().splitlines():
        console.print(Text.from_ansi(line), no_wrap=True, crop=False)
    svg = console.export_svg(title="rowmill", theme=DARK, unique_id="terminal")
    # The fonts of this machine: a picture in a README fetches none.
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code, monospace", FONTS).rstrip() + "\n"


def _captured(tmux: list[str]) -> str:
    done = subprocess.run(
        [*tmux, "capture-pane", "-e", "-p"], capture_output=True, text=True, check=True
    )
    return done.stdout


def _write_sheet(path: Path) -> None:
    with (ROOT / "samples" / "animals.csv").open(encoding="utf-8", newline="") as source:
        animals = list(csv.DictReader(source))
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "prompt"])
        for number in range(ROWS):
            animal = animals[number % len(animals)]
            writer.writerow([f"{animal['id']}-{number}", f"{animal['prompt']}, number {number}"])


if __name__ == "__main__":
    main()
