"""A rehearsal is a whole run against the built-in mock and leaves everything real unchanged."""

import signal
from pathlib import Path

import pytest

from jobs.job import FailureClass
from tests.support.world import PICTURE, TEXT, World, read

CLASSES = frozenset(map(str, FailureClass))


def rehearsed(world: World, sheet: Path) -> list[dict[str, str]]:
    """The results of a sheet's rehearsal."""
    return world.results(sheet, ".rehearsal")


def test_it_needs_no_key_and_no_choice_and_sends_nothing_to_the_provider(world: World) -> None:
    world.monkeypatch.delenv("ROWMILL_API_KEY")
    sheet = world.prompts("a.csv", "a cat", "a dog")
    done = world.run("rehearse", sheet)
    assert (done.code, done.posts) == (0, 0), done.err
    assert [row["result_status"] for row in rehearsed(world, sheet)] == ["done"] * 2
    assert "2 calls billed by the mock, 2 recorded by us, 0 missing" in done.err


def test_it_never_touches_the_real_workspace_and_is_never_taken_for_it(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("rehearse", sheet).code == 0
    assert not world.workspace(sheet).folder.exists()
    done = world.run("run", sheet, *TEXT)
    assert (done.code, done.posts) == (0, 1), done.err
    folder = world.workspace(sheet).folder
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert world.run("rehearse", sheet, "-e", "chat", "-m", "other").code == 0
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    again = world.run("run", sheet)
    assert (again.code, again.posts) == (0, 0), again.err


@pytest.mark.parametrize("named", ["a.rowmill", "fresh"])
def test_it_takes_no_folder_that_is_not_a_rehearsal(world: World, named: str) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    refused = world.run("rehearse", sheet, "--workspace", world.folder / named)
    assert refused.code == 3
    assert ".rehearsal" in refused.err
    assert world.standing(sheet) == {"done": 1}
    assert not world.workspace(sheet).bill.exists()


def test_a_rehearsal_is_not_run_with_money(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("rehearse", sheet)
    for named in ("a.rehearsal", "a.rehearsal/results.csv"):
        refused = world.run("run", named, *TEXT)
        assert (refused.code, refused.posts) == (3, 0)


def test_a_finished_one_starts_from_zero_and_a_cut_one_goes_on(world: World) -> None:
    sheet = world.prompts("a.csv", *(f"prompt {row}" for row in range(6)))
    assert world.run("rehearse", sheet, "--limit", 2).code == 0
    assert world.workspace(sheet, ".rehearsal").bill.read_bytes().count(b"\n") == 2
    resumed = world.run("rehearse", sheet)
    assert resumed.code == 0
    assert "6 calls billed by the mock" in resumed.err
    fresh = world.run("rehearse", sheet, "-e", "chat")
    assert fresh.code == 0, fresh.err
    assert "6 calls billed by the mock" in fresh.err
    assert world.workspace(sheet, ".rehearsal").bill.read_bytes().count(b"\n") == 6


def test_a_storm_leaves_every_row_settled_with_a_class(world: World) -> None:
    sheet = world.prompts("a.csv", *(f"prompt {row}" for row in range(100)))
    done = world.run("rehearse", sheet, "--faults", "storm", "-c", 50)
    assert done.code in (0, 4), done.err
    assert " recorded by us, 0 missing;" in done.err
    rows = rehearsed(world, sheet)
    assert len(rows) == 100
    for row in rows:
        match row["result_status"]:
            case "done":
                files = row["result_files"].split("\n")
                folder = world.workspace(sheet, ".rehearsal").folder
                assert all((folder / name).is_file() for name in files)
            case "failed":
                assert row["result_error_class"] in CLASSES
                assert row["result_error"]
            case status:
                assert status == "in_doubt"


def test_killed_on_the_way_it_loses_nothing(world: World) -> None:
    sheet = world.sheet("a.csv", ["name", "prompt"], *([k, f"prompt {k}"] for k in range(60)))
    words = ("--kill", 2, "-c", 3, "--id", "name", "--name", "x-{{ row }}")
    done = world.run("rehearse", sheet, *words)
    assert done.code == 0, done.err
    assert done.err.count("killed the run after") == 2
    assert "killed the run after 0 calls" not in done.err
    assert " recorded by us, 0 missing;" in done.err
    names = [Path(row["result_files"]).stem for row in rehearsed(world, sheet)]
    assert names == [f"x-{row}" for row in range(2, 62)]


def test_one_that_was_interrupted_is_resumed(world: World) -> None:
    sheet = world.prompts("a.csv", *(f"prompt {row}" for row in range(40)))
    process = world.start("rehearse", sheet, "-c", 2)
    bill = world.workspace(sheet, ".rehearsal").bill
    world.wait(process, lambda: bill.exists() and bill.read_bytes().count(b"\n") > 4)
    process.send_signal(signal.SIGINT)
    cut = world.finish(process)
    assert cut.code == 130, cut.err
    left = [row["result_status"] for row in rehearsed(world, sheet)]
    assert "pending" in left
    assert "done" in left
    resumed = world.run("rehearse", sheet, "-c", 20)
    assert resumed.code == 0, resumed.err
    assert "40 calls billed by the mock, 40 recorded by us, 0 missing" in resumed.err


def test_json_says_how_it_ended(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("rehearse", sheet, "--json")
    assert done.json["schema"] == 1
    assert done.json["rows"]["done"] == 1


def test_its_pictures_are_real_files_beside_its_results(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("rehearse", sheet, *PICTURE)
    folder = world.workspace(sheet, ".rehearsal").folder
    row = read(folder / "results.csv")[0]
    assert (folder / row["result_files"]).read_bytes()[:4] in (
        b"\x89PNG",
        b"RIFF",
        b"\xff\xd8\xff\xe0",
    )


@pytest.mark.parametrize("endpoint", ["chat", "messages", "gemini"])
def test_provider_batches_can_be_rehearsed(world: World, endpoint: str) -> None:
    sheet = world.prompts("a.csv", "a cat", "a dog")
    done = world.run("rehearse", sheet, "-e", endpoint, "-m", "mock-text", "--lane", "batch")
    assert (done.code, done.posts) == (0, 0), done.err
    assert [row["result_lane"] for row in rehearsed(world, sheet)] == ["batch"] * 2
    assert "2 calls billed by the mock, 2 recorded by us, 0 missing" in done.err
