"""The commands of the READMEs run, their links lead somewhere, and both languages say the same."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from runner.cli import COMMANDS
from tests.support.world import PICTURE, ROOT, World, workbook

DOCUMENTS = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]
MAX_README_LINES = 120
USAGE, BUG, SOME_FAILED = 2, 1, 4


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


@pytest.mark.parametrize("name", ["recipes.md", "recipes.zh-CN.md"])
def test_every_recipe_works_as_it_is_written(world: World, name: str) -> None:
    shutil.copytree(ROOT / "samples", world.folder / "samples")
    lines = shell_lines(ROOT / "docs" / name)
    assert len(lines) >= 12
    for line in lines:
        done = world.run(*shlex.split(line)[1:])
        assert done.code in ((0, SOME_FAILED) if "storm" in line else (0,)), f"{line}\n{done.err}"
    assert (world.folder / "tags.csv").exists()
    assert (world.folder / "主图-done.xlsx").exists()


@pytest.mark.parametrize("name", ["troubleshooting.md", "troubleshooting.zh-CN.md"])
def test_every_command_that_helps_runs(world: World, name: str) -> None:
    world.mock({"prompt 3": ["moderation"] * 9, "prompt 5": ["500"] * 9})
    sheet = world.folder / "prompts.xlsx"
    workbook(sheet, ["prompt"], *([f"prompt {n}"] for n in range(2, 8)))
    assert world.run("run", sheet, *PICTURE).code == SOME_FAILED
    lines = shell_lines(ROOT / "docs" / name)
    assert len(lines) >= 10
    for line in lines:
        done = world.run(*shlex.split(line)[1:])
        assert done.code in (0, SOME_FAILED), f"{line}\n{done.err}"


def test_both_languages_show_the_same_commands() -> None:
    for english in (ROOT / "docs").glob("*.md"):
        chinese = english.with_name(f"{english.stem}.zh-CN.md")
        if "zh-CN" not in english.name and chinese.exists():
            assert _commands(english) == _commands(chinese), english.name


def _commands(document: Path) -> list[str]:
    return [re.sub(r"\s+#.*", "", line) for line in shell_lines(document)]


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
