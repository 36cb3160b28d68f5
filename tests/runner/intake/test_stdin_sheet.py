"""A sheet can be piped in."""

from pathlib import Path

import pytest

from tests.support.world import TEXT, World


def test_a_piped_sheet_is_kept_in_its_workspace_and_runs_on_from_there(world: World) -> None:
    world.mock()
    text = "id,prompt\nk1,cat\nk2,dog\n"
    done = world.run("run", "-", *TEXT, "--workspace", "w", stdin=text)
    assert (done.code, done.posts) == (0, 2), done.err
    kept = world.folder / "w" / "stdin.csv"
    assert kept.read_text() == text
    again = world.run("run", world.folder / "w", "-y")
    assert (again.code, again.posts) == (0, 0), again.err
    more = world.run("run", "-", "-y", "--workspace", "w", stdin=text + "k3,owl\n")
    assert (more.code, more.posts) == (0, 1), more.err


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"prompt": "cat"}\n{"prompt": "dog"}\n', "stdin.jsonl"),
        ('[{"prompt": "cat"}]', "stdin.json"),
        ("prompt;x\ncat;1\n", "stdin.csv"),
    ],
)
def test_what_is_piped_in_is_told_by_what_it_is(world: World, text: str, name: str) -> None:
    world.mock()
    assert world.run("run", "-", *TEXT, "--workspace", "w", stdin=text).code == 0
    assert (world.folder / "w" / name).exists()


def test_a_check_of_a_piped_sheet_leaves_nothing(world: World) -> None:
    world.mock()
    before = set(Path(world.folder).rglob("*"))
    checked = world.run("check", "-", *TEXT[:-1], stdin="id,prompt\nk1,cat\n")
    assert checked.code == 0, checked.err
    assert '"content": "cat"' in checked.out
    assert set(Path(world.folder).rglob("*")) == before


def test_a_piped_sheet_without_a_folder_is_refused(world: World) -> None:
    refused = world.run("run", "-", *TEXT, stdin="prompt\ncat\n")
    assert (refused.code, refused.posts) == (3, 0)
    assert "--workspace DIR" in refused.err


def test_a_first_line_that_is_nested_too_deep_is_no_fault_of_ours(world: World) -> None:
    line = '{"a":' * 100_000
    done = world.run("check", "-", *TEXT[:-1], "--workspace", "w", stdin=line)
    assert done.code == 3, done.err
