"""Wrong use is answered with one sentence, before anything is sent or remembered."""

import os
import subprocess
import sys

import pytest

from tests.support.world import PICTURE, TEXT, World

UNPRIVILEGED = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--")
"""Root reads everything, unless this right is taken away."""


def test_a_wrong_file_name_template_is_told_and_not_remembered(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.mock()
    for _ in ("a new sheet", "one that is unchanged"):
        refused = world.run("run", sheet, *PICTURE, "--name", "{{ nope }}")
        assert (refused.code, refused.posts) == (3, 0), refused.err
        assert "--name: {{ nope }} is unknown" in refused.err
        world.run("run", sheet, *PICTURE)
    assert world.run("run", sheet, "-y").code == 0


def test_an_endpoint_that_an_option_names_is_wrong_once(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat", "a dog")
    refused = world.run("run", sheet, "-e", "chatt", "-m", "m")
    assert (refused.code, refused.posts) == (3, 0)
    assert refused.err == "Error: There is no endpoint chatt. Did you mean chat?\n"
    assert "Did you mean chat?" in world.run("check", sheet, "-e", "chatt", "-m", "m").out


def test_a_folder_is_no_sheet(world: World) -> None:
    for command in ("run", "check"):
        refused = world.run(command, world.folder, *TEXT[:4])
        assert refused.code == 3
        assert "is a folder, and not a sheet's workspace" in refused.err


def test_a_gateway_that_is_not_there_is_told_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = world.prompts("a.csv", "a cat", "a dog")
    monkeypatch.setenv("ROWMILL_BASE_URL", "http://127.0.0.1:9")
    world.settings('[limits]\nmax_wait = "1s"\n')
    gone = world.run("run", sheet, *TEXT)
    assert (gone.code, gone.posts) == (6, 0)
    refused = "Connection refused by the provider's server. The run waits and resumes by itself"
    assert refused in gone.err
    assert "cost nothing" in gone.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sets capabilities")
def test_files_that_may_not_be_read_are_told(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.mock()
    world.run("run", sheet, *TEXT)
    closed = world.prompts("b.csv", "a cat")
    for path in (closed, world.workspace(sheet).table):
        path.chmod(0)
    told = {closed: "the file cannot be read", sheet: "jobs.db cannot be read: Permission denied"}
    for named, words in told.items():
        refused = subprocess.run(
            [*UNPRIVILEGED, sys.executable, "-m", "runner.cli", "run", str(named), *TEXT],
            capture_output=True,
            text=True,
            check=False,
        )
        assert refused.returncode == 3, refused.stderr
        assert words in refused.stderr
