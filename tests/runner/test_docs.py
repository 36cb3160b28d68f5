"""The commands of the READMEs run, their links lead somewhere, and both languages say the same."""

import re
import shlex
from pathlib import Path

import pytest

from runner.cli import COMMANDS
from tests.support.world import ROOT, World, workbook

DOCUMENTS = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]
MAX_README_LINES = 120
USAGE, BUG = 2, 1


def shell_lines(document: Path) -> list[str]:
    """The lines of rowmill in a document's shell blocks, without their comments."""
    blocks = re.findall(r"```sh\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("rowmill ")]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_every_command_of_a_readme_runs_in_its_order(world: World, name: str) -> None:
    world.mock({"prompt 3": ["moderation"] * 9})
    lines = shell_lines(ROOT / name)
    sheet = next(word for word in shlex.split(lines[1]) if word.endswith(".xlsx"))
    workbook(world.folder / sheet, ["prompt"], *([f"prompt {n}"] for n in range(2, 14)))
    assert len(lines) >= 12
    for line in lines:
        words = shlex.split(line, comments=True)[1:]
        if words[:2] == ["run", sheet] and "-y" not in words:
            words.append("-y")  # a person is asked on a terminal; a test is none
        done = world.run(*words, stdin="sk-canary-0123456789\n" if words[0] == "keys" else None)
        assert done.code not in (USAGE, BUG), f"{line}\n{done.err}"
    assert world.column(world.folder / sheet).count("done") == 11


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_a_readme_is_a_start_and_no_reference(name: str) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_of_a_document_leads_to_a_file(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_document_but_for_developers_has_a_chinese_twin() -> None:
    english = {path.name.removesuffix(".md") for path in DOCUMENTS if "zh-CN" not in path.name}
    chinese = {path.name.removesuffix(".zh-CN.md") for path in DOCUMENTS if "zh-CN" in path.name}
    assert english - chinese == {"decisions", "glossary"}


@pytest.mark.parametrize("name", ["commands.md", "commands.zh-CN.md"])
def test_every_command_has_its_line_in_the_reference(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([a-z]+)", text, re.MULTILINE))
    assert named == set(COMMANDS)
