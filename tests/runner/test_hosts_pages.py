"""The pages about several machines show commands that exist, and say the same in both languages."""

import re
import shlex
from pathlib import Path

import click
import pytest

from runner import cli
from runner.settings.database_url import is_database_url, read_database_url
from runner.views.hosts import HostStatus, hosts_record

DOCS = Path(cli.__file__).parents[1] / "docs"
PAGES = (DOCS / "hosts.md", DOCS / "hosts.zh-CN.md")


def lines(page: Path) -> list[str]:
    """The lines of code that run rowmill, and those inside sentences with a sheet."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    shown = [line for block in blocks for line in block.splitlines()]
    shown += re.findall(r"`(rowmill [^`]+)`", text)
    return [line.partition("  #")[0].strip() for line in shown if line.startswith("rowmill ")]


def commands() -> list[str]:
    return sorted({line for page in PAGES for line in lines(page)})


def test_both_pages_show_the_same_commands() -> None:
    english, chinese = (lines(page) for page in PAGES)
    assert english == chinese
    assert len(english) > 10


@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_page_is_one_that_rowmill_takes(line: str) -> None:
    words = shlex.split(line)[1:]
    command = cli.rowmill.get_command(click.Context(cli.rowmill), words[0])
    assert command is not None
    if isinstance(command, click.Group):
        command, words = command.commands[words[1]], words[1:]
    command.make_context(words[0], words[1:]).close()
    for word in filter(is_database_url, words):
        read_database_url(word)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_page_names_every_key_of_a_host(page: Path) -> None:
    host = HostStatus(
        number=1,
        name="a",
        pid=2,
        program="0.1.0",
        state="live",
        since=0.0,
        heard_at=0.0,
        silent_seconds=0.0,
        in_flight=0,
    )
    record = hosts_record([host])[0]
    assert isinstance(record, dict)
    text = page.read_text(encoding="utf-8")
    assert [key for key in record if f"`{key}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_the_page_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
