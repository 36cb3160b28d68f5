"""Every command of samples/README.md does what its line says."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from runner.catalogue import say
from tests.support.world import ROOT, World
from tests.terminal_picture import drawn

SAMPLES = ROOT / "samples"
LINES = re.findall(r"`rowmill (.+?)` \|", (SAMPLES / "README.md").read_text(encoding="utf-8"))


def test_every_sheet_of_the_samples_has_a_line() -> None:
    sheets = {path.name for path in SAMPLES.iterdir() if path.is_file()}
    sheets -= {"README.md", "terminal.svg", "report.png"}  # the README's pictures are not sheets
    named = {Path(word).name for line in LINES for word in shlex.split(line)}
    assert sheets <= named
    assert len(LINES) >= 5


def test_the_readmes_picture_shows_todays_words_and_fetches_nothing() -> None:
    """`python -m tests.terminal_picture` draws it anew."""
    picture = (SAMPLES / "terminal.svg").read_text(encoding="utf-8").replace("&#160;", " ")
    keys = ("foot", "in_flight", "elapsed", "rate", "cost", "tokens", "saved", "oldest", "rows")
    assert [key for key in keys if say(f"progress.{key}") not in picture] == []
    assert say("run.ahead_for_real").strip() in picture
    assert "font-face" not in picture
    again = drawn("\x1b[32m✓\x1b[0m row 2 <b>").replace("&#160;", " ")
    assert "row 2 &lt;b&gt;" in again
    assert "font-face" not in again


@pytest.mark.parametrize("line", LINES)
def test_a_sample_runs_as_its_line_says(world: World, line: str) -> None:
    shutil.copytree(SAMPLES, world.folder / "samples")
    words = shlex.split(line)
    done = world.run(*words)
    assert done.code == 0, done.err
    sheet = world.folder / words[1]
    rows = world.results(sheet, ".rehearsal")
    assert {row["result_status"] for row in rows} == {"done"}
    told = (SAMPLES / "README.md").read_text(encoding="utf-8")
    promised = re.search(rf"`{re.escape(sheet.name)}` \| (\d+) ", told)
    assert promised is not None
    assert len(rows) == int(promised[1])
